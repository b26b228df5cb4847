"""Every fault, one after the other, in several processes at once: `python -m tests.torture.faults`.

Each play is recorded once without a fault, which tells the calls that it makes; each of them is
then a place for a fault. What was wrong is kept, and how to see it again is printed.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.torture.fault import Fault

WORKERS = (os.cpu_count() or 1) + 1
"""They wait for each other's processes now and then, more than they compute."""


@frozen(kw_only=True)
class Result:
    """What came of a fault."""

    fault: Fault
    hit: str
    """The call that it came to; empty where the play never came that far."""
    end: str
    problems: Sequence[str]
    evidence: str

    def __str__(self) -> str:
        lines = [f"{self.fault} at {self.hit or 'nothing'}: {self.end}", *self.problems]
        return "\n    ".join([*lines, *([self.evidence] if self.evidence else [])])


@contextmanager
def worker(image: Path, top: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that carries out trials."""
    command = [sys.executable, "-m", "tests.torture.faultworker", str(image), str(top)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _ask(process: subprocess.Popen[str], order: str) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(order + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert isinstance(answer, dict)
    return answer


def possible(plays: Sequence[str], image: Path, top: Path) -> list[Fault]:
    """All faults that these plays can meet. Raises AssertionError where one goes wrong without."""
    found = []
    with worker(image, top) as process:
        for play in plays:
            answer = _ask(process, f"record {play}")
            assert not answer["problems"], f"{play} without a fault: {answer['problems']}"
            found += [Fault.parse(text) for text in answer["faults"]]
    return found


def carry_out(faults: Sequence[Fault], image: Path, top: Path) -> Iterator[Result]:
    """Carry out trials; results come as they are there."""
    orders: queue.SimpleQueue[Fault | None] = queue.SimpleQueue()
    for fault in faults:
        orders.put(fault)
    results: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
    threads = []
    for number in range(WORKERS):
        orders.put(None)
        place = top / f"worker-{number}"
        place.mkdir()
        thread = threading.Thread(target=_work, args=(orders, results, image, place))
        thread.start()
        threads.append(thread)
    at_work = WORKERS
    while at_work:
        result = results.get()
        if result is None:
            at_work -= 1
        else:
            yield result
    for thread in threads:
        thread.join()


def _work(
    orders: queue.SimpleQueue[Fault | None],
    results: queue.SimpleQueue[Result | None],
    image: Path,
    top: Path,
) -> None:
    try:
        with worker(image, top) as process:
            while (fault := orders.get()) is not None:
                answer = _ask(process, str(fault))
                results.put(
                    Result(
                        fault=fault,
                        hit=answer["hit"],
                        end=answer["end"],
                        problems=answer["problems"],
                        evidence=answer["evidence"],
                    )
                )
    finally:
        results.put(None)


def summary(results: Sequence[Result]) -> str:
    """Count how trials ended, by kind of fault."""
    counts = Counter((f"{r.fault.role}:{r.fault.mode}", r.end) for r in results)
    lines = [f"{count:6}  {kind:18} {end}" for (kind, end), count in sorted(counts.items())]
    missed = sum(not result.hit for result in results)
    bad = sum(bool(result.problems) for result in results)
    return "\n".join([*lines, f"{len(results)} faults, {missed} met nothing, {bad} with problems"])


def _is_meant(fault: str, name: str) -> bool:
    return f"{fault}:".startswith(f"{name}:")


def main(arguments: Sequence[str]) -> int:
    """Carry out all faults whose names begin like one of those given, as in ``run:init``."""
    image, top, *names = arguments
    os.makedirs(top)
    plays = list(dict.fromkeys(name.partition(":")[0] for name in names))
    known = possible(plays, Path(image), Path(top))
    faults = [fault for fault in known if any(_is_meant(str(fault), name) for name in names)]
    results = []
    for result in carry_out(faults, Path(image), Path(top)):
        results.append(result)
        if result.problems or "Lost" in result.end:
            sys.stdout.write(f"{result}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{summary(results)}\n")
    return any(result.problems for result in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
