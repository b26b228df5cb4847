"""From a specification to the list of steps: what will be done to the machine, before it is done.

Pure. The order is the safety argument. Namespaces and the root come first; everything is mounted on
descriptors resolved inside the root; the old root is gone before the command's process exists;
what the command may not keep (groups, ids, capabilities, system calls) goes last.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from runtime.execspec import Inherited
from runtime.plan.credentials import credential_steps
from runtime.plan.mounts import (
    Layers,
    SystemFiles,
    device_steps,
    follow_steps,
    kernel_steps,
    mount_steps,
    root_steps,
)
from runtime.plan.step import Step
from runtime.rootfs.devices import DeviceNode
from runtime.rootfs.host import HostView
from runtime.rootfs.identity import Identity
from runtime.spec import ContainerSpec

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen(kw_only=True)
class Surroundings:
    """What the plan needs to know beside the specification; all of it found out by the caller.

    `mountpoint` is an existing directory where the root is attached until it is entered, the same
    for all containers since each has a mount namespace of its own. `cgroup_mounts` are
    (file system, options, path) to be mounted. `devices` are the host's, where the container gets
    them. `seccomp` is a compiled filter.
    """

    mountpoint: str
    identity: Identity
    host: HostView
    files: SystemFiles
    layers: Layers
    devices: tuple[DeviceNode, ...] = ()
    cgroup_mounts: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    seccomp: bytes = b""


def build_plan(spec: ContainerSpec, around: Surroundings) -> tuple[Step, ...]:
    """All steps, in the order in which `init` carries them out."""
    return tuple(_steps(spec, around))


def _steps(spec: ContainerSpec, around: Surroundings) -> Iterator[Step]:
    yield Step("session")
    yield Step("keyring")
    yield from follow_steps(spec)
    yield Step("private_mounts")
    yield Step("cgroup_namespace")
    if spec.hostname is not None:
        yield Step("hostname", (spec.hostname,), "hostname")
    if spec.network == "none":
        yield Step("loopback", (), "network")
    yield from root_steps(spec, around.mountpoint, around.layers, around.host)
    yield from kernel_steps(spec, around.cgroup_mounts)
    yield from device_steps(around.devices)
    yield from mount_steps(spec, around.identity.uid, around.files)
    yield Step("mkdir", (spec.working_dir, 0o755), "working_dir")
    if spec.read_only:
        yield Step("read_only_root", (), "read_only")
    yield Step("pivot")
    if spec.init:
        yield Step("init", (), "init")
        yield Step("session")
    if spec.terminal is not None:
        yield Step("foreground", (), "terminal")
    yield from credential_steps(spec, around.identity, around.seccomp)
    yield Step("chdir", (spec.working_dir,), "working_dir")
    yield Step("exec", (spec.command, environment_of(spec, around.identity)), "command")


def environment_of(spec: Inherited, identity: Identity) -> tuple[str, ...]:
    """Built from empty: nothing of the supervisor's own environment is in it."""
    variables = {"PATH": DEFAULT_PATH, "HOME": identity.home}
    if spec.hostname is not None:
        variables["HOSTNAME"] = spec.hostname
    if spec.terminal is not None:
        variables["TERM"] = "xterm"
    variables.update(spec.environment)
    return tuple(f"{name}={value}" for name, value in variables.items())
