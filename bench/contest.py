"""Things that start a container, timed in turns on the same machine.

In turns, because a machine is not the same for two minutes: what disturbs one contender disturbs
its neighbours as well, so that ratios of medians hold where times do not.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from attrs import frozen

Times = Mapping[str, Sequence[float]]
"""Seconds of every start, by the contender's name."""


@frozen
class Contender:
    """One way of starting a container; `start` returns the seconds from first call to reaped."""

    name: str
    start: Callable[[], Awaitable[float]]


async def take_turns(contenders: Sequence[Contender], rounds: int) -> Times:
    """Start every contender once in each round, after one round that does not count.

    Every second round goes backwards, so that nobody always follows the same neighbour.
    """
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        await contender.start()
    for number in range(rounds):
        for contender in contenders if number % 2 else reversed(contenders):
            times[contender.name].append(await contender.start())
    return times


def report(times: Times, reference: str, title: str = "start to reaped") -> Iterator[str]:
    """A table of medians, of what nine of ten times lie between, and of ratios of medians."""
    unit = statistics.median(times[reference])
    yield f"{title:<28}{'5%':>8}{'median':>8}{'95%':>8} ms{'ratio':>8}"
    for name, seconds in times.items():
        low, *_, high = statistics.quantiles(seconds, n=20, method="inclusive")
        median = statistics.median(seconds)
        shown = "".join(f"{1000 * value:>8.2f}" for value in (low, median, high))
        yield f"{name:<28}{shown}   {median / unit:>8.2f}"
