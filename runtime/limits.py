"""What a container may use: plain values, checked once, read by every cgroup backend."""

from __future__ import annotations

import re
from typing import Literal

from attrs import field, frozen

from runtime.errors import SpecError

DEFAULT_PIDS = 2048
HUGE_PAGE = re.compile(r"([1-9][0-9]{0,8})([KMG])B")
"""A size of huge pages as the kernel's files name it, such as ``2MB``."""
MEMORY_FLOOR = 512 * 1024
"""Bytes below which a container cannot even run its first process."""


@frozen(kw_only=True)
class IoLimit:
    """Throughput ceilings of one block device; None leaves that direction free.

    `device` is a path such as ``/dev/sda``; rates are bytes or operations per second.
    """

    device: str
    read_bytes: int | None = None
    write_bytes: int | None = None
    read_operations: int | None = None
    write_operations: int | None = None


@frozen(kw_only=True)
class HugetlbLimit:
    """Bytes that may be in huge pages of one size, which has the kernel's name, such as ``2MB``."""

    page: str
    limit: int

    def __attrs_post_init__(self) -> None:
        if HUGE_PAGE.fullmatch(self.page) is None:
            raise SpecError("page", f"{self.page!r} is not a size of huge pages such as 2MB or 1GB")
        if self.limit < 0:
            raise SpecError("limit", "cannot be negative")

    @property
    def page_bytes(self) -> int:
        """The size of one page."""
        match = HUGE_PAGE.fullmatch(self.page)
        assert match is not None, "checked when it was made"
        return int(match[1]) << {"K": 10, "M": 20, "G": 30}[match[2]]


@frozen(kw_only=True)
class DeviceRule:
    """One allowed device: ``DeviceRule(kind="c", major=1, minor=3, access="rwm")``.

    A `minor` of None means every minor number of `major`.
    """

    kind: Literal["c", "b"]
    major: int
    minor: int | None
    access: str = "rwm"


DEFAULT_DEVICES: tuple[DeviceRule, ...] = (
    DeviceRule(kind="c", major=1, minor=3),  # null
    DeviceRule(kind="c", major=1, minor=5),  # zero
    DeviceRule(kind="c", major=1, minor=7),  # full
    DeviceRule(kind="c", major=1, minor=8),  # random
    DeviceRule(kind="c", major=1, minor=9),  # urandom
    DeviceRule(kind="c", major=5, minor=0),  # tty
    DeviceRule(kind="c", major=5, minor=2),  # ptmx
    DeviceRule(kind="c", major=136, minor=None),  # pts/*
)


@frozen(kw_only=True)
class Limits:
    """Resource limits of one container.

    `memory`, `memory_high`, `memory_swap` and `memory_reservation` are bytes. Above `memory_high`
    the container is slowed down and its memory taken back, without a kill. `memory_swap` is memory
    plus swap as in Docker: equal to `memory` forbids swap, -1 leaves it unlimited, None is twice
    `memory`. With `oom_group` all processes are killed where the kernel kills one. `cpus` is a
    number of cores (0.5 is half of one), `cpuset` and `cpuset_mems` are lists in the kernel's form
    (``0-2,4``), `cpu_weight` is cgroup v2's 1 to 10000 with 100 as the default, `pids` counts
    tasks (None: unlimited).
    """

    memory: int | None = None
    memory_high: int | None = None
    memory_swap: int | None = None
    memory_reservation: int | None = None
    oom_group: bool = False
    hugetlb: tuple[HugetlbLimit, ...] = ()
    cpus: float | None = None
    cpu_weight: int | None = None
    cpuset: str | None = None
    cpuset_mems: str | None = None
    pids: int | None = DEFAULT_PIDS
    io: tuple[IoLimit, ...] = ()
    io_weight: int | None = None
    devices: tuple[DeviceRule, ...] | None = field(default=DEFAULT_DEVICES)
    """Devices that may be used; None allows all of them."""

    def __attrs_post_init__(self) -> None:
        if self.memory is not None and self.memory < MEMORY_FLOOR:
            raise SpecError("memory", f"{self.memory} bytes is below the minimum of 512k")
        if self.memory_swap is not None and self.memory_swap != -1:
            if self.memory is None:
                raise SpecError("memory_swap", "needs a memory limit beside it")
            if self.memory_swap < self.memory:
                raise SpecError("memory_swap", "is memory plus swap and cannot be below memory")
        if self.memory_high is not None and self.memory_high < MEMORY_FLOOR:
            raise SpecError("memory_high", f"{self.memory_high} bytes is below the minimum of 512k")
        if self.memory_reservation is not None and self.memory_reservation < 0:
            raise SpecError("memory_reservation", "cannot be negative")
        if self.cpus is not None and not self.cpus >= 0.01:
            raise SpecError("cpus", f"{self.cpus:g} is below the minimum of 0.01")
        for name, weight in (("cpu_weight", self.cpu_weight), ("io_weight", self.io_weight)):
            if weight is not None and not 1 <= weight <= 10_000:
                raise SpecError(name, f"{weight} is not between 1 and 10000")
        if self.pids is not None and self.pids < 1:
            raise SpecError("pids_limit", f"{self.pids} is not a positive number")
