"""From a specification to a plan: looks at the host and the image, then asks the pure builder."""

from __future__ import annotations

import os

from runtime.cgroups import Layout
from runtime.directories import ContainerDirectory
from runtime.errors import StartError
from runtime.plan import Step, Surroundings, build_plan
from runtime.plan.mounts import SystemFiles
from runtime.rootfs import Identity, host_view, read_from_layers, resolve_identity
from runtime.rootfs.host import GROUP, PASSWD
from runtime.security.seccomp import compile_filter
from runtime.spec import ContainerSpec, DirectoryRootfs, HostRootfs, OverlayRootfs

_RESOLVER = "/etc/resolv.conf"


def identity_of(spec: ContainerSpec) -> Identity:
    """Resolve the user in the container's own files. Raises SpecError or StartError."""
    match spec.rootfs:
        case HostRootfs():
            return resolve_identity(spec.user, spec.groups, PASSWD, GROUP)
        case DirectoryRootfs(path):
            layers: tuple[str, ...] = (path,)
        case OverlayRootfs(lower):
            layers = lower
    passwd = read_from_layers(layers, "etc/passwd")
    group = read_from_layers(layers, "etc/group")
    return resolve_identity(spec.user, spec.groups, passwd, group)


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
        if not os.path.exists(volume.source):
            raise StartError(f"volumes[{position}]: source {volume.source} does not exist")
    for position, device in enumerate(spec.devices):
        if not os.path.exists(device.source):
            raise StartError(f"devices[{position}]: source {device.source} does not exist")


def _hosts(hostname: str) -> str:
    return f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t{hostname}\n"


def write_system_files(spec: ContainerSpec, directory: ContainerDirectory) -> SystemFiles:
    """Write /etc/hostname and /etc/hosts of this container; the host's resolver where it is used."""
    hostname = spec.hostname or spec.id[:12]
    binds: list[tuple[str, str]] = []
    for name, content in (("hostname", f"{hostname}\n"), ("hosts", _hosts(hostname))):
        path = f"{directory.runtime}/{name}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, content.encode())
        finally:
            os.close(fd)
        binds.append((path, f"/etc/{name}"))
    if spec.network == "host" and os.path.exists(_RESOLVER):
        binds.append((_RESOLVER, _RESOLVER))
    return SystemFiles(binds=tuple(binds))


def cgroup_mounts(layout: Layout) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """The read-only cgroup file systems that show a container its own groups."""
    if layout.kind == "v2":
        return (("cgroup2", (), "/sys/fs/cgroup"),)
    return ()


def prepare_plan(
    spec: ContainerSpec,
    identity: Identity,
    directory: ContainerDirectory,
    mountpoint: str,
    layout: Layout,
) -> tuple[Step, ...]:
    """Everything the plan builder needs, found out and handed over."""
    around = Surroundings(
        mountpoint=mountpoint,
        identity=identity,
        host=host_view(),
        files=write_system_files(spec, directory),
        upper=directory.upper,
        work=directory.work,
        cgroup_mounts=cgroup_mounts(layout),
        seccomp=compile_filter(spec.capabilities) if spec.seccomp else b"",
    )
    return build_plan(spec, around)
