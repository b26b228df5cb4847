"""What `stats` makes of two samples of a container."""

from __future__ import annotations

from runtime.cgroups import Load, Pressure, Stall, Usage
from supervisor.cli.samples import Observed, Sample, network_bytes

DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:     700       7    0    0    0     0          0         0      700       7    0
  eth0: 1024       3    0    0    0     0          0         0      512       2    0
"""
WAITED = Pressure(some=Stall(avg10=12.5, avg60=0.0, avg300=0.0, total=1.0))


def sample(at: float, cpu_seconds: float, container: str = "t-a-1") -> Sample:
    """A container that uses some of everything."""
    usage = Usage(cpu_seconds=cpu_seconds, memory_current=20 << 20, io_read=1024, io_write=0)
    load = Load(
        usage=usage,
        memory_working=16 << 20,
        memory_limit=64 << 20,
        pids=3,
        pids_limit=2048,
        pressure={"cpu": WAITED},
    )
    return Sample(container=container, at=at, load=load, network=(1024, 512))


def observed(now: Sample | None, before: Sample | None) -> Observed:
    """A container of this name on a host with 1 GiB."""
    return Observed(id="t-a-1", name="a", word="a", now=now, before=before, host_memory=1 << 30)


def test_the_row_has_docker_s_columns_and_the_pressure() -> None:
    """The processor's share is that between the samples; what nobody counts is two dashes."""
    shown = observed(sample(12.0, 3.0), sample(10.0, 2.0))
    assert shown.row(["cpu", "io"]) == (
        "t-a-1", "a", "50.00%", "16MiB / 64MiB", "25.00%", "1.02kB / 512B", "1.02kB / 0B", "3",
        "12.50%", "--",
    )  # fmt: skip
    assert observed(None, None).row([]) == (
        "t-a-1", "a", "--", "-- / --", "--", "--", "--", "--",
    )  # fmt: skip


def test_a_share_needs_a_sample_of_the_same_container() -> None:
    """Another attempt of a job begins anew."""
    assert sample(12.0, 3.0).cpu_percent(sample(10.0, 2.0, "t-a-0")) is None
    assert sample(12.0, 3.0).cpu_percent(None) is None
    assert observed(sample(12.0, 3.0), None).document()["cpu_percent"] is None


def test_the_document_has_numbers() -> None:
    """Bytes and seconds, and the pressure as the kernel tells it; beside Docker's texts."""
    shown = observed(sample(12.0, 3.0), sample(10.0, 2.0)).document()
    assert (shown["cpu_percent"], shown["memory"], shown["network_sent"]) == (50.0, 16 << 20, 512)
    assert shown["pressure"]["cpu"]["some"]["avg10"] == 12.5
    assert shown["pressure"]["cpu"]["full"] is None
    assert (shown["CPUPerc"], shown["MemPerc"]) == ("50.00%", "25.00%")


def test_the_loopback_is_no_network() -> None:
    """What a job says to itself is not counted."""
    assert network_bytes(DEV) == (1024, 512)
