"""Keeps the service manager informed for as long as a supervisor works.

Ready once jobs begin; a status line whenever it changes; that the jobs file is being read again;
more time for as long as an ordered end takes; and signs of life from the event loop itself, so that
a loop that is stuck is found out. What is said arrives in the order in which it was said.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from attrs import define, field

from supervisor.job import JobRun
from supervisor.service import Service, Watcher
from supervisor.systemd.notify import Message, Notifier
from supervisor.systemd.status import describe_states

EXTENSION = 15.0
"""Seconds that the end of all jobs may take from each time that more of them are asked for."""
_BETWEEN_EXTENSIONS = 5.0
_BETWEEN_STATUSES = 0.2
"""Seconds: a thousand short jobs are no reason to keep process 1 busy."""


@define(eq=False)
class Liaison:
    """What looks on at a service on the manager's behalf."""

    notifier: Notifier
    _to_send: trio.MemorySendChannel[Message] = field(init=False)
    _to_be_sent: trio.MemoryReceiveChannel[Message] = field(init=False)
    _ready: trio.Event = field(factory=trio.Event, init=False)
    _changed: trio.Event = field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._to_send, self._to_be_sent = trio.open_memory_channel(math.inf)

    @property
    def watcher(self) -> Watcher:
        """What is to be told of transitions."""
        return Watcher(changed=self._note_change, reloading=self._reloading)

    def ready(self) -> None:
        """Jobs begin."""
        self._ready.set()

    async def show(self, service: Service) -> None:
        """Inform the manager until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send)
                nursery.start_soon(self._report, service)
                nursery.start_soon(self._ask_for_time, service)
                if self.notifier.watchdog is not None:
                    nursery.start_soon(self._show_life, self.notifier.watchdog / 3)
        finally:
            self.notifier.tell_at_once({"STOPPING": 1, "STATUS": _status(service, stopping=True)})

    def _note_change(self, _: JobRun) -> None:
        self._changed.set()

    @contextmanager
    def _reloading(self) -> Iterator[None]:
        # The manager compares the time with that of its own SIGHUP.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say({"RELOADING": 1, "MONOTONIC_USEC": now})
        try:
            yield
        finally:
            self._say({"READY": 1})
            self._changed.set()

    def _say(self, message: Message) -> None:
        self._to_send.send_nowait(message)

    async def _send(self) -> None:
        async for message in self._to_be_sent:
            await self.notifier.tell(message)

    async def _report(self, service: Service) -> None:
        await self._ready.wait()
        told = _status(service, stopping=False)
        self._say({"READY": 1, "STATUS": told})
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            line = _status(service, stopping=service.scheduler.shutting_down.is_set())
            if line != told:
                self._say({"STATUS": line})
                told = line
            await trio.sleep(_BETWEEN_STATUSES)

    async def _ask_for_time(self, service: Service) -> None:
        await service.scheduler.shutting_down.wait()
        self._say({"STOPPING": 1, "STATUS": _status(service, stopping=True)})
        while True:
            self._say({"EXTEND_TIMEOUT_USEC": round(EXTENSION * 1e6)})
            await trio.sleep(_BETWEEN_EXTENSIONS)

    async def _show_life(self, pause: float) -> None:
        while True:
            self._say({"WATCHDOG": 1})
            await trio.sleep(pause)


def _status(service: Service, *, stopping: bool) -> str:
    return describe_states((run.state for run in service.runs.values()), stopping=stopping)
