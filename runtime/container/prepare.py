"""From a specification to a plan: looks at the host and the image, then asks the pure builder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from attrs import evolve

from runtime.cgroups import UNIFIED, Cgroups
from runtime.cgroups.layout import Layout
from runtime.directories import ContainerDirectory, Directories
from runtime.errors import SpecError, StartError
from runtime.limits import DeviceRule, Limits
from runtime.mountinfo import silent_mount
from runtime.plan import Step, Surroundings, build_plan
from runtime.plan.mounts import Layers, SystemFiles
from runtime.rootfs import Identity, host_view, read_from_layers, resolve_identity
from runtime.rootfs.devices import host_devices
from runtime.rootfs.host import GROUP, PASSWD
from runtime.rootfs.writable import writable_layer
from runtime.security.bounding import bounding_set
from runtime.security.capabilities import names
from runtime.security.seccomp import cached_filter, compile_filter
from runtime.spec import (
    ContainerSpec,
    Device,
    DirectoryRootfs,
    HostEntry,
    HostRootfs,
    OverlayRootfs,
)
from runtime.usernamespace import owners_here
from runtime.volumes.placing import placed

_RESOLVER = "/etc/resolv.conf"
_CGROUPS = "/sys/fs/cgroup"


def identity_of(spec: ContainerSpec, directories: Directories) -> Identity:
    """Resolve the user in the container's own files. Raises SpecError or StartError."""
    match spec.rootfs:
        case HostRootfs():
            return resolve_identity(spec.user, spec.groups, PASSWD, GROUP)
        case DirectoryRootfs(path):
            layers: tuple[str, ...] = (path,)
        case OverlayRootfs(lower, keep):
            layers = lower if keep is None else (directories.kept_layer(keep).upper, *lower)
    passwd = read_from_layers(layers, "etc/passwd")
    group = read_from_layers(layers, "etc/group")
    return resolve_identity(spec.user, spec.groups, passwd, group)


def granted(spec: ContainerSpec) -> ContainerSpec:
    """The same with capabilities that there are to give.

    Raises SpecError where one is asked for by name and nobody can give it.
    """
    missing = spec.capabilities - bounding_set()
    if missing and not spec.all_capabilities:
        told = ", ".join(names(missing))
        raise SpecError("cap_add", f"{told}: not in the bounding set of this process")
    return evolve(spec, capabilities=spec.capabilities - missing) if missing else spec


def divides_cgroup(spec: ContainerSpec, layout: Layout) -> bool:
    """Whether its control group is one that it may divide, with its limits out of its reach.

    A privileged one may write to its own in any case; only with v2 can those be kept from it.
    """
    return spec.cgroup == "private-rw" or (spec.privileged and layout.kind == "v2")


def check_sources(spec: ContainerSpec) -> None:
    """Refuse what is not there before anything is made. Raises StartError."""
    roots: tuple[str, ...] = ()
    match spec.rootfs:
        case DirectoryRootfs(path):
            roots = (path,)
        case OverlayRootfs(lower):
            roots = lower
        case HostRootfs():
            pass
    for root in roots:
        if not os.path.isdir(root):
            raise StartError(f"image {root}: no such directory")
    for position, volume in enumerate(spec.volumes):
        if volume.is_path and not os.path.exists(volume.source):
            raise StartError(f"volumes[{position}]: source {volume.source} does not exist")
        if volume.followed and (top := _silent_mount(volume.source)) is not None:
            raise StartError(
                f"volumes[{position}]: rslave: {volume.source} is on the mount {top}, which is "
                "neither shared nor a slave and passes no mounts on"
            )
    for position, device in enumerate(spec.devices):
        if not os.path.exists(device.source):
            raise StartError(f"devices[{position}]: source {device.source} does not exist")


def _silent_mount(path: str) -> str | None:
    return silent_mount(Path("/proc/self/mountinfo").read_text(), os.path.realpath(path))


def limits_with_devices(spec: ContainerSpec) -> Limits:
    """The limits, with the devices that the specification adds allowed. Raises StartError."""
    allowed = spec.limits.devices
    if not spec.devices or allowed is None:
        return spec.limits
    return evolve(spec.limits, devices=(*allowed, *map(_device_rule, spec.devices)))


