"""What has to be written into which cgroup file for a set of limits, as pure data.

Every setting carries the text that the kernel shows once it has taken the value, so that the
writer can tell a limit that is in force from one that was silently dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from attrs import field, frozen

from runtime.errors import CgroupError
from runtime.limits import DEFAULT_PIDS, HugetlbLimit, IoLimit, Limits
from runtime.units import parse_cpu_list

CPU_PERIOD = 100_000
OOM_GROUP = "memory.oom.group"

Resource = Literal["cpu", "cpuset", "hugetlb", "io", "memory", "pids"]
V1_CONTROLLERS: Mapping[Resource, str] = {
    "cpu": "cpu",
    "cpuset": "cpuset",
    "hugetlb": "hugetlb",
    "io": "blkio",
    "memory": "memory",
    "pids": "pids",
}


@frozen(kw_only=True)
class Setting:
    """One value for one file, and the line by which the kernel confirms it.

    `shown_in` is the file that confirms it when that is not `file` itself. Where the kernel
    has no such file, `instead` is written, or the setting is left out if it is `optional`.
    """

    field: str
    file: str
    value: str
    shown: str
    shown_in: str | None = None
    instead: Setting | None = None
    optional: bool = False


@frozen(kw_only=True)
class Surroundings:
    """What settings depend on besides the limits: read from the host just before.

    `page` is the size of a memory page. `block_devices` maps paths to ``major:minor``; `cpus`
    and `nodes` are the lists of the v1 parent group, which a v1 cpuset needs written even if
    only one of both is limited.
    """

    page: int
    block_devices: Mapping[str, str] = field(factory=dict)
    cpus: str = ""
    nodes: str = ""


def demanded(limits: Limits) -> dict[Resource, str]:
    """The resources that `limits` cannot be kept without, each with the field that asks.

    The number of processes that is the default is kept where it can be, and asked by nobody.
    """
    pids = None if limits.pids == DEFAULT_PIDS else limits.pids
    wishes: tuple[tuple[Resource, str, object], ...] = (
        ("memory", "memory_reservation", limits.memory_reservation),
        ("memory", "oom_policy", limits.oom_group or None),
        ("memory", "memory_high", limits.memory_high),
        ("memory", "memory", limits.memory),
        ("pids", "pids_limit", pids),
        ("hugetlb", "hugetlb", limits.hugetlb or None),
        ("cpu", "cpu_weight", limits.cpu_weight),
        ("cpu", "cpus", limits.cpus),
        ("cpuset", "cpuset_mems", limits.cpuset_mems),
        ("cpuset", "cpuset", limits.cpuset),
        ("io", "io_weight", limits.io_weight),
        ("io", "io", limits.io or None),
    )
    return {resource: name for resource, name, value in wishes if value is not None}


def canonical_list(field_name: str, text: str) -> str:
    """A list of processors or nodes as the kernel prints it: ``3,0-1,2`` is ``0-3``."""
    try:
        numbers = parse_cpu_list(text.replace(" ", ""))
    except ValueError as error:
        raise CgroupError(f"{field_name}: {error}") from error
    return _ranges(sorted(numbers))


def _ranges(numbers: list[int]) -> str:
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in parts)


def cpu_shares(weight: int) -> int:
    """The v1 share that competes exactly as `weight` does on v2.

    This is the scheduler's own arithmetic for ``cpu.weight``: 100 is the default on both
    sides (1024 shares) and ratios are kept, which OCI's formula (2597 for 100) does not do.
    """
    return (weight * 1024 + 50) // 100


def bfq_weight(weight: int) -> int:
    """Map 1 to 10000 onto the I/O scheduler's 1 to 1000, with the default of 100 kept."""
    return weight if weight <= 100 else 100 + (weight - 100) * 900 // 9_900


def cpu_quota(cpus: float) -> int:
    """Microseconds of processor time in each period of 100 ms."""
    return round(cpus * CPU_PERIOD)


def most_bytes(page: int) -> int:
    """What the kernel holds for "no limit" on memory; larger values are cut to it."""
    return (2**63 - 1) // page * page


