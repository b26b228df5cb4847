"""From the values of TOML to those of the job classes: one reader for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from runtime.limits import HUGE_PAGE, HugetlbLimit
from runtime.nearest import did_you_mean
from runtime.units import parse_cpus, parse_duration, parse_rate, parse_size
from supervisor.faults import Fault, Refused
from supervisor.isolation import (
    ULIMITS,
    read_capabilities,
    read_extra_hosts,
    read_groups,
    read_hostname,
    read_security_options,
    read_sysctls,
    read_user,
)
from supervisor.kinds import (
    Capabilities,
    CgroupMode,
    Command,
    ContainerPath,
    Count,
    CpuList,
    Cpus,
    DevicePath,
    Duration,
    Environment,
    ExitCodes,
    ExtraHosts,
    Factor,
    FileMode,
    Flag,
    Groups,
    HealthTest,
    Hostname,
    HostPath,
    HostPaths,
    Image,
    Kind,
    Labels,
    LogDriver,
    MountSource,
    MountTarget,
    NetworkMode,
    OomPolicy,
    Operations,
    PidsLimit,
    ProjectName,
    Propagation,
    Rate,
    Retries,
    Share,
    Signal,
    Signals,
    Size,
    SwapSize,
    Sysctls,
    Timeout,
    User,
    Whole,
    Words,
    kind_of,
)
from supervisor.mounts import (
    Devices,
    Tmpfs,
    TmpfsMounts,
    Volume,
    Volumes,
    absolute_path,
    host_path,
    mount_source,
    mount_target,
    parse_device,
    parse_mode,
    split_tmpfs,
    split_volume,
)
from supervisor.policies import (
    Awaited,
    Backoff,
    Condition,
    Dependency,
    DependsOn,
    Health,
    Healthcheck,
    Log,
    LogOptions,
    Pauses,
    Restart,
    SecurityOpt,
)
from supervisor.resources import HugetlbLimits, IoTable, IoTables, Ulimit, Ulimits
from supervisor.values import (
    expect,
    read_choice,
    read_command,
    read_condition,
    read_cpu_list,
    read_entries,
    read_exit_codes,
    read_flag,
    read_forwarded,
    read_health_test,
    read_image,
    read_items,
    read_labels,
    read_not_negative,
    read_number,
    read_paths,
    read_pids_limit,
    read_positive,
    read_project,
    read_restart,
    read_signal,
    read_swap_size,
    read_text,
    read_timeout,
    read_variables,
    read_whole,
    read_words,
    refusal,
)

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Read: TypeAlias = Callable[[object], Any]


class _ReadTable(Protocol):
    def __call__(self, value: object, cls: type[T]) -> T: ...


class Readers:
    """Those for one file, in directory `base`; `own` is the supervisor's environment."""

    def __init__(self, base: str, own: Mapping[str, str]) -> None:
        readers = _plain() | _placed(base, own) | _tables(self._read_table)
        self.by_kind: Mapping[Kind | None, Read] = {
            kind_of(kind): read for kind, read in readers.items()
        }

    def read(self, value: object, annotation: Any) -> Any:
        """The value of a key that is declared with this type. Raises one of REFUSALS."""
        return self.by_kind[kind_of(annotation)](value)

    def _read_table(self, value: object, cls: type[T]) -> T:
        return self._converter.structure(expect(value, dict), cls)

    @cached_property
    def _converter(self) -> Converter:
        from cattrs import Converter  # most command lines have no table, and start without it

        def make_hook(annotation: Any) -> Callable[[object, Any], Any]:
            read = self.by_kind[kind_of(annotation)]
            return lambda value, _: read(value)

        converter = Converter(detailed_validation=True, forbid_extra_keys=True)
        converter.register_structure_hook_factory(lambda each: kind_of(each) is not None, make_hook)
        return converter


