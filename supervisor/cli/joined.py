"""A command in a container that others attend to; this process attends to the command only."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click
import trio
from attrs import evolve, frozen

from runtime.container import Container, Execution, Runtime
from runtime.container.leaving import Holder
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.execspec import ExecSpec, load_inherited
from runtime.process import ExitStatus
from runtime.security.bounding import bounding_set
from runtime.spec import Terminal
from supervisor.cli.attend import FORWARDED, Attendant, own_terminal, size_of
from supervisor.cli.care import under_care
from supervisor.cli.caretaker import TerminalState
from supervisor.cli.detachkeys import DetachKeys
from supervisor.cli.failure import START_FAILED, Failure


@frozen(kw_only=True)
class Addition:
    """A command, and where it differs from the container's own; None is as that has it."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str | None
    user: str | None
    terminal: bool
    interactive: bool
    privileged: bool
    detached: bool
    """Nobody waits for it: it reads from nothing, and what it writes is dropped."""

    def spec(self, inherited: ExecSpec, size: tuple[int, int]) -> ExecSpec:
        """All that the command has. Raises SpecError."""
        rows, columns = size
        return evolve(
            inherited,
            environment={**inherited.environment, **self.environment},
            working_dir=self.working_dir or inherited.working_dir,
            user=self.user or inherited.user,
            terminal=Terminal(rows=rows, columns=columns) if self.terminal else None,
            stdin=self.interactive,
            output=not self.detached,
            capabilities=bounding_set() if self.privileged else inherited.capabilities,
            seccomp=inherited.seccomp and not self.privileged,
        )


def carry_out(
    directories: Directories, container_id: str, addition: Addition, keys: bytes | None
) -> int:
    """Run the command to its end, or until these keys leave it, or only start it.

    Returns its exit code. Raises ContainerError.
    """
    Runtime.require_rights()
    if addition.detached:
        return trio.run(_start, directories, container_id, addition)
    ours = own_terminal(terminal=addition.terminal, interactive=addition.interactive)
    left: list[Holder] = []
    attend = partial(_run, (directories, container_id), addition, ours, keys, left.append)
    code = under_care(attend, ours)
    for holder in left:
        from supervisor.cli.leaving import let_go  # only who leaves pays for what that takes

        let_go(holder)
    return code


async def _start(directories: Directories, container_id: str, addition: Addition) -> int:
    with Runtime.visiting(directories, container_id) as (runtime, container):
        spec = addition.spec(_inherited(container, addition), size_of(None))
        (await container.execute(spec, runtime.program)).close()
    return 0


async def _run(
    place: tuple[Directories, str],
    addition: Addition,
    ours: TerminalState | None,
    keys: bytes | None,
    leave: Callable[[Holder], None],
) -> int:
    with Runtime.visiting(*place) as (runtime, container):
        spec = addition.spec(_inherited(container, addition), size_of(ours))
        with trio.open_signal_receiver(*FORWARDED, signal.SIGWINCH) as signals:
            execution = await container.execute(spec, runtime.program)
            try:
                while True:
                    attendant = Attendant(
                        attended=execution,
                        terminal=ours,
                        interactive=addition.interactive,
                        keys=None if keys is None else DetachKeys(keys),
                    )
                    status = await attendant.attend(signals, execution.wait)
                    if not attendant.is_left:
                        return _code(status)
                    if _is_left_to(execution, leave):
                        return 0
            finally:
                execution.close()


def _is_left_to(execution: Execution, leave: Callable[[Holder], None]) -> bool:
    """Have its terminal held; False where that is not possible, which is told."""
    try:
        leave(Holder.of_execution(execution))
    except ContainerError as error:
        click.echo(f"pocker: cannot leave the command: {error}", err=True)
        return False
    return True


def _inherited(container: Container, addition: Addition) -> ExecSpec:
    path = Path(container.directory.inherited)
    try:
        return load_inherited(path.read_text(), addition.command)
    except (FileNotFoundError, ValueError) as error:
        raise Failure(f"container {container.id} is not running") from error


def _code(status: ExitStatus | None) -> int:
    if status is None:
        return START_FAILED
    return status.code if status.code is not None else 128 + (status.signal or 0)
