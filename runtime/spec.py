"""What one container is: a frozen, validated value that every later stage only reads.

Nothing here looks at the host: whether a path exists is found out when the container is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import field, frozen

from runtime.errors import SpecError
from runtime.images.config import ImageConfig
from runtime.limits import Limits
from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.security.sysctls import check_sysctl

ID_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
HOSTNAME_PATTERN = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?")
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}")
ENVIRONMENT_NAME = re.compile(r"[^=\0]+")
_HOST_NAME = re.compile(r"[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?")
"""Wider than what a container may be called: others have names with underscores."""


@frozen
class HostRootfs:
    """A private root with a read-only view of the host's programs and libraries."""


@frozen
class DirectoryRootfs:
    """A directory used as the root itself; what the container writes stays in it."""

    path: str


@frozen
class OverlayRootfs:
    """Read-only `lower` directories, topmost first, below a writable layer of the container's own.

    With `keep` the writable layer is the one of this name, and stays when the container has ended;
    without it the kernel may skip writing it back (overlay's ``volatile``).
    """

    lower: tuple[str, ...]
    keep: str | None = None


Rootfs: TypeAlias = HostRootfs | DirectoryRootfs | OverlayRootfs


@frozen(kw_only=True)
class Volume:
    """What the container sees at `target`: a file or directory of the host, or a named volume.

    `source` is an absolute path, or the name of the volume, which is made if need be. A new volume
    begins with what the image has at `target`, or with `nocopy` as an empty one. One that is the
    container's `own` goes with it. Mounts that the host makes below it later are seen where it is
    `followed` (MS_SLAVE in mount(2)).
    """

    source: str
    target: str
    read_only: bool = False
    nocopy: bool = False
    own: bool = False
    followed: bool = False

    @property
    def is_path(self) -> bool:
        """Whether it is of the host."""
        return not names_volume(self.source)


@frozen(kw_only=True)
class Tmpfs:
    """An empty file system in memory; `size` is bytes or None for half of the machine's memory."""

    target: str
    size: int | None = None
    mode: int = 0o1777
    noexec: bool = False


@frozen(kw_only=True)
class Ulimit:
    """A resource limit by its setrlimit(2) name without RLIMIT_, such as ``nofile``."""

    name: str
    soft: int
    hard: int


@frozen(kw_only=True)
class Device:
    """A device of the host at `target`; `access` is a subset of ``rwm``."""

    source: str
    target: str
    access: str = "rwm"


@frozen(kw_only=True)
class HostEntry:
    """A name that the container finds in its /etc/hosts, and the IP address that it stands for."""

    name: str
    address: str

    def __attrs_post_init__(self) -> None:
        import ipaddress  # only who has such an entry pays for it

        if not _HOST_NAME.fullmatch(self.name):
            raise SpecError("name", f"{self.name!r} is not the name of a host")
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            raise SpecError("address", f"{self.address!r} is not an IP address") from None
        if "%" in self.address:  # a zone, which may be any text
            raise SpecError("address", f"{self.address!r}: a line of /etc/hosts has no zone")


@frozen(kw_only=True)
class Terminal:
    """A terminal of the container's own for its command; 0 rows or columns: not known.

    One that is `kept` is looked after by PID 1: what is written to it comes out of the container's
    output pipe, and what is typed goes into its input pipe. So its users may come and go.
    """

    rows: int = 0
    columns: int = 0
    kept: bool = False

    def __attrs_post_init__(self) -> None:
        for name, number in (("rows", self.rows), ("columns", self.columns)):
            if not 0 <= number < 2**16:
                raise SpecError(f"terminal.{name}", f"{number} is not between 0 and 65535")


def check_command(command: tuple[str, ...]) -> None:
    """Refuse what cannot be executed. Raises SpecError."""
    if not command or not command[0]:
        raise SpecError("command", "is empty")
    for position, argument in enumerate(command):
        if "\0" in argument:
            raise SpecError(f"command[{position}]", "contains a NUL character")


def check_path(where: str, path: str) -> None:
    """Refuse a path that is not absolute, or may lead somewhere else. Raises SpecError."""
    if not path.startswith("/"):
        raise SpecError(where, f"{path!r} is not an absolute path")
    if "\0" in path:
        raise SpecError(where, "contains a NUL character")
    if ".." in path.split("/"):
        raise SpecError(where, f"{path!r} contains '..'")


def names_volume(source: str) -> bool:
    """Whether this is the name of a volume, which no absolute path is."""
    return _VOLUME_NAME.fullmatch(source) is not None


def _check_source(where: str, source: str) -> None:
    if not names_volume(source):
        check_path(where, source)


def _check_target(where: str, path: str) -> None:
    check_path(where, path)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise SpecError(where, "the root itself cannot be a mount target")
    if parts[0] in ("proc", "sys"):
        raise SpecError(where, f"nothing may be mounted below /{parts[0]}")


