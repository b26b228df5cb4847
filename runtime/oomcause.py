"""Who the kernel killed for want of memory, and whose memory it was that ran out.

The cgroup's counter says that there was a kill; the kernel's log says the rest, for as long as it
may be read and does not suppress the line (it is limited to ten in five seconds). What it does not
say is reported as unknown. Format: dump_oom_victim() in mm/oom_kill.c; records: kmsg ABI,
Documentation/ABI/testing/dev-kmsg.
"""

from __future__ import annotations

import errno
import os
import re
from collections import deque

from attrs import evolve, frozen

_VICTIM = re.compile(
    rb"oom-kill:constraint=(?P<constraint>\w+),.*?"
    rb"(?:oom_memcg=(?P<exhausted>[^,]*)|global_oom),"
    rb"task_memcg=(?P<group>[^,]*),task=(?P<task>.*),pid=(?P<pid>\d+),uid=\d+"
)
_KEPT = 256
"""Kills that are remembered; older ones belong to containers that are long gone."""


@frozen(kw_only=True)
class OomVictim:
    """One kill: the process, its cgroup, and the cgroup whose limit was reached (None: the host).

    Paths are those of the memory hierarchy, from its root. A container's group has its id as the
    name, which no other group has.
    """

    process: str
    pid: int
    group: str
    exhausted: str | None
    is_own: bool = False
    """Whether the container's own limit was reached, or that of a group inside it."""

    def seen_from(self, container: str) -> OomVictim | None:
        """The kill as one of the container with this id; None if it was in another one."""
        if container not in self.group.split("/"):
            return None
        return evolve(self, is_own=container in (self.exhausted or "").split("/"))


def parse_victim(record: bytes) -> OomVictim | None:
    """The kill that a record of the kernel's log tells of, or None."""
    match = _VICTIM.search(record)
    if match is None:
        return None
    exhausted = match["exhausted"]
    return OomVictim(
        process=match["task"].decode("utf-8", "replace"),
        pid=int(match["pid"]),
        group=match["group"].decode("utf-8", "replace"),
        exhausted=None if exhausted is None else exhausted.decode("utf-8", "replace"),
    )


class KernelLog:
    """The kernel's log from now on. `victims` reads what has come since the last call."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        self._victims: deque[OomVictim] = deque(maxlen=_KEPT)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)
        except (PermissionError, FileNotFoundError):
            self._fd = -1  # not for us to read: then the counter alone speaks

    def victims(self, container: str) -> list[OomVictim]:
        """The kills in a container, oldest first, as far as the log tells them."""
        self._read()
        seen = (victim.seen_from(container) for victim in self._victims)
        return [victim for victim in seen if victim is not None]

    def _read(self) -> None:
        while self._fd >= 0:
            try:
                record = os.read(self._fd, 8192)
            except BlockingIOError:
                return
            except OSError as error:
                # Records were overwritten before they were read; the next ones can be.
                if error.errno != errno.EPIPE:
                    self.close()  # no container is to suffer for it
                continue
            victim = parse_victim(record)
            if victim is not None:
                self._victims.append(victim)

    def close(self) -> None:
        """Close the log."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
