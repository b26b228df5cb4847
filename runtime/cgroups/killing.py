"""Killing every process of a group where the kernel cannot do that in one step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

_ROUNDS = 64
_BATCH = 256
"""Descriptors held at a time, well below the usual limit of 1024."""


def kill_members(members: Callable[[], list[int]]) -> None:
    """SIGKILL all that `members` lists, until it lists nobody who was not sent it yet.

    A number may have been given to another process between reading and killing. So each is
    pinned by a pidfd first, and killed only if a second look still lists the number.
    """
    sent: set[int] = set()
    for _ in range(_ROUNDS):
        fresh = [pid for pid in members() if pid not in sent]
        if not fresh:
            return
        for start in range(0, len(fresh), _BATCH):
            sent.update(_kill_batch(fresh[start : start + _BATCH], members))


def _kill_batch(pids: list[int], members: Callable[[], list[int]]) -> set[int]:
    pinned: dict[int, int] = {}
    try:
        for pid in pids:
            try:
                pinned[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
        listed = pinned.keys() & set(members())
        for pid in listed:
            try:
                signal.pidfd_send_signal(pinned[pid], signal.SIGKILL)
            except ProcessLookupError:
                continue
    finally:
        for descriptor in pinned.values():
            os.close(descriptor)
    return set(listed)
