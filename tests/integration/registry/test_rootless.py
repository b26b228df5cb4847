"""Registries and ordinary users."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.registry.peer import Peer
from tests.integration.rootless.user import UID, numbers, ordinary_user

pytestmark = pytest.mark.root


@pytest.mark.parametrize("subordinate", [True, False])
def test_an_ordinary_user_pulls_and_pushes(peer: Peer, *, subordinate: bool) -> None:
    """One tag, all tags with one command, and back again under another name."""
    name = f"{peer.host}/team/app"
    with ordinary_user(subordinate=subordinate) as user:
        assert user.pocker("pull", "-q", f"{name}:small") == f"{name}:small\n"
        # A name that is looked up, for which trio starts a thread.
        named = name.replace("127.0.0.1", "localhost")
        assert len(user.pocker("pull", "-a", "-q", named).splitlines()) == 5
        assert (UID, UID) in numbers([Path(user.directories.images)])
        pushed = f"{peer.host}/mine/app{UID + subordinate}:v1"
        user.pocker("tag", f"{named}:one", pushed)
        assert user.pocker("push", "-q", pushed) == f"{pushed}\n"
        assert user.pocker("image", "verify").endswith(" images, nothing wrong\n")
    assert peer.digest(pushed.partition("/")[2]) == peer.digest("team/app:one")
