"""What `pocker run` was asked for: options of a command line, read as the keys of a job are.

Pure. Each option stands for a key of jobs.toml and takes the same values, so the two ways to say a
thing cannot come apart; what is wrong is told by the name of the option.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import asdict, evolve

from runtime.errors import SpecError
from runtime.images.image import Image
from runtime.limits import Limits
from runtime.nearest import did_you_mean
from runtime.spec import ContainerSpec, Terminal
from supervisor.conflicts import limits_of
from supervisor.containerspec import container_spec
from supervisor.faults import REFUSALS, faults_of
from supervisor.jobspec import JobSpec
from supervisor.kinds import keys_of
from supervisor.mounts import check_propagation, is_marked_path
from supervisor.problems import JobsFileError, show_path
from supervisor.resources import Resources
from supervisor.structuring import Readers

OPTIONS: Mapping[str, str] = {
    "id": "--name",
    "image": "IMAGE",
    "memory": "--memory",
    "memory_swap": "--memory-swap",
    "memory_reservation": "--memory-reservation",
    "cpus": "--cpus",
    "cpuset": "--cpuset-cpus",
    "cpu_weight": "--cpu-shares",
    "pids_limit": "--pids-limit",
    "volumes": "--volume or --mount",
    "tmpfs": "--tmpfs",
    "devices": "--device",
    "environment": "--env",
    "working_dir": "--workdir",
    "user": "--user",
    "group_add": "--group-add",
    "hostname": "--hostname",
    "extra_hosts": "--add-host",
    "entrypoint": "--entrypoint",
    "cap_add": "--cap-add",
    "cap_drop": "--cap-drop",
    "privileged": "--privileged",
    "security_opt": "--security-opt",
    "ulimits": "--ulimit",
    "sysctls": "--sysctl",
    "network_mode": "--network",
    "labels": "--label",
    "restart": "--restart",
    "stop_signal": "--stop-signal",
    "stop_grace_period": "--stop-timeout",
    "healthcheck": "--health-cmd",
    "log": "--log-opt",
    "tty": "--tty",
    "stdin_open": "--interactive",
    "command": "COMMAND",
}
"""The option that a key of a job stands for."""

_PARTS: Mapping[str, str] = {
    "healthcheck.interval": "--health-interval",
    "healthcheck.timeout": "--health-timeout",
    "healthcheck.retries": "--health-retries",
    "healthcheck.start_period": "--health-start-period",
    "healthcheck.start_interval": "--health-start-interval",
    "log.max_size": "--log-opt max-size",
    "log.max_files": "--log-opt max-file",
}
"""The same for the keys of those that are tables."""


_OF_KEY = re.compile(r"([a-z_]+)(?:\[[0-9]+\])?: (.*)", re.DOTALL)


class OrderError(Exception):
    """An option is refused; the message names it."""


def read_order(table: Mapping[str, object], base: str, environ: Mapping[str, str]) -> JobSpec:
    """The job that a table of keys describes. Raises OrderError.

    `base` is where relative paths on the host begin.
    """
    readers = Readers(base, environ)
    keys: Mapping[str, Any] = {**keys_of(JobSpec), **keys_of(Resources)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            values[key] = readers.read(value, keys[key])
        except REFUSALS as error:
            fault = next(faults_of(error))
            raise OrderError(_told(key, fault.message, *fault.path)) from error
    return JobSpec(
        name="run",
        limits=_limits(values),
        **{key: value for key, value in values.items() if key in keys_of(JobSpec)},
    )


def read_limits(table: object) -> Limits:
    """The limits that a table of them, and of nothing else, describes. Raises OrderError."""
    known = keys_of(Resources)
    if not isinstance(table, Mapping) or not table.keys() <= known.keys():
        raise OrderError(f"limits: not a table of {', '.join(known)}")
    return read_order(table, "/", {}).limits


def order_spec(
    job: JobSpec,
    identifier: str,
    hostname: str,
    *,
    image: Image | None,
    terminal: Terminal | None,
    stdin: bool,
    keep: str | None = None,
) -> ContainerSpec:
    """The container for it, with the writable layer `keep`, where it has one. Raises OrderError."""
    named = job if job.hostname is not None else evolve(job, hostname=hostname)
    try:
        return evolve(
            container_spec(named, identifier, image, keep), terminal=terminal, stdin=stdin
        )
    except SpecError as error:
        raise OrderError(_of_spec(error)) from error


def lasting_table(
    table: Mapping[str, object], job: JobSpec, image: Image | None
) -> dict[str, object]:
    """The table of a job with nothing in it that depends on where and by whom it is read.

    The labels of its image are its own from now on.
    """
    lasting = dict(table)
    lasting["image"] = job.image
    lasting["environment"] = dict(job.environment)
    labels = {**({} if image is None else image.config.labels), **job.labels}
    if labels:
        lasting["labels"] = [f"{name}={text}" for name, text in labels.items()]
    if job.volumes:
        lasting["volumes"] = [asdict(volume) for volume in job.volumes]
    if "security_opt" in table:
        lasting["security_opt"] = list(job.security_opt.words())
    if job.devices:
        lasting["devices"] = [f"{each.source}:{each.target}:{each.access}" for each in job.devices]
    return lasting


def check_lasting(table: Mapping[str, object]) -> None:
    """Refuse what a supervisor could not read as a job. Raises OrderError."""
    from supervisor.jobsfile import read_tables  # only what lasts is read as a file is

    try:
        read_tables({_ANY: table}, "/", _ANY)
    except JobsFileError as error:
        problem = error.problems[0]
        key = problem.key.removeprefix(f"jobs.{_ANY}").removeprefix(".")
        name = key.partition(".")[0].partition("[")[0]
        raise OrderError(_told(name, problem.message) if name else problem.message) from error


def by_option(message: str) -> str:
    """What the runtime says of a key, by the name of the option that the key stands for."""
    match = _OF_KEY.fullmatch(message)
    return _told(match[1], match[2]) if match and match[1] in OPTIONS else message


def cpu_weight(shares: int) -> int:
    """The weight of Docker's CPU shares: 100 for 1024, as the control groups have it."""
    return min(10_000, max(1, round(shares * 100 / 1024)))


