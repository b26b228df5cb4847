"""The part of a plan that makes the file system: root, kernel file systems, /dev, volumes.

Defaults are those of the OCI runtime specification (config-linux.md, "Default Filesystems") with
the hardening that HARDENING's rows ask for: everything of the kernel is read-only, masked, or
the container's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from runtime.plan.step import NODEV, NOEXEC, NOSUID, RDONLY, Step
from runtime.rootfs.devices import DeviceNode
from runtime.rootfs.host import GENERATED, PRIVATE_DIRECTORIES, HostView
from runtime.security.masks import MASKED_PATHS, READ_ONLY_PATHS
from runtime.spec import (
    ContainerSpec,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Terminal,
    Volume,
)

_SAFE = NOSUID | NOEXEC | NODEV
_CHARACTER_DEVICE = 0o020000
_VOLATILE, _USER_XATTRS = 1, 2
"""Flags of an overlay, as native/overlay.h has them."""
_DEVICE_NODES = (
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
)
_DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)


@frozen(kw_only=True)
class Layers:
    """Directories of an overlay that are not the image's: its own two, and the lowest of all."""

    upper: str
    work: str
    skeleton: str
    user_xattrs: bool = False
    """Whether overlay's marks are attributes that need no rights, as in a user namespace."""


@frozen(kw_only=True)
class SystemFiles:
    """(host path, container path) of the files the runtime writes for this container."""

    binds: tuple[tuple[str, str], ...] = ()


def _mount(
    kind: str,
    target: str,
    attributes: int,
    *options: str,
    origin: str = "",
    follow: bool = False,
) -> Step:
    return Step("mount", (kind, options, attributes, int(follow), target), origin)


def _bind(source: str, target: str, attributes: int, origin: str) -> Step:
    return Step("bind", (source, attributes, target), origin)


def _attributes(volume: Volume) -> int:
    return RDONLY if volume.read_only else 0


def follow_steps(spec: ContainerSpec) -> Iterator[Step]:
    """Copy what is to follow the host's mounts, while mounts still can."""
    for position, volume in enumerate(spec.volumes):
        if volume.followed:
            yield Step("follow", (volume.source, _attributes(volume)), f"volumes[{position}]")


def root_steps(
    spec: ContainerSpec, mountpoint: str, layers: Layers, host: HostView
) -> Iterator[Step]:
    """Attach the root file system and fill it where it starts empty."""
    match spec.rootfs:
        case DirectoryRootfs(path):
            yield Step("root_bind", (path, mountpoint), "rootfs")
        case OverlayRootfs(lower, keep):
            directories = (*lower, layers.skeleton)
            flags = _VOLATILE * (keep is None) | _USER_XATTRS * layers.user_xattrs
            arguments = (directories, layers.upper, layers.work, flags, mountpoint)
            yield Step("root_overlay", arguments, "image")
        case HostRootfs():
            yield Step("root_mount", ("tmpfs", "mode=755", mountpoint), "image")
            yield from _host_view_steps(host)


def _host_view_steps(host: HostView) -> Iterator[Step]:
    for path, mode in PRIVATE_DIRECTORIES.items():
        yield Step("mkdir", (path, mode), "image")
    for path in host.binds:
        yield _bind(path, path, RDONLY | NODEV, "image")
    for path, target in host.links:
        yield Step("symlink", (path, target), "image")
    for path, content in GENERATED.items():
        yield Step("file", (path, 0o644, content), "image")


def kernel_steps(
    spec: ContainerSpec, cgroup_mounts: tuple[tuple[str, tuple[str, ...], str], ...]
) -> Iterator[Step]:
    """The kernel's own file systems."""
    yield _mount("proc", "/proc", _SAFE)
    yield _mount("sysfs", "/sys", _SAFE if spec.privileged else _SAFE | RDONLY)
    divided = spec.cgroup == "private-rw" and len(cgroup_mounts) == 1
    yield from _cgroup_steps(cgroup_mounts, writable=divided or spec.privileged)


