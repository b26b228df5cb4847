"""Killing the supervisor loses nothing: no line, no outcome, no container, whenever it is."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from tests.torture.checker import Findings, check
from tests.torture.driver import Driver, NotEnding
from tests.torture.remains import being_reaper, left_behind
from tests.torture.workload import make

pytestmark = [pytest.mark.root, pytest.mark.controller("memory", "pids")]


@define
class Torture:
    """Rounds of a workload each, until enough supervisors have been killed."""

    seed: int
    top: Path
    jobs: int
    megabytes: int
    concurrency: int
    killed: int = 0
    rounds: int = 0
    attempts: int = 0
    void: int = 0
    bytes: int = 0
    phases: Counter[str] = field(factory=Counter)

    def run(self, kills: int) -> None:
        """Fail with all that is wrong in the first round in which anything is."""
        while self.killed < kills:
            top = self.top / str(self.rounds)
            with being_reaper():
                problems = list(self._round(top, kills - self.killed))
            if problems:
                top.joinpath("problems").write_text("\n".join(problems) + "\n")
                text = "\n".join(problems[:50])
                pytest.fail(f"{self}\nkept in {top}:\n{text}", pytrace=False)
            self.rounds += 1

    def _round(self, top: Path, kills: int) -> Iterator[str]:
        seed = self.seed * 1000 + self.rounds
        project = f"t{seed}"
        jobs = make(seed, self.jobs, self.megabytes)
        driver = Driver(top=top, chance=random.Random(seed))
        driver.lay_out(jobs, project, self.concurrency)
        try:
            self.killed += driver.run(kills)
        except NotEnding as error:
            yield str(error)
        self.phases += driver.phases
        yield from (f"exit code {code}" for code in driver.codes if code != 1)
        yield from _complaints((top / "supervisor.log").read_text().splitlines())
        found = check(jobs, top)
        self._count(found)
        yield from found.problems
        yield from left_behind(top, project)

    def _count(self, found: Findings) -> None:
        self.attempts += found.attempts
        self.void += found.void
        self.bytes += found.bytes

    def __str__(self) -> str:
        phases = "\n".join(f"{count:6} {phase}" for phase, count in self.phases.most_common())
        return (
            f"seed {self.seed}: {self.killed} supervisors killed in {self.rounds + 1} rounds of"
            f" {self.jobs} jobs; {self.attempts} attempts, {self.void} of them never executed;"
            f" {self.bytes >> 20} MiB of logs\n{phases}"
        )


def _complaints(lines: Sequence[str]) -> Iterator[str]:
    """Find what a supervisor says only where it does not get on."""
    for number, line in enumerate(lines, start=1):
        if line.startswith(("Traceback", "pocker:")):
            yield f"supervisor.log:{number}: {' / '.join(lines[number - 1 : number + 30])}"
        elif '"level": "error"' in line:
            yield f"supervisor.log:{number}: {line}"


def test_a_few_kills_lose_nothing(evidence: Path) -> None:
    """A small workload comes to the same end however its supervisors are killed."""
    Torture(seed=7, top=evidence, jobs=20, megabytes=4, concurrency=8).run(10)


@pytest.mark.torture
def test_many_kills_lose_nothing(
    unhurried: None,
    evidence: Path,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Large workloads come to the same ends through hundreds of kills; prints what was hit."""
    seed = pytestconfig.getoption("--torture-seed", 1)
    torture = Torture(seed=seed, top=evidence, jobs=60, megabytes=100, concurrency=8)
    torture.run(pytestconfig.getoption("--torture-kills", 200))
    with capsys.disabled():
        sys.stdout.write(f"\n{torture}\n")