def _plain() -> dict[Any, Read]:
    return {
        ProjectName: read_project,
        Flag: read_flag,
        Whole: read_whole,
        Count: read_positive,
        Retries: read_not_negative,
        Factor: partial(read_number, least=1, most=1000),
        Share: partial(read_number, least=0, most=1),
        Size: _of_scalar(parse_size),
        SwapSize: _of_scalar(read_swap_size),
        Duration: _of_scalar(parse_duration),
        Timeout: _of_scalar(read_timeout),
        Cpus: _of_scalar(parse_cpus),
        CpuList: read_cpu_list,
        Rate: _of_scalar(parse_rate),
        Operations: read_positive,
        PidsLimit: read_pids_limit,
        Signal: read_signal,
        Signals: read_forwarded,
        ExitCodes: read_exit_codes,
        Words: read_words,
        HealthTest: read_health_test,
        Command: read_command,
        ContainerPath: _of_text(absolute_path),
        MountTarget: _of_text(mount_target),
        DevicePath: _of_text(absolute_path),
        Labels: read_labels,
        Hostname: read_hostname,
        ExtraHosts: read_extra_hosts,
        User: read_user,
        Groups: read_groups,
        Capabilities: read_capabilities,
        Sysctls: read_sysctls,
        NetworkMode: partial(read_choice, choices=("none", "host")),
        Propagation: partial(read_choice, choices=("rprivate", "rslave")),
        CgroupMode: partial(read_choice, choices=("private", "private-rw")),
        OomPolicy: partial(read_choice, choices=("process", "group")),
        LogDriver: partial(read_choice, choices=("file", "journald")),
        FileMode: _of_text(parse_mode),
        Awaited: read_condition,
        Restart: read_restart,
        Devices: partial(read_items, read=_of_text(parse_device)),
    }


def _placed(base: str, own: Mapping[str, str]) -> dict[Any, Read]:
    """Readers that need to know where the file is, or what the supervisor's variables are."""
    return {
        Image: partial(read_image, base=base),
        HostPath: _of_text(partial(host_path, base)),
        HostPaths: partial(read_paths, base=base),
        MountSource: _of_text(partial(mount_source, base)),
        SecurityOpt: partial(read_security_options, base=base),
        Environment: partial(read_variables, own=own),
    }


def _tables(table: _ReadTable) -> dict[Any, Read]:
    """Readers of tables, and of what is short for a table."""

    def table_or_short(split: Callable[[str], object], cls: type[T], value: object) -> T:
        if not isinstance(value, str | dict):
            raise refusal(value, "a string or a table")
        return table(split(value) if isinstance(value, str) else value, cls)

    def read_pauses(value: object) -> Backoff:
        if isinstance(value, dict):
            return table(value, Backoff)
        return Backoff(initial=_of_scalar(parse_duration)(value))

    def read_ulimit(name: str, value: object) -> Ulimit:
        if name not in ULIMITS:
            raise ValueError(f"unknown limit{did_you_mean(name, ULIMITS)}")
        if isinstance(value, dict):
            return table(value, Ulimit)
        number = read_whole(value)
        return Ulimit(soft=number, hard=number)

    def read_dependency(name: str, value: object) -> Condition:
        entry = expect(value, dict)
        if "job" in entry:
            raise Refused([Fault(("job",), "unknown key")])
        return table({**entry, "job": name}, Dependency).condition

    def read_dependencies(value: object) -> Mapping[str, Condition | None]:
        """The jobs that come first; a None condition follows from what kind of job it is."""
        if isinstance(value, dict):
            return read_entries(value, read_dependency)
        return dict.fromkeys(_distinct(read_items(value, read_text)))

    return {
        DependsOn: read_dependencies,
        HugetlbLimits: lambda value: tuple(read_entries(value, _hugetlb).values()),
        IoTables: partial(read_items, read=lambda entry: table(entry, IoTable)),
        Health: lambda value: table(value, Healthcheck),
        Log: lambda value: table(value, LogOptions),
        Pauses: read_pauses,
        TmpfsMounts: partial(read_items, read=partial(table_or_short, split_tmpfs, Tmpfs)),
        Ulimits: partial(read_entries, read=read_ulimit),
        Volumes: partial(read_items, read=partial(table_or_short, split_volume, Volume)),
    }


def _hugetlb(page: str, size: object) -> HugetlbLimit:
    if HUGE_PAGE.fullmatch(page) is None:
        raise ValueError("is not a size of huge pages such as 2MB or 1GB")
    return HugetlbLimit(page=page, limit=_of_scalar(parse_size)(size))


def _of_text(read: Callable[[str], T]) -> Callable[[object], T]:
    return lambda value: read(read_text(value))


def _of_scalar(read: Callable[[object], T]) -> Callable[[object], T]:
    def read_scalar(value: object) -> T:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refusal(value, "a string or a number")
        return read(value)

    return read_scalar


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [position for position, name in enumerate(names) if name in names[:position]]
    if repeated:
        raise Refused(Fault((at,), f"{names[at]!r} is listed twice") for at in repeated)
    return names
