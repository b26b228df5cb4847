"""Reading the kernel's counter files."""

from __future__ import annotations

from runtime.cgroups.usage import (
    Stall,
    keyed,
    limit_of,
    parse_pressure,
    v1_io_bytes,
    v2_io_bytes,
)


def test_keyed_lines() -> None:
    """A value is found by its whole key, and None says that there is no such line."""
    text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
    assert keyed(text, "oom_kill") == 3
    assert keyed(text, "oom") is None


def test_v1_io_adds_up_devices() -> None:
    """Reads and writes of all devices are summed, totals are not counted twice."""
    text = "8:16 Read 10\n8:16 Write 20\n8:16 Total 30\n8:0 Read 1\n8:0 Write 2\nTotal 33\n"
    assert v1_io_bytes(text) == (11, 22)
    assert v1_io_bytes("Total 0\n") == (0, 0)


def test_v2_io_adds_up_devices() -> None:
    """Only the byte counts of each device are summed."""
    text = "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=5 dios=1\n8:16 rbytes=1 wbytes=2\n"
    assert v2_io_bytes(text) == (11, 22)
    assert v2_io_bytes("") == (0, 0)


def test_pressure_is_read() -> None:
    """Percentages as they stand, the sum in seconds, and no second line where there is none."""
    some = "some avg10=1.50 avg60=0.25 avg300=0.10 total=2500000\n"
    full = "full avg10=0.50 avg60=0.00 avg300=0.00 total=1000000\n"
    both = parse_pressure(some + full)
    assert both.some == Stall(avg10=1.5, avg60=0.25, avg300=0.1, total=2.5)
    assert both.full == Stall(avg10=0.5, avg60=0.0, avg300=0.0, total=1.0)
    assert parse_pressure(some).full is None


def test_no_limit_is_none() -> None:
    """The kernel writes ``max`` where nothing is limited."""
    assert limit_of("max\n") is None
    assert limit_of("2048\n") == 2048
