"""From a command to the plan by which it joins a container that runs.

Pure. The process that takes the first steps is not in the container's namespace of processes, so
nothing inside can see it; the one that takes the others is, and is like any of the container's: the
same limits, capabilities and filter, made by the same steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from runtime.execspec import ExecSpec
from runtime.kernel import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
)
from runtime.plan.build import environment_of
from runtime.plan.credentials import credential_steps
from runtime.plan.mounts import terminal_step
from runtime.plan.step import Step
from runtime.rootfs.identity import Identity

NAMESPACES = (
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP
)


def joining_plan(spec: ExecSpec, identity: Identity, seccomp: bytes) -> tuple[Step, ...]:
    """All steps, in the order in which `init` carries them out."""
    return tuple(_steps(spec, identity, seccomp))


def _steps(spec: ExecSpec, identity: Identity, seccomp: bytes) -> Iterator[Step]:
    yield Step("session")
    yield Step("keyring")
    yield Step("join", (NAMESPACES,))
    if spec.terminal is not None:
        yield terminal_step(spec.terminal, identity.uid, console=False)
    yield Step("process")
    yield Step("session")
    if spec.terminal is not None:
        yield Step("foreground", (), "terminal")
    yield from credential_steps(spec, identity, seccomp)
    yield Step("chdir", (spec.working_dir,), "working_dir")
    yield Step("exec", (spec.command, environment_of(spec, identity)), "command")
