"""The keys of jobs.toml that limit what a job uses, and how they become `Limits`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from attrs import asdict, frozen

from runtime.errors import SpecError
from runtime.limits import DEFAULT_PIDS, HugetlbLimit, IoLimit, Limits
from supervisor.kinds import (
    CpuList,
    Cpus,
    DevicePath,
    Kind,
    OomPolicy,
    Operations,
    PidsLimit,
    Rate,
    Size,
    SwapSize,
    Whole,
)


@frozen(kw_only=True)
class IoTable:
    """One table of a job's ``io`` list."""

    device: DevicePath
    """The block device, such as `/dev/sda`."""
    read_bytes: Rate | None = None
    """Ceiling for reading.

    Unset: no limit.
    """
    write_bytes: Rate | None = None
    """Ceiling for writing.

    Unset: no limit.
    """
    read_operations: Operations | None = None
    """Ceiling for read operations.

    Unset: no limit.
    """
    write_operations: Operations | None = None
    """Ceiling for write operations.

    Unset: no limit.
    """

    def limit(self) -> IoLimit:
        """The same ceilings as the runtime takes them."""
        return IoLimit(**asdict(self))


@frozen(kw_only=True)
class Ulimit:
    """The soft and the hard value of a resource limit of setrlimit(2); -1 is no limit."""

    soft: Whole
    """The value that applies; -1 is no limit."""
    hard: Whole
    """How far the job may raise it; -1 is no limit."""

    def __attrs_post_init__(self) -> None:
        for name, value in (("soft", self.soft), ("hard", self.hard)):
            if value < -1:
                raise SpecError(name, f"{value} is neither 0 or more nor -1 for no limit")
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            raise SpecError("soft", f"is above the hard value, which is {self.hard}")


HugetlbLimits = Annotated[
    tuple[HugetlbLimit, ...], Kind('table of page sizes such as `"2MB"` to sizes')
]
IoTables = Annotated[tuple[IoTable, ...], Kind("list of tables", IoTable)]
Ulimits = Annotated[Mapping[str, Ulimit], Kind("table of names to a number or a table", Ulimit)]


@frozen(kw_only=True)
class Resources:
    """The limit keys as they stand in a job's table."""

    memory: Size | None = None
    """Memory that the job and all its processes may use together. Where more is needed the kernel
    kills, and an attempt that fails so ends as OOMKilled.

    Unset: no limit.
    Example: memory = "256m"
    """
    memory_high: Size | None = None
    """Memory above which the job is slowed down and the kernel takes memory back from it, without a
    kill. Only with cgroup v2; systemd's MemoryHigh.

    Unset: no limit.
    Example: memory_high = "200m"
    """
    memory_swap: SwapSize | None = None
    """Memory plus swap; equal to `memory` it forbids swap. Needs `memory`.

    Unset: twice `memory`.
    Example: memory = "256m"
        memory_swap = "256m"
    """
    memory_reservation: Size | None = None
    """Memory that the kernel tries to leave to the job when the host runs short.

    Unset: nothing.
    Example: memory_reservation = "64m"
    """
    oom_policy: OomPolicy = "process"
    """What dies when the job has no memory left: `process` is the one process that the kernel
    chooses, `group` all of them. With cgroup v1, which knows no groups, the supervisor kills the
    others a moment later.

    Example: oom_policy = "group"
    """
    hugetlb: HugetlbLimits = ()
    """Memory that may be in huge pages, by their size.

    Unset: no limit.
    Example: hugetlb = { "2MB" = "64m" }
    """
    cpus: Cpus | None = None
    """Processor time per second of clock time; 0.01 at least.

    Unset: no limit.
    Example: cpus = 0.5
    """
    cpuset: CpuList | None = None
    """The CPUs that the job may run on.

    Unset: all.
    Example: cpuset = "0-1"
    """
    cpu_weight: Whole | None = None
    """Share of the processor against other jobs when all want it, 1 to 10000.

    Unset: 100.
    Example: cpu_weight = 50
    """
    pids_limit: PidsLimit = DEFAULT_PIDS
    """Processes and threads that may exist at once.

    Example: pids_limit = 64
    """
    io: IoTables = ()
    """Ceilings for block devices.

    Example: io = [{ device = "/dev/sda", read_bytes = "10m", write_operations = 500 }]
    """

    def limits(self) -> Limits:
        """The limits of one container; raises SpecError for a combination that cannot be."""
        return Limits(
            memory=self.memory,
            memory_high=self.memory_high,
            memory_swap=self.memory_swap,
            memory_reservation=self.memory_reservation,
            oom_group=self.oom_policy == "group",
            hugetlb=self.hugetlb,
            cpus=self.cpus,
            cpuset=self.cpuset,
            cpu_weight=self.cpu_weight,
            pids=None if self.pids_limit == -1 else self.pids_limit,
            io=tuple(table.limit() for table in self.io),
        )
