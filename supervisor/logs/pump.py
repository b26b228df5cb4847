"""One task per stream that moves a job's output into its log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import trio

from supervisor.logs.destination import PATIENCE, TURN, LogDestination
from supervisor.logs.lines import LineSplitter
from supervisor.logs.pace import Pace
from supervisor.logs.records import Stream

LineSink: TypeAlias = Callable[[Stream, Sequence[bytes]], Awaitable[None]]
"""Takes complete lines as they come, without newlines; the stream is held up while it waits."""


async def pump_stream(
    pipe: int,
    destination: LogDestination,
    stream: Stream,
    *,
    ending: trio.Event,
    sink: LineSink | None = None,
) -> None:
    """Move what comes out of `pipe` to the log until end-of-file, fairly among many.

    `pipe` is non-blocking, and its writers were there before: a pipe that nobody has opened for
    writing yet is at end-of-file. `ending` tells that the job is over, so that pauses which let
    lines gather are cut short. Nothing is queued: what `sink` has not taken stays in the pipe.
    """
    splitter = LineSplitter()
    pace = Pace(trio.current_time())
    while True:
        turn = destination.pump(stream, pipe, TURN if sink is None else 1)
        if sink is not None and turn.count > 0:
            await _show(sink, stream, splitter.feed(destination.batch))
        if turn.ended:
            break
        if turn.busy is not None:
            with trio.move_on_after(PATIENCE):
                await trio.lowlevel.wait_writable(turn.busy)
        elif turn.drained:
            await _wait(pipe, pace, turn.count, ending)
        else:
            await trio.lowlevel.checkpoint()
    if sink is not None:
        await _show(sink, stream, splitter.finish())


async def _show(sink: LineSink, stream: Stream, lines: Sequence[bytes]) -> None:
    if lines:
        await sink(stream, lines)


async def _wait(pipe: int, pace: Pace, count: int, ending: trio.Event) -> None:
    """Wait until a drained pipe is worth another look."""
    pause = pace.pause(count, trio.current_time()) if count > 0 else 0.0
    if pause > 0 and not ending.is_set():
        with trio.move_on_after(pause):
            await ending.wait()
    else:
        await trio.lowlevel.wait_readable(pipe)
