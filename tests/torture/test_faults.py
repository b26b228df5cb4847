"""A fault at any system call of launch, adoption and teardown ends well, or in a true failure.

After it, one restart at most; then the outcome is that of a play without a fault, or one that says
what went wrong, and nothing is left on the machine. The long test meets every call at least once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.torture.fault import Fault, Mode
from tests.torture.faults import carry_out, possible, summary
from tests.torture.plays import PLAYS

pytestmark = [pytest.mark.root, pytest.mark.controller("memory", "pids")]

SAMPLE = 192
"""How many faults the normal suite has time for."""

_STEPS: Mapping[str, Mapping[Mode, int]] = {
    "run": {"fail": 1, "kill": 1, "orphan": 1, "delay": 4},
    "adopt": {"fail": 1, "kill": 1, "delay": 8},
    "adopt-ended": {"fail": 2, "kill": 1, "delay": 8},
    "down": {"fail": 2, "kill": 1, "delay": 8},
    # These begin as `run` does.
    "absent": {"fail": 8, "kill": 2, "orphan": 2, "delay": 16},
    "host": {"fail": 4, "kill": 2, "orphan": 2, "delay": 16},
    "retry": {"fail": 4, "kill": 2, "orphan": 8, "delay": 16},
    "timeout": {"fail": 4, "kill": 2, "orphan": 8, "delay": 16},
    "stop": {"fail": 4, "kill": 2, "orphan": 8, "delay": 16},
}
"""Every how many-th fault is met in the long test."""


def _check(faults: Sequence[Fault], image: Path, evidence: Path) -> str:
    results = list(carry_out(faults, image, evidence))
    bad = [result for result in results if result.problems]
    if bad:
        text = "\n".join(map(str, bad))
        (evidence / "problems").write_text(f"{text}\n")
        pytest.fail(f"{summary(results)}\nkept in {evidence}:\n{text}", pytrace=False)
    return summary(results)


def test_some_faults_end_well(busybox: Path, evidence: Path) -> None:
    """Faults of each kind, evenly spread over all plays, are dealt with."""
    faults = possible(list(PLAYS), busybox, evidence)
    kinds: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.play, fault.role, fault.mode), []).append(fault)
    each = max(1, SAMPLE // len(kinds))
    sample = [
        found[(2 * position + 1) * len(found) // (2 * each)]
        for found in kinds.values()
        for position in range(each)
    ]
    _check(sample, busybox, evidence)


@pytest.mark.torture
def test_all_faults_end_well(
    unhurried: None, busybox: Path, evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every call of a job's whole life is failed and killed at; prints what came of it."""
    faults = [
        fault
        for fault in possible(list(PLAYS), busybox, evidence)
        if fault.number % _STEPS[fault.play].get(fault.mode, 16) == 0
    ]
    said = _check(faults, busybox, evidence)
    with capsys.disabled():
        sys.stdout.write(f"\n{said}\n")