def table_of_mount(text: str) -> tuple[str, dict[str, object]]:
    """The key and the entry that ``--mount type=bind,source=/a,target=/b,readonly`` stands for."""
    options = text.split(",")
    kinds = [option.removeprefix("type=") for option in options if option.startswith("type=")]
    kind = kinds[-1] if kinds else "volume"
    if kind not in _MOUNTS:
        raise OrderError(f"--mount: {text!r}: type={kind} is neither bind, volume nor tmpfs")
    table: dict[str, object] = {}
    for option in options:
        name, equals, value = option.partition("=")
        of_kind = name.partition("-")[0]
        if (of_kind in _MOUNTS and of_kind != kind) or (kind == "tmpfs" and name in _NOT_OF_TMPFS):
            raise OrderError(f"--mount: {text!r}: {name} is no option of type={kind}")
        if name in _MOUNT_KEYS and equals and value:
            table[_MOUNT_KEYS[name]] = value
        elif name in _MOUNT_FLAGS and value in ("", "true", "1"):
            table[_MOUNT_FLAGS[name]] = True
        elif name == "bind-propagation" and value:
            table["propagation"] = _propagation(value)
        elif name != "type":
            near = did_you_mean(name, ("type", "readonly", *_MOUNT_KEYS))
            raise OrderError(f"--mount: {option!r} is not an option of a mount{near}")
    for key in ("target", "source") if kind == "bind" else ("target",):
        if key not in table:
            raise OrderError(f"--mount: {text!r}: {key} is missing")
    if kind != "tmpfs" and is_marked_path(str(table.get("source", ""))) != (kind == "bind"):
        wanted = "a path" if kind == "bind" else "the name of a volume"
        raise OrderError(f"--mount: {text!r}: the source of type={kind} is {wanted}")
    return _MOUNTS[kind], table


def _propagation(word: str) -> str:
    try:
        check_propagation(word)
    except ValueError as error:
        raise OrderError(f"--mount: {error}") from None
    if word not in ("rprivate", "private", "rslave"):
        raise OrderError(f"--mount: {word!r} is no propagation of mounts")
    return "rslave" if word == "rslave" else "rprivate"


def table_of_log(driver: str | None, options: Sequence[str]) -> dict[str, object]:
    """What Docker's options say of a log, as the keys of ``log``. Raises OrderError."""
    table: dict[str, object] = {}
    if driver is not None:
        if driver not in _LOG_DRIVERS:
            raise OrderError(f"--log-driver: {driver!r} is not one of {', '.join(_LOG_DRIVERS)}")
        table["driver"] = _LOG_DRIVERS[driver]
    for text in options:
        name, equals, value = text.partition("=")
        if name not in _LOG_OPTIONS or not equals:
            known = ", ".join(_LOG_OPTIONS)
            near = did_you_mean(name, _LOG_OPTIONS)
            raise OrderError(f"--log-opt: {text!r} is not a value of one of {known}{near}")
        if driver == "journald":
            raise OrderError(f"--log-opt: {name} is about files, and journald keeps none")
        key, read = _LOG_OPTIONS[name]
        try:
            table[key] = read(value)
        except (KeyError, ValueError):
            accepted = "a whole number" if read is int else "true or false"
            raise OrderError(f"--log-opt {name}: {value!r} is not {accepted}") from None
    return table


_LOG_DRIVERS = {"json-file": "file", "local": "file", "journald": "journald"}
"""Two names of Docker's stand for files, whatever is in them."""
_LOG_OPTIONS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "max-size": ("max_size", str),
    "max-file": ("max_files", int),
    "compress": ("compress", {"true": True, "false": False}.__getitem__),
}
_ANY = "any"
_MOUNTS = {"bind": "volumes", "volume": "volumes", "tmpfs": "tmpfs"}
_MOUNT_FLAGS = {"readonly": "read_only", "ro": "read_only", "volume-nocopy": "nocopy"}
_NOT_OF_TMPFS = ("source", "src", "readonly", "ro")
_MOUNT_KEYS = {
    "source": "source",
    "src": "source",
    "target": "target",
    "destination": "target",
    "dst": "target",
    "tmpfs-size": "size",
    "tmpfs-mode": "mode",
}


def _limits(values: Mapping[str, Any]) -> Limits:
    try:
        return limits_of(values)
    except SpecError as error:
        raise OrderError(_of_spec(error)) from error


def _of_spec(error: SpecError) -> str:
    key = error.field.partition(".")[0].partition("[")[0]
    return _told(key, error.problem)


def _told(key: str, message: str, *below: str | int) -> str:
    option = _PARTS.get(".".join((key, *map(str, below)))) or OPTIONS.get(key)
    name = f" {below[0]}" if key == "ulimits" and below else ""
    return f"{option or show_path((key,))}{name}: {message}"