def device_steps(devices: tuple[DeviceNode, ...]) -> Iterator[Step]:
    """A /dev of the container's own, with these of the host beside those that each one has."""
    yield _mount("tmpfs", "/dev", NOSUID, "mode=755", "size=64m")
    for name, major, minor in _DEVICE_NODES:
        yield Step("mknod", (f"/dev/{name}", _CHARACTER_DEVICE | 0o666, major, minor))
    for name, target in _DEVICE_LINKS:
        yield Step("symlink", (f"/dev/{name}", target))
    taken = {f"/dev/{name}" for name, *_ in (*_DEVICE_NODES, *_DEVICE_LINKS)}
    for node in devices:
        if node.path not in taken:
            arguments = (node.path, node.mode, node.major, node.minor)
            yield Step("mknod", arguments, "privileged")
    yield _mount("devpts", "/dev/pts", NOSUID | NOEXEC, "ptmxmode=0666", "mode=0620", "gid=5")
    yield _mount("tmpfs", "/dev/shm", _SAFE, "mode=1777", "size=64m")
    yield _mount("mqueue", "/dev/mqueue", _SAFE)


def mount_steps(spec: ContainerSpec, uid: int, files: SystemFiles) -> Iterator[Step]:
    """Everything else that is mounted inside the root, parents before children.

    The terminal, which `uid` gets, is made before anything of the user's could be in its way.
    """
    if spec.terminal is not None:
        yield terminal_step(spec.terminal, uid, console=True)
    for source, target in files.binds:
        yield _bind(source, target, NOSUID | NODEV, "hostname")
    yield from _user_mounts(spec)
    for name, value in spec.sysctls.items():
        path = "/proc/sys/" + name.replace(".", "/")
        yield Step("sysctl", (path, value), f"sysctls.{name}")
    if not spec.privileged:
        yield Step("mask", (MASKED_PATHS,))
        yield Step("read_only", (READ_ONLY_PATHS,))


def terminal_step(terminal: Terminal, uid: int, *, console: bool) -> Step:
    """Make a terminal that belongs to a user; as /dev/console, too, where it is the container's."""
    size = (terminal.rows, terminal.columns)
    return Step("terminal", (uid, *size, int(console), int(terminal.kept)), "terminal")


def _cgroup_steps(
    cgroup_mounts: tuple[tuple[str, tuple[str, ...], str], ...], *, writable: bool
) -> Iterator[Step]:
    if len(cgroup_mounts) > 1:
        yield _mount("tmpfs", "/sys/fs/cgroup", _SAFE, "mode=755", "size=64k")
    for kind, options, target in cgroup_mounts:
        yield _mount(kind, target, _SAFE if writable else _SAFE | RDONLY, *options)
    if len(cgroup_mounts) > 1 and not writable:
        yield Step("read_only", (("/sys/fs/cgroup",),))


def _user_mounts(spec: ContainerSpec) -> Iterator[Step]:
    """Volumes and tmpfs by the depth of their target, so that one may lie inside another."""
    steps: list[tuple[str, Step]] = []
    for position, volume in enumerate(spec.volumes):
        name = "bind_followed" if volume.followed else "bind"
        arguments = (volume.source, _attributes(volume), volume.target)
        steps.append((volume.target, Step(name, arguments, f"volumes[{position}]")))
    for position, tmpfs in enumerate(spec.tmpfs):
        options = [f"mode={tmpfs.mode:o}"]
        if tmpfs.size is not None:
            options.append(f"size={tmpfs.size}")
        origin = f"tmpfs[{position}]"
        flags = NOSUID | NODEV | (NOEXEC if tmpfs.noexec else 0)
        step = _mount("tmpfs", tmpfs.target, flags, *options, origin=origin, follow=True)
        steps.append((tmpfs.target, step))
    for position, device in enumerate(spec.devices):
        step = _bind(device.source, device.target, NOSUID, f"devices[{position}]")
        steps.append((device.target, step))
    yield from (step for _, step in sorted(steps, key=lambda item: _depth(item[0])))


def _depth(target: str) -> int:
    return sum(part not in ("", ".") for part in target.split("/"))
