"""The jobs of a torture, made from a seed, with the one end that each must come to. Pure.

A job has a part for each of its executions (`tests.torture.actor`) and the end that goes with it.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from supervisor.states import Reason, RunState

Part: TypeAlias = list[list[Any]]


@frozen(kw_only=True)
class End:
    """How an attempt has to end; `oom` is whether the kernel has to have killed something."""

    reason: Reason
    code: int | None
    signal: int | None = None
    oom: bool = False


@frozen(kw_only=True)
class Job:
    """A job, and all that must have become of it; one that is skipped has no parts."""

    name: str
    parts: Sequence[Part]
    ends: Sequence[End]
    state: RunState
    keys: Mapping[str, object] = field(factory=dict)
    lingers: bool = False
    detail: str | None = None
    """The exact words of the outcome, where they are known."""

    @property
    def reason(self) -> Reason:
        """The reason of the run."""
        return self.ends[-1].reason if self.ends else Reason.SKIPPED


_FINE = End(reason=Reason.COMPLETED, code=0)
_MEMORY = {"memory": "32m", "memory_swap": "32m"}
Maker: TypeAlias = Callable[[random.Random, str], Job]


def _some_lines(chance: random.Random, *, least: int = 10, most: int = 400) -> list[Any]:
    return [
        "lines",
        chance.choice(("stdout", "stderr")),
        chance.randint(least, most),
        chance.choice((1, 40, 200, 3900)),
        chance.randrange(1 << 20),
        chance.choice((0, 0, 0.001, 0.005)),
    ]


def _succeeded(name: str, part: Part, **keys: object) -> Job:
    return Job(name=name, parts=[part], ends=[_FINE], state=RunState.SUCCEEDED, keys=keys)


def _failed(name: str, part: Part, end: End, **keys: object) -> Job:
    return Job(name=name, parts=[part], ends=[end], state=RunState.FAILED, keys=keys)


def _writes(chance: random.Random, name: str) -> Job:
    """Both streams, several times over."""
    return _succeeded(name, [_some_lines(chance) for _ in range(chance.randint(2, 5))])


def _chatters(chance: random.Random, name: str) -> Job:
    """Thousands of short lines, each a write of its own."""
    salt = chance.randrange(1 << 20)
    return _succeeded(name, [["lines", "stdout", chance.randint(2000, 6000), 8, salt, 0.0005]])


def _sleeps(chance: random.Random, name: str) -> Job:
    part = [_some_lines(chance), ["sleep", chance.uniform(1, 6)], _some_lines(chance)]
    return _succeeded(name, part)


def _exits(chance: random.Random, name: str) -> Job:
    code = chance.randint(1, 120)
    end = End(reason=Reason.ERROR, code=code)
    return _failed(name, [_some_lines(chance), ["exit", code]], end)


def _exits_well(chance: random.Random, name: str) -> Job:
    """A code that counts as success, though it is not 0."""
    code = chance.randint(2, 120)
    return Job(
        name=name,
        parts=[[_some_lines(chance), ["exit", code]]],
        ends=[End(reason=Reason.COMPLETED, code=code)],
        state=RunState.SUCCEEDED,
        keys={"success_codes": [0, code]},
    )


def _writes_anything(chance: random.Random, name: str) -> Job:
    """NUL bytes, no UTF-8, long lines, no newline at the end of either stream."""
    part: Part = [
        ["raw", stream, chance.choice((1, 5000, 70_000, 300_000)), chance.randrange(1 << 20)]
        for stream in ("stdout", "stderr", "stdout")
    ]
    return _succeeded(name, part)


def _signals(chance: random.Random, name: str) -> Job:
    number = chance.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGUSR1))
    end = End(reason=Reason.ERROR, code=128 + number, signal=number)
    pause = ["sleep", chance.uniform(0, 1)]
    return _failed(name, [_some_lines(chance), pause, ["signal", int(number)]], end)


def _runs_out(chance: random.Random, name: str) -> Job:
    end = End(reason=Reason.OOM_KILLED, code=137, signal=9, oom=True)
    return _failed(name, [_some_lines(chance), ["grow"]], end, **_MEMORY)


def _loses_child(chance: random.Random, name: str) -> Job:
    part: Part = [_some_lines(chance), ["lose-child"], _some_lines(chance)]
    return Job(
        name=name,
        parts=[part],
        ends=[End(reason=Reason.COMPLETED, code=0, oom=True)],
        state=RunState.SUCCEEDED,
        keys=_MEMORY,
    )


def _lingers(chance: random.Random, name: str) -> Job:
    """Grandchildren outlive the command, and write until PID 1 ends them."""
    stream = chance.choice(("stdout", "stderr"))
    salt = chance.randrange(1 << 20)
    pause = chance.choice((0.0002, 0.001))
    part: Part = [
        ["lines", stream, 50, 200, salt, 0],
        ["linger", stream, chance.randint(1, 4), pause],
        ["sleep", chance.uniform(0, 1.5)],
        ["lines", stream, 50, 200, salt + 1, 0.002],
    ]
    return Job(name=name, parts=[part], ends=[_FINE], state=RunState.SUCCEEDED, lingers=True)


def _overstays(chance: random.Random, name: str) -> Job:
    end = End(reason=Reason.DEADLINE_EXCEEDED, code=137, signal=9)
    part = [_some_lines(chance, most=100), ["sleep", 600]]
    return _failed(name, part, end, timeout=f"{chance.randint(1500, 4000)}ms")


def _fails_at_first(chance: random.Random, name: str) -> Job:
    """Comes to a good end after a few failures, by `retries` or by `restart`."""
    failures = chance.randint(1, 3)
    code = chance.randint(1, 120)
    parts: list[Part] = [[_some_lines(chance), ["exit", code]] for _ in range(failures)]
    pauses = {"initial": f"{chance.randint(50, 900)}ms", "factor": 1.5}
    more: dict[str, object] = {"retries": failures + 1}
    if chance.random() < 0.5:
        more = {"restart": f"on-failure:{failures}"}
    return Job(
        name=name,
        parts=[*parts, [_some_lines(chance)]],
        ends=[*[End(reason=Reason.ERROR, code=code)] * failures, _FINE],
        state=RunState.SUCCEEDED,
        keys={**more, "backoff": pauses},
    )


def _gives_up(chance: random.Random, name: str) -> Job:
    retries = chance.randint(1, 3)
    end = End(reason=Reason.ERROR, code=9)
    return Job(
        name=name,
        parts=[[_some_lines(chance), ["exit", 9]] for _ in range(retries + 1)],
        ends=[end] * (retries + 1),
        state=RunState.FAILED,
        keys={"retries": retries, "backoff": {"initial": "200ms", "factor": 2}},
        detail="exit code 9",
    )


def _is_not_there(_: random.Random, name: str) -> Job:
    return Job(
        name=name,
        parts=[],
        ends=[End(reason=Reason.START_ERROR, code=127)],
        state=RunState.FAILED,
        keys={"command": ["/nowhere/to/be/found"]},
        detail="command not found: /nowhere/to/be/found",
    )


MAKERS: tuple[Maker, ...] = (
    _writes, _chatters, _sleeps, _exits, _exits_well, _writes_anything, _signals, _runs_out,
    _loses_child, _lingers, _overstays, _fails_at_first, _gives_up, _is_not_there, _lingers,
    _sleeps,
)  # fmt: skip


def _bulk(chance: random.Random, name: str, megabytes: int) -> Job:
    """A great deal, through many rotations of the log."""
    count = (megabytes << 20) // 1960
    salt = chance.randrange(1 << 20)
    part: Part = [["lines", chance.choice(("stdout", "stderr")), count, 3900, salt, 0]]
    return _succeeded(name, part)


def make(seed: int, count: int, megabytes: int) -> list[Job]:
    """`count` jobs or a few more; one of each kind first, two of them large."""
    chance = random.Random(seed)
    jobs = [_bulk(chance, f"bulk-{number}", megabytes) for number in range(2)]
    number = 0
    while len(jobs) < count:
        maker = MAKERS[number] if number < len(MAKERS) else chance.choice(MAKERS)
        name = f"{maker.__name__.strip('_').replace('_', '-')}-{number}"
        jobs.append(maker(chance, name))
        number += 1
        if chance.random() < 0.3:
            jobs += _dependents(chance, jobs[-1], number)
    chance.shuffle(jobs)
    return jobs


def _dependents(chance: random.Random, job: Job, number: int) -> list[Job]:
    """A chain of two jobs behind another one, which are skipped where that fails."""
    found = []
    behind = [job.name]
    for step in range(2):
        name = f"after-{number}-{step}"
        keys: dict[str, object] = {"depends_on": [behind[0]]}
        if job.state is RunState.SUCCEEDED:
            made = _writes(chance, name)
            follower = Job(name=name, parts=made.parts, ends=made.ends, state=made.state, keys=keys)
        else:
            chain = " <- ".join((name, *behind))
            cause = f"{chain}: {job.reason}, {job.detail}" if job.detail else None
            follower = Job(
                name=name, parts=[], ends=[], state=RunState.SKIPPED, keys=keys, detail=cause
            )
        found.append(follower)
        behind.insert(0, name)
    return found


def jobs_file(jobs: Sequence[Job], project: str, concurrency: int) -> str:
    """The file of these jobs, as TOML; the actor and its parts are expected beside it."""
    lines = [
        f'name = "{project}"',
        f"concurrency = {concurrency}",
        "[defaults]",
        'image = "host"',
        'volumes = ["./out:/out", "./torture:/torture:ro", "/own"]',
        'log = { max_size = "8m", max_files = 40 }',
    ]
    for job in jobs:
        command = ["/usr/bin/python3", "-I", "-S", "/torture/actor.py", job.name]
        lines.append(f"[jobs.{job.name}]")
        lines += [
            f"{key} = {_toml(each)}" for key, each in {"command": command, **job.keys}.items()
        ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value)
