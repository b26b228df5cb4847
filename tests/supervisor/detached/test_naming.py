"""Names and ids for containers that were given none."""

from __future__ import annotations

import random
import re

import pytest

from supervisor.detached.naming import check_name, new_id, new_name
from supervisor.jobsfile import JOB_NAME


def test_a_name_is_two_words() -> None:
    """It can be said, and is a container's name by the usual rule."""
    chance = random.Random(1)
    names = {new_name((), chance) for _ in range(300)}
    assert len(names) > 200
    assert all(re.fullmatch("[a-z]+_[a-z]+", name) and JOB_NAME.fullmatch(name) for name in names)


def test_no_name_is_given_twice() -> None:
    """There are always more than are taken."""
    chance = random.Random(2)
    taken: set[str] = set()
    for _ in range(3000):
        name = new_name(taken, chance)
        assert name not in taken
        taken.add(name)


def test_an_id_is_not_taken() -> None:
    """Where chance gives one that is, it is asked again."""
    first = new_id((), random.Random(3))
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert new_id({first}, random.Random(3)) != first


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "..", "a\n", "x" * 129])
def test_what_is_no_name(name: str) -> None:
    """The rule is Docker's."""
    with pytest.raises(ValueError, match="is not a name"):
        check_name(name)
