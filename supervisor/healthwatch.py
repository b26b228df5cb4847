"""Tests whether a running job does its work: one task for each attempt with a healthcheck."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import trio
from attrs import frozen

from runtime.container import Execution
from runtime.errors import ContainerError
from supervisor.health import Health, HealthState
from supervisor.healthplan import HealthPlan

MOST_OUTPUT = 4096
"""Bytes that are kept of what a test prints (Docker's)."""
_PATIENCE = 10.0
"""Seconds that a killed test may take to die."""

Start: TypeAlias = Callable[[tuple[str, ...]], Awaitable[Execution]]
"""Starts a command in the container of the job. Raises ContainerError."""
Report: TypeAlias = Callable[[Health, str], None]
"""Is told of each change, and what the test that made it has printed."""


@frozen
class _Result:
    passed: bool
    detail: str


async def watch_health(
    check: HealthPlan,
    start: Start,
    report: Report,
    *,
    age: Callable[[], float],
    paused: Callable[[], bool],
    health: Health | None,
) -> None:
    """Test again and again until cancelled, which ends a running test as well.

    `age` tells for how many seconds the attempt has run, `paused` whether it stands still, when
    nothing is tested; `health` is what a former supervisor has found out, None where nobody has
    said anything yet.
    """
    if health is None:
        report(Health.STARTING, "")
    state = HealthState(health=health or Health.STARTING)
    while True:
        await trio.sleep(state.pause(check, age()))
        if paused():
            continue
        result = await _test(check, start)
        before, state = state, state.after(check, passed=result.passed, age=age())
        if state.health is not before.health:
            report(state.health, result.detail)


async def _test(check: HealthPlan, start: Start) -> _Result:
    try:
        execution = await start(check.test)
    except ContainerError as error:
        return _Result(passed=False, detail=str(error))
    try:
        return await _watch(execution, check)
    finally:
        await _end(execution)


async def _watch(execution: Execution, check: HealthPlan) -> _Result:
    printed = bytearray()
    status = None
    with trio.move_on_after(check.timeout) as limit:
        async with trio.open_nursery() as readers:
            for _, pipe in execution.outputs():
                readers.start_soon(_collect, pipe, printed)
            status = await execution.wait()
            # What it has left running may hold the pipes open for as long as it likes.
            readers.cancel_scope.cancel()
    for _, pipe in execution.outputs():
        with suppress(BlockingIOError):
            _keep(os.read(pipe, MOST_OUTPUT), printed)
    said = printed[:MOST_OUTPUT].decode(errors="replace").strip()
    if limit.cancelled_caught:
        late = f"the test took longer than {check.timeout:g} s"
        return _Result(passed=False, detail=f"{late}; {said}" if said else late)
    passed = status is not None and status.code == 0
    return _Result(passed=passed, detail=said)


async def _collect(pipe: int, printed: bytearray) -> None:
    piece = b"-"
    while piece:
        await trio.lowlevel.wait_readable(pipe)
        piece = os.read(pipe, 65536)
        _keep(piece, printed)


def _keep(piece: bytes, printed: bytearray) -> None:
    printed += piece[: max(0, MOST_OUTPUT - len(printed))]


async def _end(execution: Execution) -> None:
    """Leave nothing of a test, however it ended."""
    with trio.CancelScope(shield=True):
        execution.signal(signal.SIGKILL)
        with trio.move_on_after(_PATIENCE):
            await execution.wait()
        execution.close()