def _device_rule(device: Device) -> DeviceRule:
    status = os.stat(device.source)
    if not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise StartError(f"device {device.source}: not a device")
    return DeviceRule(
        kind="c" if stat.S_ISCHR(status.st_mode) else "b",
        major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev),
        access=device.access,
    )


def _hosts(hostname: str, extra: Iterable[HostEntry]) -> str:
    own = f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t{hostname}\n"
    return own + "".join(f"{entry.address}\t{entry.name}\n" for entry in extra)


def system_files(spec: ContainerSpec, directory: ContainerDirectory) -> SystemFiles:
    """What is mounted over files of the image's /etc; the host's resolver where it is used."""
    binds = [(f"{directory.runtime}/{name}", f"/etc/{name}") for name in _contents(spec)]
    if spec.network == "host" and os.path.exists(_RESOLVER):
        binds.append((_RESOLVER, _RESOLVER))
    return SystemFiles(binds=tuple(binds))


def write_system_files(spec: ContainerSpec, directory: ContainerDirectory) -> None:
    """Write those of them that are the container's own."""
    for name, content in _contents(spec).items():
        write_new_file(f"{directory.runtime}/{name}", content, 0o644)


def write_new_file(path: str, content: str, mode: int) -> None:
    """Write a small file with this mode, whatever the umask here. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, mode)
        os.write(fd, content.encode())
    finally:
        os.close(fd)


def _contents(spec: ContainerSpec) -> dict[str, str]:
    hostname = spec.hostname or spec.id[:12]
    return {"hostname": f"{hostname}\n", "hosts": _hosts(hostname, spec.extra_hosts)}


def cgroup_mounts(labels: Iterable[str]) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """The cgroup file systems that show a container its own groups, by `Cgroup.paths`' labels."""
    chosen = sorted(labels)
    if chosen == [UNIFIED]:
        return (("cgroup2", (), _CGROUPS),)
    return tuple(
        ("cgroup2", (), f"{_CGROUPS}/{label}")
        if label == UNIFIED
        else ("cgroup", tuple(label.split(",")), f"{_CGROUPS}/{label}")
        for label in chosen
    )


def prepare_plan(
    spec: ContainerSpec, identity: Identity, directories: Directories, labels: Iterable[str]
) -> tuple[Step, ...]:
    """The plan of a container that is being made, with the files that it mounts written.

    `labels` name the hierarchies that it has a cgroup in.
    """
    write_system_files(spec, directories.container(spec.id))
    program = b""
    if spec.seccomp:
        kept = Path(directories.root)
        program = cached_filter(kept, spec.capabilities, spec.seccomp_profile)
    return _plan(spec, identity, directories, labels, program)


def preview_plan(spec: ContainerSpec, directories: Directories) -> tuple[Step, ...]:
    """The plan that such a container would have; nothing is made and no rights are needed.

    Raises ContainerError.
    """
    spec = granted(spec)
    layout = Cgroups.open().layout
    used = (layout.v1_of("memory"), layout.v1_of("pids"), layout.v2)
    labels = {hierarchy.label for hierarchy in used if hierarchy is not None}
    program = b""
    if spec.seccomp:
        program = compile_filter(spec.capabilities, spec.seccomp_profile)
    return _plan(spec, identity_of(spec, directories), directories, labels, program)


def _plan(
    spec: ContainerSpec,
    identity: Identity,
    directories: Directories,
    labels: Iterable[str],
    seccomp: bytes,
) -> tuple[Step, ...]:
    """Everything the plan builder needs, found out and handed over."""
    own = directories.container(spec.id)
    layer = writable_layer(spec, directories)
    around = Surroundings(
        mountpoint=directories.mountpoint,
        identity=identity,
        host=host_view(),
        files=system_files(spec, own),
        layers=Layers(
            upper=layer.upper,
            work=layer.work,
            skeleton=directories.skeleton,
            user_xattrs=not owners_here().all_there,
        ),
        devices=host_devices() if spec.privileged else (),
        cgroup_mounts=cgroup_mounts(labels),
        seccomp=seccomp,
    )
    return build_plan(placed(spec, directories), around)
