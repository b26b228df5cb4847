"""A container that a `pocker run` in the foreground attends to, which no supervisor knows.

What a supervisor is asked about its containers is done to this one by whoever asks.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import trio
from attrs import frozen

from runtime.attendance import wait_until_unattended
from runtime.cgroups import CgroupGone
from runtime.container import Container, Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError
from supervisor.api import ControlError
from supervisor.containerspec import stop_signal
from supervisor.detached.reading import job_of
from supervisor.detached.roster import Entry, Roster
from supervisor.images import known_image_of
from supervisor.problems import JobsFileError
from supervisor.values import read_signal

_PATIENCE = 10.0
"""Seconds for whoever attends to a container to remove it when it has ended."""


class _Gone(ControlError):
    """It has ended meanwhile."""


@frozen
class Unsupervised:
    """The container of an entry that is attended to in these directories."""

    directories: Directories
    entry: Entry

    def signal(self, _job: str, name: str) -> None:
        try:
            number = read_signal(name)
        except ValueError as error:
            raise ControlError(str(error)) from error
        if number == signal.SIGKILL:
            trio.run(self._end, signal.SIGKILL, 0.0)
            return
        with self._visited() as container:
            container.signal(number)

    def stop(self, _job: str, grace: float | None = None) -> None:
        try:
            job = job_of(self.entry, Roster.of(self.directories).path)
            number = stop_signal(job, known_image_of(job, self.directories))
        except (ContainerError, JobsFileError) as error:
            raise ControlError(str(error)) from error
        trio.run(self._end, number, job.stop_grace_period if grace is None else grace)

    def pause(self, _job: str) -> None:
        with self._visited() as container:
            trio.run(container.pause)

    def unpause(self, _job: str) -> None:
        with self._visited() as container:
            container.unpause()

    def wait(self) -> int | None:
        """Return when it has ended: its exit code, where anybody can know it."""

        async def wait() -> int | None:
            with self._visited() as container:
                if container.process is None:
                    raise _Gone("it is not running")
                end = await container.process.wait()
            if end is None:
                return None
            return end.code if end.signal is None else 128 + end.signal

        return trio.run(wait)

    async def _end(self, number: int, grace: float) -> None:
        """Whoever attends to it removes what is left, and that is waited for."""
        with suppress(_Gone), self._visited() as container:
            if container.process is None:
                raise ControlError("it is just being started, or has just ended: try again")
            if grace > 0:
                container.signal(number)
            with trio.move_on_after(grace) as patience:
                await container.cgroup.wait_empty()
            if patience.cancelled_caught:
                container.kill()
        wait = partial(wait_until_unattended, self.directories, self._container)
        # He may himself be held up, as by whoever reads what the command has written.
        with trio.move_on_after(_PATIENCE):
            await trio.to_thread.run_sync(wait, abandon_on_cancel=True)

    @property
    def _container(self) -> str:
        assert self.entry.container is not None, "it has one, or nobody would attend to it"
        return self.entry.container

    @contextmanager
    def _visited(self) -> Iterator[Container]:
        try:
            with Runtime.visiting(self.directories, self._container) as (_, container):
                yield container
        except CgroupGone as error:
            raise _Gone("it is not running") from error
        except ContainerError as error:
            raise ControlError(str(error)) from error