def _shown_bytes(amount: int, page: int) -> str:
    """The kernel counts in pages: it rounds down to them."""
    return str(min(amount // page * page, most_bytes(page)))


def _memory(
    limits: Limits, names: tuple[str, str, str], swap_total: bool, shown: Callable[[int], str]
) -> list[Setting]:
    """The three limits on memory; `swap_total` says that swap is counted with the memory."""
    limit_file, swap_file, reservation_file = names

    def setting(field_name: str, file: str, amount: int, optional: bool = False) -> Setting:
        return Setting(
            field=field_name, file=file, value=str(amount), shown=shown(amount), optional=optional
        )

    settings = []
    if limits.memory is not None:
        # Memory goes first: v1 refuses a memory limit above the one with swap.
        settings.append(setting("memory", limit_file, limits.memory))
        if limits.memory_swap != -1:
            implied = limits.memory_swap is None
            total = limits.memory * 2 if limits.memory_swap is None else limits.memory_swap
            amount = total if swap_total else total - limits.memory
            settings.append(setting("memory_swap", swap_file, amount, optional=implied))
    if limits.memory_reservation is not None:
        settings.append(setting("memory_reservation", reservation_file, limits.memory_reservation))
    return settings


def _v1_memory(limits: Limits, around: Surroundings) -> list[Setting]:
    # `oom_group` is left to whoever is told of a kill: v1 knows of single processes only.
    if limits.memory_high is not None:
        raise CgroupError(
            "memory_high: the memory controller is mounted as v1, which cannot slow a job down at"
            " a limit; it has memory and memory_reservation"
        )
    names = (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
    )
    return _memory(limits, names, True, lambda amount: _shown_bytes(amount, around.page))


def _v2_memory(limits: Limits, around: Surroundings) -> list[Setting]:
    most = str(most_bytes(around.page))

    def shown(amount: int) -> str:
        text = _shown_bytes(amount, around.page)
        return "max" if text == most else text

    settings = _memory(limits, ("memory.max", "memory.swap.max", "memory.low"), False, shown)
    if limits.memory_high is not None:
        high = limits.memory_high
        settings.append(
            Setting(field="memory_high", file="memory.high", value=str(high), shown=shown(high))
        )
    if limits.oom_group:
        settings.append(Setting(field="oom_policy", file=OOM_GROUP, value="1", shown="1"))
    return settings


def _v1_hugetlb(limits: Limits, _: Surroundings) -> list[Setting]:
    return _hugetlb(limits.hugetlb, "limit_in_bytes")


def _v2_hugetlb(limits: Limits, _: Surroundings) -> list[Setting]:
    return _hugetlb(limits.hugetlb, "max")


def _hugetlb(limits: tuple[HugetlbLimit, ...], ending: str) -> list[Setting]:
    """Pages in use and, where the kernel can, those set aside: then mmap fails, and no access."""
    return [
        Setting(
            field=f"hugetlb.{limit.page}",
            file=f"hugetlb.{limit.page}.{kind}{ending}",
            value=str(limit.limit),
            shown=str(limit.limit // limit.page_bytes * limit.page_bytes),
            optional=bool(kind),
        )
        for limit in limits
        for kind in ("", "rsvd.")
    ]


def _pids(limits: Limits, _: Surroundings) -> list[Setting]:
    if limits.pids is None:
        return []
    value = str(limits.pids)
    return [Setting(field="pids_limit", file="pids.max", value=value, shown=value)]


def _v1_cpu(limits: Limits, _: Surroundings) -> list[Setting]:
    settings = []
    if limits.cpus is not None:
        value = str(cpu_quota(limits.cpus))
        settings.append(Setting(field="cpus", file="cpu.cfs_quota_us", value=value, shown=value))
    if limits.cpu_weight is not None:
        value = str(cpu_shares(limits.cpu_weight))
        settings.append(Setting(field="cpu_weight", file="cpu.shares", value=value, shown=value))
    return settings


def _v2_cpu(limits: Limits, _: Surroundings) -> list[Setting]:
    settings = []
    if limits.cpus is not None:
        value = f"{cpu_quota(limits.cpus)} {CPU_PERIOD}"
        settings.append(Setting(field="cpus", file="cpu.max", value=value, shown=value))
    if limits.cpu_weight is not None:
        value = str(limits.cpu_weight)
        settings.append(Setting(field="cpu_weight", file="cpu.weight", value=value, shown=value))
    return settings


def _v1_cpuset(limits: Limits, around: Surroundings) -> list[Setting]:
    settings = []
    for name, file, wish, inherited in (
        ("cpuset", "cpuset.cpus", limits.cpuset, around.cpus),
        ("cpuset_mems", "cpuset.mems", limits.cpuset_mems, around.nodes),
    ):
        value = canonical_list(name, inherited if wish is None else wish)
        settings.append(Setting(field=name, file=file, value=value, shown=value))
    return settings


def _v2_cpuset(limits: Limits, _: Surroundings) -> list[Setting]:
    settings = []
    for name, file, wish in (
        ("cpuset", "cpuset.cpus", limits.cpuset),
        ("cpuset_mems", "cpuset.mems", limits.cpuset_mems),
    ):
        if wish is not None:
            # The file itself echoes any list; what is in force is shown beside it.
            value = canonical_list(name, wish)
            settings.append(
                Setting(
                    field=name, file=file, value=value, shown=value, shown_in=f"{file}.effective"
                )
            )
    return settings


def _rates(limit: IoLimit) -> list[tuple[str, str, int]]:
    """The ceilings of one device as (v1 file, v2 key, value)."""
    wishes = (
        ("blkio.throttle.read_bps_device", "rbps", limit.read_bytes),
        ("blkio.throttle.write_bps_device", "wbps", limit.write_bytes),
        ("blkio.throttle.read_iops_device", "riops", limit.read_operations),
        ("blkio.throttle.write_iops_device", "wiops", limit.write_operations),
    )
    return [(file, key, value) for file, key, value in wishes if value is not None]


def _v1_io(limits: Limits, around: Surroundings) -> list[Setting]:
    settings = []
    for index, limit in enumerate(limits.io):
        for file, _, rate in _rates(limit):
            line = f"{around.block_devices[limit.device]} {rate}"
            settings.append(Setting(field=f"io[{index}]", file=file, value=line, shown=line))
    if limits.io_weight is not None:
        weight = str(bfq_weight(limits.io_weight))
        settings.append(
            Setting(field="io_weight", file="blkio.bfq.weight", value=weight, shown=weight)
        )
    return settings


def _v2_io(limits: Limits, around: Surroundings) -> list[Setting]:
    settings = []
    for index, limit in enumerate(limits.io):
        wished = {key: str(rate) for _, key, rate in _rates(limit)}
        if wished:
            number = around.block_devices[limit.device]
            shown = {"rbps": "max", "wbps": "max", "riops": "max", "wiops": "max"} | wished
            settings.append(
                Setting(
                    field=f"io[{index}]",
                    file="io.max",
                    value=_pairs(number, wished),
                    shown=_pairs(number, shown),
                )
            )
    if limits.io_weight is not None:
        settings.append(_v2_io_weight(limits.io_weight))
    return settings


def _v2_io_weight(weight: int) -> Setting:
    """Prefer the scheduler's weight: its file is there only while the scheduler is loaded."""
    bfq = bfq_weight(weight)
    cost = Setting(
        field="io_weight", file="io.weight", value=str(weight), shown=f"default {weight}"
    )
    return Setting(
        field="io_weight",
        file="io.bfq.weight",
        value=str(bfq),
        shown=f"default {bfq}",
        instead=cost,
    )


def _pairs(number: str, rates: Mapping[str, str]) -> str:
    return " ".join([number, *(f"{key}={value}" for key, value in rates.items())])


_Table = Mapping[Resource, Callable[[Limits, Surroundings], list[Setting]]]

V1_SETTINGS: _Table = {
    "cpu": _v1_cpu,
    "cpuset": _v1_cpuset,
    "hugetlb": _v1_hugetlb,
    "io": _v1_io,
    "memory": _v1_memory,
    "pids": _pids,
}
V2_SETTINGS: _Table = {
    "cpu": _v2_cpu,
    "cpuset": _v2_cpuset,
    "hugetlb": _v2_hugetlb,
    "io": _v2_io,
    "memory": _v2_memory,
    "pids": _pids,
}
