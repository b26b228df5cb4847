"""An ordinary user, once with subordinate ids and once without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.rootless.user import OrdinaryUser, ordinary_user


@pytest.fixture
def user() -> Iterator[OrdinaryUser]:
    """Give one with subordinate ids."""
    with ordinary_user(subordinate=True) as made:
        yield made


@pytest.fixture
def alone() -> Iterator[OrdinaryUser]:
    """Give one who has no id but his own."""
    with ordinary_user(subordinate=False) as made:
        yield made


@pytest.fixture(params=["with ids", "alone"])
def anybody(request: pytest.FixtureRequest) -> Iterator[OrdinaryUser]:
    """Give each of them."""
    with ordinary_user(subordinate=request.param == "with ids") as made:
        yield made
