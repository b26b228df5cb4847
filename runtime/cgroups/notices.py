"""Change notices of cgroup files: one inotify descriptor for all that is watched.

There are only 128 inotify instances per user by default, fewer than containers. No task of
its own reads the descriptor: of all that wait, one leads (it reads and wakes the others) and
hands over when it is done or cancelled, so a watch costs nothing while nobody waits.
"""

from __future__ import annotations

import os
import struct

import trio

from runtime.cgroups.directory import CgroupGone, cause
from runtime.cgroups.syscalls import (
    IN_IGNORED,
    IN_MODIFY,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
)
from runtime.errors import CgroupError

_EVENT = struct.Struct("iIII")
_OVERFLOW = -1


class Notices:
    """The descriptor and everything that is watched through it."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._watched: dict[int, set[Notice]] = {}
        self._leader: Notice | None = None

    def watch(self, path: str) -> Notice:
        """Watch one file for changes; a change from now on is not missed."""
        try:
            if self._descriptor < 0:
                self._descriptor = inotify_init()
            number = inotify_add_watch(self._descriptor, path, IN_MODIFY)
        except FileNotFoundError as error:
            raise CgroupGone(f"watch {path}: {cause(error)}") from error
        except OSError as error:
            raise CgroupError(f"watch {path}: {cause(error)}") from error
        notice = Notice(self, number)
        self._watched.setdefault(number, set()).add(notice)
        return notice

    def close(self) -> None:
        """Close every watch and the descriptor."""
        for notice in [one for group in self._watched.values() for one in group]:
            notice.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def _lead(self, notice: Notice) -> None:
        """Wait for the next batch of events and tell everybody concerned."""
        self._leader = notice
        try:
            await trio.lowlevel.wait_readable(self._descriptor)
            self._deliver()
        except trio.ClosedResourceError:
            # Only close() of the leading notice gets here: the descriptor itself stays open.
            return
        finally:
            self._leader = None
            self._hand_over()

    def _hand_over(self) -> None:
        """Wake one of those who wait, so that it leads."""
        if self._leader is None:
            for group in self._watched.values():
                for notice in group:
                    if notice._asleep is not None:
                        notice._asleep.set()
                        return

    def _deliver(self) -> None:
        try:
            events = os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        at = 0
        while at < len(events):
            number, mask, _, length = _EVENT.unpack_from(events, at)
            at += _EVENT.size + length
            if number == _OVERFLOW:
                concerned = [one for group in self._watched.values() for one in group]
            else:
                concerned = list(self._watched.get(number, ()))
            for notice in concerned:
                notice._tell(ended=bool(mask & IN_IGNORED))

    def _drop(self, notice: Notice) -> None:
        group = self._watched.get(notice._number)
        if group is not None:
            group.discard(notice)
            if not group:
                del self._watched[notice._number]
                if not notice._ended:
                    inotify_rm_watch(self._descriptor, notice._number)
        if self._leader is notice:
            trio.lowlevel.notify_closing(self._descriptor)


class Notice:
    """One watched file."""

    def __init__(self, notices: Notices, number: int) -> None:
        self._notices = notices
        self._number = number
        self._pending = False
        self._ended = False
        self._closed = False
        self._asleep: trio.Event | None = None

    async def wait(self) -> None:
        """Return after at least one change since the last return, or since the watch began."""
        await trio.lowlevel.checkpoint()
        while not self._pending:
            if self._closed:
                raise trio.ClosedResourceError("this watch is closed")
            if self._notices._leader is None:
                await self._notices._lead(self)
            else:
                await self._follow()
        self._pending = False

    async def _follow(self) -> None:
        event = self._asleep = trio.Event()
        woken = False
        try:
            await event.wait()
            woken = True
        finally:
            self._asleep = None
            if not woken:
                # Cancelled, perhaps after it was chosen to lead: somebody else has to then.
                self._notices._hand_over()

    def close(self) -> None:
        """Stop watching; who waits gets trio.ClosedResourceError."""
        if not self._closed:
            self._closed = True
            self._notices._drop(self)
            if self._asleep is not None:
                self._asleep.set()

    def _tell(self, *, ended: bool) -> None:
        self._pending = True
        self._ended = self._ended or ended
        if self._asleep is not None:
            self._asleep.set()
