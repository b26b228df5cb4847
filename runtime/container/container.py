"""One container from nothing to nothing.

Each thing is made in an order in which a kill at any line leaves something that `existing`
containers are found by: first the runtime directory, then the cgroup, then the process. `delete`
takes them away in the opposite order and may be called at any stage and more than once.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import trio
from attrs import define, field, frozen

from runtime.cgroups import Cgroup, Cgroups, Usage
from runtime.container.adopting import left_with_init, process_numbered, recorded_paths
from runtime.container.execution import Execution, Host, Stream
from runtime.container.exit import Exit, combine
from runtime.container.leavings import remove_files
from runtime.container.pipes import (
    make_input,
    make_output,
    open_reader,
    open_writer,
    reopen_reader,
)
from runtime.container.prepare import (
    check_sources,
    divides_cgroup,
    granted,
    identity_of,
    limits_with_devices,
    prepare_plan,
    write_new_file,
)
from runtime.container.witness import Executing, Failed, Silent, Testimony, read_testimony
from runtime.directories import ContainerDirectory, Directories
from runtime.errors import ContainerError, StartError
from runtime.execspec import ExecSpec, dump_inherited
from runtime.kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    INIT_HOLD,
)
from runtime.launch import (
    Handed,
    InitProgram,
    LaunchDescriptors,
    Placement,
    Streams,
    confirm_start,
    failure_of_unknown_step,
    launch,
)
from runtime.plan import encode
from runtime.process import Process
from runtime.rootfs import Identity
from runtime.rootfs.writable import make_writable_layer
from runtime.spec import ContainerSpec
from runtime.volumes.placing import provide_volumes
from runtime.volumes.store import FindUsers

_PATIENCE = 10.0
"""Seconds that a killed PID 1 may take to die; one in the middle of I/O may take them."""
_FIRST, _COMMAND = 1, 2
"""Pids in the container: `init`, and the first process that it makes."""
_FIRST_LOOK, _LAST_LOOK = 0.001, 0.05
"""Seconds between looks at what `init` has written: the pipe that would tell has died."""
_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC


@frozen(kw_only=True)
class LaunchContext:
    """What a start needs beside the container itself."""

    spec: ContainerSpec
    directories: Directories
    program: InitProgram


@define(eq=False, kw_only=True)
class Container:
    """A container that exists: made by `create` or taken over by `adopt`, ended by `delete`."""

    id: str
    directory: ContainerDirectory
    cgroup: Cgroup
    _directories: Directories
    _volume_users: FindUsers | None = None
    _launch_context: LaunchContext | None = None
    process: Process | None = None
    """PID 1 of the container, once it was started."""
    stdout: int = -1
    """Non-blocking read end of the command's standard output."""
    stderr: int = -1
    """The same for standard error; -1 where both go to one pipe."""
    stdin: int = -1
    """Non-blocking write end of its standard input, where the specification asks for one."""
    terminal: int = -1
    """Our non-blocking side of the command's terminal, which then stands for all three; else -1."""
    has_init: bool | None = None
    """Whether PID 1 is `init`; None for an adopted one, where those who started it know."""
    _exit: Exit | None = field(default=None, init=False)
    _deleted: bool = field(default=False, init=False)

    @classmethod
    def create(
        cls,
        spec: ContainerSpec,
        directories: Directories,
        cgroups: Cgroups,
        program: InitProgram,
        volume_users: FindUsers | None = None,
    ) -> Container:
        """Make the directories and cgroups; nothing runs yet. Raises ContainerError."""
        spec = granted(spec)
        check_sources(spec)
        directory = directories.container(spec.id)
        try:
            with ExitStack() as undo:
                os.mkdir(directory.runtime, 0o700)
                undo.callback(shutil.rmtree, directory.runtime)
                cgroup = cgroups.create(
                    spec.id,
                    limits_with_devices(spec),
                    delegated=divides_cgroup(spec, cgroups.layout),
                )
                undo.callback(cgroup.remove)
                Path(directory.cgroups).write_text(json.dumps(dict(cgroup.paths)))
                undo.pop_all()
        except FileExistsError as error:
            raise ContainerError(f"container {spec.id} exists already") from error
        except OSError as error:
            cause = os.strerror(error.errno).lower() if error.errno else str(error)
            raise ContainerError(f"make container {spec.id}: {error.filename}: {cause}") from error
        context = LaunchContext(spec=spec, directories=directories, program=program)
        return cls(
            id=spec.id,
            directory=directory,
            cgroup=cgroup,
            directories=directories,
            volume_users=volume_users,
            launch_context=context,
            has_init=spec.init,
        )

    @classmethod
    def adopt(
        cls,
        container_id: str,
        directories: Directories,
        cgroups: Cgroups,
        volume_users: FindUsers | None = None,
    ) -> Container:
        """Take over what is left of a container that another supervisor made.

        PID 1 is whoever has that number in its own namespace and is in the container's cgroup: a
        recycled pid is in another one. Raises CgroupGone where there is no cgroup any more.
        """
        directory = directories.container(container_id)
        cgroup = cgroups.open_existing(container_id, recorded_paths(directory))
        container = cls(
            id=container_id,
            directory=directory,
            cgroup=cgroup,
            directories=directories,
            volume_users=volume_users,
        )
        container.has_init = left_with_init(directory)
        container.process = process_numbered(_FIRST, container.cgroup)
        # One that its user has left may have ended, and its last words wait in the pipe.
        if container.process is not None or container.has_init is not None:
            container.stdout = reopen_reader(container.directory.stdout)
            container.stderr = reopen_reader(container.directory.stderr)
        return container

    @property
    def testimony(self) -> Testimony:
        """What `init` has written about itself up to now."""
        return read_testimony(self.directory.exit_record)

    async def start(self) -> None:
        """Start the command and return once it has been executed. Raises StartError."""
        context = self._launch_context
        assert context is not None, "an adopted container has been started already"
        spec = context.spec
        try:
            await make_writable_layer(spec, context.directories)
            identity = identity_of(spec, context.directories)
            if spec.cgroup == "private-rw":
                self.cgroup.give_to(identity.uid, identity.gid)
            if any(not volume.is_path for volume in spec.volumes):
                # What this takes may be much, and others have to wait for their turn meanwhile.
                await trio.to_thread.run_sync(
                    provide_volumes, spec, self.directory, context.directories
                )
            write_new_file(self.directory.inherited, dump_inherited(spec), 0o600)
            steps = prepare_plan(spec, identity, context.directories, self.cgroup.paths)
            report = self._launch(spec, context.program, encode(steps), identity)
        except OSError as error:
            cause = os.strerror(error.errno).lower() if error.errno else str(error)
            what = f": {error.filename}" if error.filename else ""
            raise StartError(f"prepare container {self.id}{what}: {cause}") from error
        handed = Handed()
        try:
            await confirm_start(report, steps, handed)
        finally:
            self.terminal = handed.terminal
            os.close(report)

    async def confirm_adopted(self) -> bool:
        """Wait until an adopted container's command has been executed; False if it never was.

        Raises StartError. Its former supervisor may have been killed in the middle of the start.
        """
        pause = _FIRST_LOOK
        while isinstance(self.testimony, Silent):
            if self.process is None:
                return False
            with trio.move_on_after(pause) as look:
                await self.process.wait()
            if not look.cancelled_caught:
                return not isinstance(self.testimony, Silent)
            pause = min(2 * pause, _LAST_LOOK)
        if self.process is None and self.has_init is False:
            # Its parent is about to write down how it ended (native/holder.c).
            for _ in range(int(_PATIENCE / _LAST_LOOK)):
                if not isinstance(self.testimony, Executing):
                    break
                await trio.sleep(_LAST_LOOK)
        if self.process is None or isinstance(self.testimony, Failed):
            await self.wait()
        return True

    def _launch(
        self, spec: ContainerSpec, program: InitProgram, plan: bytes, identity: Identity
    ) -> int:
        """Start PID 1; returns the read end of its report pipe."""
        with ExitStack() as opened:

            def hold(fd: int) -> int:
                opened.callback(os.close, fd)
                return fd

            opened.callback(self.cgroup.close_launch_fds)
            record = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptors = LaunchDescriptors(
                streams=self._streams(spec, identity, hold),
                exit_record=hold(os.open(self.directory.exit_record, record, 0o600)),
            )
            placement = Placement(
                namespaces=_NAMESPACES | (CLONE_NEWNET if spec.network == "none" else 0),
                cgroup=self.cgroup.into_fd,
                attach=self.cgroup.attach_fds,
            )
            self.process, report = launch(program, plan, descriptors, placement)
            return report

    def _streams(self, spec: ContainerSpec, owner: Identity, hold: Callable[[int], int]) -> Streams:
        """Make what the command reads from and writes to; a terminal it makes for itself."""
        kept = spec.terminal is not None and spec.terminal.kept
        handed_out = spec.terminal is not None and not kept
        stdin, writer = make_input(spec, self.directory.stdin, owner)
        hold(stdin)
        if not spec.stdin_open:
            self.stdin = writer
        elif writer >= 0:
            hold(writer)
        if handed_out:
            return Streams(stdin=stdin, stdout=stdin, stderr=stdin, hold=())
        self.stdout = make_output(self.directory.stdout, owner)
        out_write = err_write = hold(open_writer(self.directory.stdout))
        holds = [hold(open_reader(self.directory.stdout))]
        if kept:
            for fd in (stdin, out_write):  # PID 1 waits for both at once
                os.set_blocking(fd, False)
        elif not spec.merge_output:
            self.stderr = make_output(self.directory.stderr, owner)
            err_write = hold(open_writer(self.directory.stderr))
            holds.append(hold(open_reader(self.directory.stderr)))
        if spec.stdin_open and writer >= 0:
            holds.append(writer)
            Path(self.directory.stdin).write_text(str(INIT_HOLD + len(holds) - 1))
        return Streams(stdin=stdin, stdout=out_write, stderr=err_write, hold=holds)

    async def wait(self) -> Exit:
        """Wait until PID 1 has ended, and with it every process of the container.

        Output must be read meanwhile: PID 1 stays until its pipes are empty. Raises StartError
        where the start of an adopted container turns out to have failed.
        """
        status = None
        if self._exit is None and self.process is not None:
            status = await self.process.wait()
        # The first of several tasks decides: what was used may still grow a little.
        if self._exit is None:
            testimony = self.testimony
            if isinstance(testimony, Failed):
                raise failure_of_unknown_step(testimony.error, testimony.detail)
            self._exit = combine(testimony, status, self.cgroup.usage())
        return self._exit

    async def execute(self, spec: ExecSpec, program: InitProgram) -> Execution:
        """Start a command beside the container's own. Raises SpecError or StartError."""
        if self.process is None:
            raise StartError(f"container {self.id} is not running")
        if self.paused:
            # It would stand still before it is executed, and this process, which waits for that.
            raise StartError(f"container {self.id} is paused: unpause it first")
        host = Host(process=self.process, cgroup=self.cgroup, program=program)
        return await Execution.start(host, spec)

    def suppose_init(self, *, present: bool) -> None:
        """Take it that PID 1 is `init`, or is not, where that is not known."""
        if self.has_init is None:
            self.has_init = present

    def outputs(self) -> list[tuple[Stream, int]]:
        """The open output pipes; one of them where both streams are merged."""
        pipes: list[tuple[Stream, int]] = [("stdout", self.stdout), ("stderr", self.stderr)]
        return [(stream, pipe) for stream, pipe in pipes if pipe >= 0]

    def close_stdin(self) -> None:
        """Let the command read to the end of its input."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def usage(self) -> Usage:
        """What the container has used up to now."""
        return self.cgroup.usage()

    def signal(self, number: int) -> None:
        """Send a signal to the command (by way of PID 1, which forwards it)."""
        if self.process is not None:
            self.process.send_signal(number)

    def end(self) -> None:
        """Kill the command; PID 1 then ends the others.

        What is still in the pipes stays there until it is read, whatever becomes of this process,
        and the exit record is written. Not for a container that runs without `init`.
        """
        command = process_numbered(_COMMAND, self.cgroup)
        if command is not None:
            command.send_signal(signal.SIGKILL)
            command.close()

    async def pause(self) -> None:
        """Stop every process where it is, until `unpause`; returns when all have stopped."""
        await self.cgroup.freeze()

    def unpause(self) -> None:
        """Let them go on."""
        self.cgroup.thaw()

    @property
    def paused(self) -> bool:
        """Whether they are stopped."""
        return self.cgroup.is_frozen()

    def kill(self) -> None:
        """Kill every process of the container at once, PID 1 and what it keeps included."""
        self.cgroup.kill()

    async def delete(self) -> None:
        """Kill what runs, wait for it, and remove every trace. Bounded, and never cancelled."""
        if self._deleted:
            return
        with trio.CancelScope(shield=True):
            if self.process is not None:
                self.kill()
                with trio.move_on_after(_PATIENCE):
                    await self.process.wait()
            await self.cgroup.delete()  # says who has not died
            self.release()
            await remove_files(self._directories, self.id, self._volume_users)

    def release(self) -> None:
        """Let go of the container as it is: it runs on, for another one to `adopt`."""
        self._deleted = True
        self.cgroup.close_launch_fds()
        if self.process is not None:
            self.process.close()
        for fd in (self.stdin, self.stdout, self.stderr, self.terminal):
            if fd >= 0:
                os.close(fd)
        self.stdin = self.stdout = self.stderr = self.terminal = -1
