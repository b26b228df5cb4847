"""How a container ended: from the record, else from PID 1's status, else unknown, never guessed."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import Usage
from runtime.container.exit import Exit, combine
from runtime.container.witness import (
    Ended,
    Executing,
    Failed,
    Silent,
    read_testimony,
)
from runtime.kernel import EXIT_RECORD_SIZE, REPORT_EXECUTING, REPORT_FAILED, REPORT_SIZE
from runtime.launch import failure_of_unknown_step
from runtime.process import ExitStatus

USAGE = Usage(cpu_seconds=0.5, oom_kills=1)
RECORD = struct.Struct("=IiiIqqqqqqI")
REPORT = struct.Struct("=IIii240s")


def exit_record(code: int = 3, signal: int = 0, core: int = 0) -> bytes:
    """A record as native/README.md describes it."""
    body = RECORD.pack(
        0x504B4552, code, signal, core, 1_500_000_000, 4_000_000_000, 2_500_000_000, 7, 8, 9, 0
    )
    return body + struct.pack("=I", zlib.crc32(body))


def report(kind: int, step: int = -1, error: int = 0, detail: bytes = b"") -> bytes:
    """A start report as native/README.md describes it."""
    return REPORT.pack(0x504B5252, kind, step, error, detail)


def told_by(content: bytes, directory: Path) -> Ended | Executing | Failed | Silent:
    """What a file with this content says."""
    path = directory / "exit"
    path.write_bytes(content)
    return read_testimony(str(path))


def test_the_records_have_the_sizes_of_the_readme() -> None:
    """What is described here is as long as what is read."""
    assert len(exit_record()) == EXIT_RECORD_SIZE == 72
    assert len(report(1)) == REPORT_SIZE == 256


def test_an_exit_code_is_read(tmp_path: Path) -> None:
    """With the times in seconds, and over whatever an earlier record has left behind it."""
    ended = Ended(code=3, signal=0, core_dumped=False, started=1.5, ended=4.0, elapsed=2.5)
    assert told_by(exit_record(), tmp_path) == ended
    older = report(REPORT_EXECUTING, detail=b"x" * 239)
    assert told_by(exit_record() + older[72:], tmp_path) == ended


def test_a_signal_is_read(tmp_path: Path) -> None:
    """A dumped core is told, too."""
    ended = told_by(exit_record(code=-1, signal=11, core=1), tmp_path)
    assert isinstance(ended, Ended)
    assert (ended.code, ended.signal, ended.core_dumped) == (-1, 11, True)


def test_a_start_report_is_read(tmp_path: Path) -> None:
    """Whether the command was about to be executed, or which step failed and why."""
    assert told_by(report(REPORT_EXECUTING), tmp_path) == Executing()
    failed = report(REPORT_FAILED, step=7, error=2, detail=b"open /data")
    assert told_by(failed, tmp_path) == Failed(7, 2, "open /data")
    error = failure_of_unknown_step(2, "open /data")
    assert str(error) == "open /data: no such file or directory"


def test_a_missing_or_empty_file_says_nothing(tmp_path: Path) -> None:
    """As before `init` was there."""
    assert read_testimony(str(tmp_path / "none")) == Silent()
    assert told_by(b"", tmp_path) == Silent()


@pytest.mark.parametrize("size", [1, 71, 72, 73, 255])
def test_a_torn_record_says_nothing(tmp_path: Path, size: int) -> None:
    """Half a report is none, and half an exit record neither."""
    assert told_by(report(REPORT_FAILED)[:size], tmp_path) == Silent()
    assert told_by(exit_record()[: min(size, 71)], tmp_path) == Silent()


def test_a_changed_record_says_nothing(tmp_path: Path) -> None:
    """The checksum covers every bit of it."""
    record = exit_record()
    for bit in range(len(record) * 8):
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        assert told_by(bytes(changed), tmp_path) == Silent()


@given(st.binary(max_size=300))
def test_any_file_says_something(content: bytes) -> None:
    """Whatever is in it, nothing is raised; and chance does not make a record."""
    with tempfile.TemporaryDirectory() as directory:
        assert told_by(content, Path(directory)) == Silent()


ENDED = Ended(code=3, signal=0, core_dumped=False, started=1.5, ended=4.0, elapsed=2.5)


@pytest.mark.parametrize(
    "status", [None, ExitStatus(code=3, signal=None), ExitStatus(code=None, signal=9)]
)
def test_the_record_is_the_best_witness(status: ExitStatus | None) -> None:
    """PID 1 may be killed after the command ended: its own status then says nothing about that."""
    assert combine(ENDED, status, USAGE) == Exit(
        code=3, signal=None, source="record", usage=USAGE, started=1.5, ended=4.0, elapsed=2.5
    )


def test_a_signal_in_the_record_is_no_code() -> None:
    """Exactly one of the two is set."""
    ended = Ended(code=-1, signal=15, core_dumped=False, started=1.5, ended=4.0, elapsed=2.5)
    found = combine(ended, None, USAGE)
    assert (found.code, found.signal) == (None, 15)


@pytest.mark.parametrize("testimony", [Silent(), Executing()])
def test_without_a_record_the_status_counts(testimony: Executing | Silent) -> None:
    """It is what the kernel says of PID 1; times are not known then."""
    assert combine(testimony, ExitStatus(None, 9), USAGE) == Exit(
        code=None, signal=9, source="status", usage=USAGE
    )
    assert combine(testimony, ExitStatus(5, None), USAGE).code == 5


def test_what_nobody_knows_is_unknown() -> None:
    """Neither a code nor a signal is made up."""
    assert combine(Silent(), None, USAGE) == Exit(
        code=None, signal=None, source="unknown", usage=USAGE
    )


def test_a_whole_container_that_was_killed_for_memory_is_known() -> None:
    """The cgroup is the witness where PID 1 was killed, too, and nobody saw its status."""
    usage = Usage(cpu_seconds=0.5, oom_kills=3, oom_group_kills=1)
    assert combine(Executing(), None, usage) == Exit(
        code=None, signal=9, source="cgroup", usage=usage
    )
