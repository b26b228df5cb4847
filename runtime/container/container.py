"""One container from nothing to nothing.

Each thing is made in an order in which a kill at any line leaves something that `existing`
containers are found by: first the runtime directory, then the cgroup, then the process. `delete`
takes them away in the opposite order and may be called at any stage and more than once.
"""

from __future__ import annotations

import os
import shutil
from typing import Literal, TypeAlias

import trio
from attrs import define, field

from runtime.cgroups import Cgroup, Cgroups, Usage
from runtime.container.exit import Exit, read_exit
from runtime.container.prepare import check_sources, identity_of, prepare_plan
from runtime.directories import ContainerDirectory, Directories
from runtime.errors import ContainerError, StartError
from runtime.kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    EXIT_RECORD_SIZE,
)
from runtime.launch import (
    InitProgram,
    LaunchDescriptors,
    Placement,
    confirm_start,
    launch,
)
from runtime.plan import encode
from runtime.process import Process
from runtime.spec import ContainerSpec, OverlayRootfs

Stream: TypeAlias = Literal["stdout", "stderr"]

_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC


@define(eq=False, kw_only=True)
class Container:
    """A container that exists. Make one with `create`, end it with `delete`."""

    spec: ContainerSpec
    directory: ContainerDirectory
    cgroup: Cgroup
    _directories: Directories
    _cgroups: Cgroups
    _program: InitProgram
    process: Process | None = None
    stdout: int = -1
    """Non-blocking read end of the command's standard output."""
    stderr: int = -1
    """The same for standard error; -1 where both go to one pipe."""
    _exit: Exit | None = field(default=None, init=False)
    _deleted: bool = field(default=False, init=False)

    @classmethod
    def create(
        cls,
        spec: ContainerSpec,
        directories: Directories,
        cgroups: Cgroups,
        program: InitProgram,
    ) -> Container:
        """Make the directories and cgroups; nothing runs yet. Raises ContainerError."""
        check_sources(spec)
        directory = directories.container(spec.id)
        try:
            os.mkdir(directory.runtime, 0o700)
        except FileExistsError as error:
            raise ContainerError(f"container {spec.id} exists already") from error
        try:
            cgroup = cgroups.create(spec.id, spec.limits)
        except BaseException:
            shutil.rmtree(directory.runtime)
            raise
        return cls(
            spec=spec,
            directory=directory,
            cgroup=cgroup,
            directories=directories,
            cgroups=cgroups,
            program=program,
        )

    async def start(self, stdin: int | None = None) -> None:
        """Start the command and return once it has been executed. Raises StartError.

        `stdin` is a descriptor for its standard input, /dev/null without one.
        """
        try:
            identity = identity_of(self.spec)
            self._make_layers()
            steps = prepare_plan(
                self.spec,
                identity,
                self.directory,
                self._directories.mountpoint,
                self._cgroups.layout,
            )
            report = self._launch(encode(steps), identity.uid, identity.gid, stdin)
        except OSError as error:
            raise StartError(f"prepare container {self.spec.id}: {error}") from error
        try:
            await confirm_start(report, steps)
        finally:
            os.close(report)

    def _make_layers(self) -> None:
        if isinstance(self.spec.rootfs, OverlayRootfs):
            os.mkdir(self.directory.state, 0o700)
            os.mkdir(self.directory.upper, 0o755)
            os.mkdir(self.directory.work, 0o700)

    def _launch(self, plan: bytes, uid: int, gid: int, stdin: int | None) -> int:
        opened: list[int] = []

        def keep(fd: int) -> int:
            opened.append(fd)
            return fd

        try:
            self.stdout, out_write, out_hold = self._make_pipe(self.directory.stdout, uid, gid)
            opened += (out_write, out_hold)
            err_write = out_write
            hold = [out_hold]
            if not self.spec.merge_output:
                self.stderr, err_write, err_hold = self._make_pipe(self.directory.stderr, uid, gid)
                opened += (err_write, err_hold)
                hold.append(err_hold)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptors = LaunchDescriptors(
                stdin=keep(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
                if stdin is None
                else stdin,
                stdout=out_write,
                stderr=err_write,
                exit_record=keep(os.open(self.directory.exit_record, flags, 0o600)),
                hold=hold,
            )
            namespaces = _NAMESPACES
            if self.spec.network == "none":
                namespaces |= CLONE_NEWNET
            placement = Placement(
                namespaces=namespaces,
                cgroup=self.cgroup.into_fd,
                attach=self.cgroup.attach_fds,
            )
            self.process, report = launch(self._program, plan, descriptors, placement)
            return report
        finally:
            for fd in opened:
                os.close(fd)
            self.cgroup.close_launch_fds()

    def _make_pipe(self, path: str, uid: int, gid: int) -> tuple[int, int, int]:
        """A named pipe of the command's user: (our read end, its write end, PID 1's read end)."""
        os.mkfifo(path, 0o600)
        if uid or gid:
            os.chown(path, uid, gid)
        read = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        write = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        hold = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return read, write, hold

    async def wait(self) -> Exit:
        """Wait until PID 1 has ended, and with it every process of the container."""
        if self._exit is None:
            assert self.process is not None, "the container has not been started"
            status = await self.process.wait()
            self._exit = read_exit(self._read_exit_record(), status, self.cgroup.usage())
        return self._exit

    def _read_exit_record(self) -> bytes:
        with open(self.directory.exit_record, "rb") as file:
            return file.read(EXIT_RECORD_SIZE)

    def outputs(self) -> list[tuple[Stream, int]]:
        """The open output pipes; one of them where both streams are merged."""
        pipes: list[tuple[Stream, int]] = [("stdout", self.stdout)]
        if self.stderr >= 0:
            pipes.append(("stderr", self.stderr))
        return pipes

    def usage(self) -> Usage:
        """What the container has used up to now."""
        return self.cgroup.usage()

    def signal(self, number: int) -> None:
        """Send a signal to the command (by way of PID 1, which forwards it)."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill every process of the container at once."""
        self.cgroup.kill()

    async def delete(self) -> None:
        """Kill what runs, wait for it, and remove every trace. Bounded, and never cancelled."""
        if self._deleted:
            return
        with trio.CancelScope(shield=True):
            if self.process is not None:
                self.kill()
                await self.process.wait()
                self.process.close()
            await self.cgroup.delete()
            for fd in (self.stdout, self.stderr):
                if fd >= 0:
                    os.close(fd)
            self.stdout = self.stderr = -1
            await self._remove_files()
        self._deleted = True

    async def _remove_files(self) -> None:
        if os.path.lexists(self.directory.state):
            await trio.to_thread.run_sync(shutil.rmtree, self.directory.state)
        shutil.rmtree(self.directory.runtime)
