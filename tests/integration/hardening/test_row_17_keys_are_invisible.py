"""Row 17: host keys are invisible."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator

import pytest

from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

ADD_KEY, KEYCTL = (248, 250) if platform.machine() == "x86_64" else (217, 219)
SESSION_KEYRING, USER_KEYRING = -3, -4
UNLINK, SEARCH = 9, 10


@pytest.fixture
def planted() -> Iterator[str]:
    """Put a key into the supervisor's session keyring and into its user's."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = f"pocker-canary-{os.getpid()}"
    keys = {
        ring: libc.syscall(ADD_KEY, b"user", name.encode(), b"secret", 6, ring)
        for ring in (SESSION_KEYRING, USER_KEYRING)
    }
    assert all(key > 0 for key in keys.values()), os.strerror(ctypes.get_errno())
    assert libc.syscall(KEYCTL, SEARCH, SESSION_KEYRING, b"user", name.encode(), 0) > 0
    yield name
    for ring, key in keys.items():
        assert libc.syscall(KEYCTL, UNLINK, key, ring) == 0


@pytest.mark.parametrize("init", [True, False])
async def test_a_planted_key_is_not_found(stage: Stage, planted: str, init: bool) -> None:
    """Whichever keyring is searched: the calls themselves are denied."""
    ended = await stage.run("probe", "keys", planted, init=init)
    assert ended.lines == ["EPERM"] * 6


@pytest.mark.parametrize("init", [True, False])
async def test_the_session_keyring_is_a_new_one(stage: Stage, planted: str, init: bool) -> None:
    """Also without the filter, what the supervisor holds in its session is not inherited."""
    ended = await stage.run("probe", "keys", planted, seccomp=False, init=init)
    thread, process, session, *_ = ended.lines
    assert {thread, process, session} == {"ENOKEY"}


async def test_keys_are_not_listed(stage: Stage, planted: str) -> None:
    """The kernel's own list is masked."""
    for seccomp in (True, False):
        ended = await stage.run("cat /proc/keys 2>/dev/null | wc -c", seccomp=seccomp)
        assert ended.text == "0\n"