@frozen(kw_only=True)
class ContainerSpec:
    """One container, from its root to its first command.

    `user` is ``name|uid[:group|gid]``, resolved in the container's own /etc/passwd and
    /etc/group; `groups` are supplementary ones. `network` "none" is a namespace with loopback
    only, "host" is the host's. With `init` a small PID 1 reaps orphans and forwards signals;
    without it the command is PID 1. `privileged` shows it all devices of the host and leaves the
    kernel's file systems writable and unmasked; what it may do with the devices is up to `limits`.
    With `all_capabilities`, `capabilities` are meant as all that there are to give: what this
    process cannot give is left out, and an error otherwise. `seccomp` False runs unconfined;
    `seccomp_profile` is a profile, as JSON, in place of the built-in one. With a `terminal` the
    command reads from and writes to that; else it reads from a pipe (`stdin`) or from nothing. The
    input pipe with a name (`stdin_open`) never ends, whoever writes to it, and has to do with a
    kept terminal as well. `image_config` is what an image made of the container says of its start.
    """

    id: str
    command: tuple[str, ...]
    rootfs: Rootfs
    environment: Mapping[str, str] = field(factory=dict)
    working_dir: str = "/"
    user: str = "0"
    groups: tuple[str, ...] = ()
    hostname: str | None = None
    extra_hosts: tuple[HostEntry, ...] = ()
    volumes: tuple[Volume, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    devices: tuple[Device, ...] = ()
    limits: Limits = field(factory=Limits)
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: Mapping[str, str] = field(factory=dict)
    network: Literal["none", "host"] = "none"
    cgroup: Literal["private", "private-rw"] = "private"
    read_only: bool = False
    init: bool = True
    privileged: bool = False
    capabilities: frozenset[int] = DEFAULT_CAPABILITIES
    all_capabilities: bool = False
    no_new_privileges: bool = True
    seccomp: bool = True
    seccomp_profile: str | None = None
    umask: int = 0o022
    stop_signal: int = 15
    merge_output: bool = False
    terminal: Terminal | None = None
    stdin: bool = False
    stdin_open: bool = False
    image_config: ImageConfig | None = None

    def __attrs_post_init__(self) -> None:
        if not ID_PATTERN.fullmatch(self.id):
            raise SpecError("id", f"{self.id[:140]!r} is not a valid container id")
        check_command(self.command)
        self._check_environment()
        self._check_rootfs()
        self._check_paths()
        self._check_sysctls()
        self._check_profile()
        if self.hostname is not None and not HOSTNAME_PATTERN.fullmatch(self.hostname):
            raise SpecError("hostname", f"{self.hostname!r} is not a valid host name")
        if not 0 <= self.umask <= 0o777:
            raise SpecError("umask", f"{self.umask:#o} is not between 0 and 0777")
        if self.terminal is not None and self.terminal.kept and not self.init:
            raise SpecError("terminal", "cannot be kept without init")
        if not 1 <= self.stop_signal <= 64:
            raise SpecError("stop_signal", f"{self.stop_signal} is not a signal number")

    def _check_environment(self) -> None:
        for name, value in self.environment.items():
            if not ENVIRONMENT_NAME.fullmatch(name):
                raise SpecError("environment", f"{name!r} is not a variable name")
            if "\0" in value:
                raise SpecError(f"environment.{name}", "contains a NUL character")

    def _check_rootfs(self) -> None:
        match self.rootfs:
            case DirectoryRootfs(path):
                check_path("rootfs", path)
            case OverlayRootfs(lower, keep):
                if not lower:
                    raise SpecError("rootfs", "has no lower directory")
                if keep is not None and not ID_PATTERN.fullmatch(keep):
                    raise SpecError("rootfs.keep", f"{keep[:140]!r} is not a valid name")
                for path in lower:
                    check_path("rootfs", path)

    def _check_sysctls(self) -> None:
        for name, value in self.sysctls.items():
            try:
                check_sysctl(name, self.network == "host")
            except ValueError as error:
                raise SpecError("sysctls", str(error)) from error
            if "\0" in value:
                raise SpecError(f"sysctls.{name}", "contains a NUL character")

    def _check_profile(self) -> None:
        if self.seccomp_profile is None:
            return
        from runtime.security.profiledocument import parse_profile  # only who has one pays for it

        try:
            parse_profile(self.seccomp_profile)
        except ValueError as error:
            raise SpecError("seccomp_profile", str(error)) from error

    def _check_paths(self) -> None:
        check_path("working_dir", self.working_dir)
        for position, volume in enumerate(self.volumes):
            _check_source(f"volumes[{position}].source", volume.source)
            if volume.own and volume.is_path:
                raise SpecError(f"volumes[{position}].own", "is a path of the host")
            if volume.followed and not volume.is_path:
                raise SpecError(
                    f"volumes[{position}].propagation", "rslave: only of a path of the host"
                )
            _check_target(f"volumes[{position}].target", volume.target)
        for position, tmpfs in enumerate(self.tmpfs):
            _check_target(f"tmpfs[{position}].target", tmpfs.target)
            if tmpfs.size is not None and tmpfs.size < 1:
                raise SpecError(f"tmpfs[{position}].size", f"{tmpfs.size} is not positive")
            if not 0 <= tmpfs.mode <= 0o7777:
                raise SpecError(f"tmpfs[{position}].mode", f"{tmpfs.mode:#o} is not a file mode")
        for position, device in enumerate(self.devices):
            check_path(f"devices[{position}].source", device.source)
            _check_target(f"devices[{position}].target", device.target)
            if not device.access or not set(device.access) <= set("rwm"):
                where = f"devices[{position}].access"
                raise SpecError(where, f"{device.access!r} is not a subset of 'rwm'")
