"""What all containers of one process share: directories, cgroups, the init program, filters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from attrs import frozen

from runtime.cgroups import CgroupGone, Cgroups
from runtime.container.container import Container
from runtime.container.leavings import remove_files
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.invoker import invoking_user
from runtime.launch import InitProgram
from runtime.limits import Limits
from runtime.oomcause import KernelLog
from runtime.replacing import replace_file
from runtime.rootfs.skeleton import make_skeleton
from runtime.spec import ContainerSpec
from runtime.volumes.store import FindUsers


class Visit(NamedTuple):
    """A container of others, and what it takes to do something to it."""

    runtime: Runtime
    container: Container


@frozen(kw_only=True)
class Runtime:
    """Makes containers. Open it once, close it when no container of it runs any more."""

    directories: Directories
    cgroups: Cgroups
    program: InitProgram
    kernel_log: KernelLog
    volume_users: FindUsers | None = None
    """Tells who uses which volumes, where there are others than the containers of `directories`."""

    @staticmethod
    def require_rights() -> None:
        """Refuse early who could not start a container. Raises ContainerError."""
        if invoking_user() != 0:
            raise ContainerError("starting containers needs root rights: run this as root")

    @classmethod
    def open(
        cls,
        directories: Directories,
        *,
        cgroup: str | None = None,
        volume_users: FindUsers | None = None,
    ) -> Runtime:
        """Prepare the directories and find the cgroups. Raises ContainerError.

        `cgroup` is the v2 group that containers' groups go into, as `Cgroups.open` takes it.
        """
        cls.require_rights()
        directories.prepare()
        make_skeleton(directories.skeleton)
        return cls(
            directories=directories,
            cgroups=Cgroups.open(base=cgroup),
            program=InitProgram.load(),
            kernel_log=KernelLog(),
            volume_users=volume_users,
        )

    @classmethod
    @contextmanager
    def visiting(cls, directories: Directories, container_id: str) -> Iterator[Visit]:
        """A container that others attend to, left to them on exit. Raises ContainerError."""
        runtime = cls.open(directories)
        try:
            container = Container.adopt(container_id, directories, runtime.cgroups)
            try:
                yield Visit(runtime, container)
            finally:
                container.release()
        finally:
            runtime.close()

    def limit(self, container: Container, limits: Limits) -> None:
        """Let a running container have other limits, as far as they can be changed.

        Those of devices, block devices and huge pages stay as they are. Raises ContainerError, and
        then nothing has changed.
        """
        self.cgroups.limit(container.cgroup, limits)
        path = container.directory.cgroups
        try:
            replace_file(path, json.dumps(dict(container.cgroup.paths)).encode(), alone=True)
        except OSError as error:
            raise ContainerError(f"write {path}: {error.strerror}") from error

    @asynccontextmanager
    async def container(self, spec: ContainerSpec) -> AsyncIterator[Container]:
        """A container that is made on entry and gone on exit, unless it was released inside."""
        container = Container.create(
            spec, self.directories, self.cgroups, self.program, self.volume_users
        )
        try:
            yield container
        finally:
            await container.delete()

    @asynccontextmanager
    async def adopted(self, container_id: str) -> AsyncIterator[Container]:
        """What another supervisor has left of a container; gone on exit, unless released.

        Raises CgroupGone where there is no more than files, which are removed.
        """
        try:
            container = Container.adopt(
                container_id, self.directories, self.cgroups, self.volume_users
            )
        except CgroupGone:
            await remove_files(self.directories, container_id, self.volume_users)
            raise
        try:
            yield container
        finally:
            await container.delete()

    def close(self) -> None:
        """Give back what was opened, and remove the cgroup parents if they are empty."""
        self.kernel_log.close()
        self.program.close()
        self.cgroups.remove_parent_if_empty()
        self.cgroups.close()
