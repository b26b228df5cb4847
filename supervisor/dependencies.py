"""Waiting for the jobs that another one depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import trio

from supervisor.policies import Condition, Dependency


class AwaitedRun(Protocol):
    """A run that others may wait for."""

    started: trio.Event
    healthy: trio.Event
    ended: trio.Event

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well."""


Run = TypeVar("Run", bound=AwaitedRun)


async def first_unmet(
    needs: Iterable[Dependency], runs: Mapping[str, Run]
) -> tuple[Run, Condition] | None:
    """The first dependency that can no longer be met, or None once all are met."""
    failed: list[tuple[Run, Condition]] = []

    async def wait_for(run: Run, condition: Condition) -> None:
        if not await _fulfils(run, condition):
            failed.append((run, condition))
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for need in needs:
            nursery.start_soon(wait_for, runs[need.job], need.condition)
    return failed[0] if failed else None


async def _fulfils(run: AwaitedRun, condition: Condition) -> bool:
    """Wait until a run has met a condition, or can no longer meet it."""
    if condition is Condition.COMPLETED:
        await run.ended.wait()
        return run.succeeded
    met = run.healthy if condition is Condition.HEALTHY else run.started
    async with trio.open_nursery() as nursery:

        async def ended() -> None:
            await run.ended.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(ended)
        await met.wait()
        nursery.cancel_scope.cancel()
    return met.is_set()
