"""What is started in a container that runs already: a frozen value, most of it the container's own.

What a container leaves to such commands lies beside it, so that any process can start one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from attrs import asdict, field, fields, frozen

from runtime.errors import SpecError
from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.spec import ContainerSpec, Terminal, Ulimit, check_command, check_path


class Inherited(Protocol):
    """What every command in a container has, from the first one on."""

    @property
    def hostname(self) -> str | None:
        """The container's name for itself."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables."""

    @property
    def terminal(self) -> Terminal | None:
        """A terminal of its own."""

    @property
    def ulimits(self) -> tuple[Ulimit, ...]:
        """Limits of each process."""

    @property
    def capabilities(self) -> frozenset[int]:
        """What it may hold."""

    @property
    def no_new_privileges(self) -> bool:
        """Whether no program may give it more."""

    @property
    def seccomp(self) -> bool:
        """Whether its system calls are filtered."""

    @property
    def umask(self) -> int:
        """Permissions that new files do not get."""


@frozen(kw_only=True)
class ExecSpec:
    """One command in a running container.

    `user` is resolved in the container's files as they are then. With a `terminal` the command
    reads from and writes to that; else it reads from a pipe (`stdin`) or from nothing, and what
    it writes is passed on (`output`) or dropped.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(factory=dict)
    working_dir: str = "/"
    user: str = "0"
    groups: tuple[str, ...] = ()
    hostname: str | None = None
    terminal: Terminal | None = None
    stdin: bool = False
    output: bool = True
    ulimits: tuple[Ulimit, ...] = ()
    capabilities: frozenset[int] = DEFAULT_CAPABILITIES
    no_new_privileges: bool = True
    seccomp: bool = True
    seccomp_profile: str | None = None
    umask: int = 0o022

    def __attrs_post_init__(self) -> None:
        check_command(self.command)
        check_path("working_dir", self.working_dir)
        for name, value in self.environment.items():
            if not name or "=" in name or "\0" in name + value:
                raise SpecError("environment", f"{name!r} cannot be passed on")


_ITS_OWN = frozenset(("command", "terminal", "stdin", "output"))
_INHERITED = tuple(each.name for each in fields(ExecSpec) if each.name not in _ITS_OWN)
"""What a command has from the container, where it is not said otherwise."""


def dump_inherited(spec: ContainerSpec) -> str:
    """What a container leaves to the commands that join it, as a document."""
    values = {name: getattr(spec, name) for name in _INHERITED}
    values["ulimits"] = [asdict(limit) for limit in spec.ulimits]
    values["capabilities"] = sorted(spec.capabilities)
    values["environment"] = dict(spec.environment)
    return json.dumps(values)


def load_inherited(text: str, command: tuple[str, ...]) -> ExecSpec:
    """A command that has what the container left to it. Raises ValueError for another document."""
    values = json.loads(text)
    return ExecSpec(
        command=command,
        environment=values["environment"],
        working_dir=values["working_dir"],
        user=values["user"],
        groups=tuple(values["groups"]),
        hostname=values["hostname"],
        ulimits=tuple(Ulimit(**limit) for limit in values["ulimits"]),
        capabilities=frozenset(values["capabilities"]),
        no_new_privileges=values["no_new_privileges"],
        seccomp=values["seccomp"],
        seccomp_profile=values["seccomp_profile"],
        umask=values["umask"],
    )
