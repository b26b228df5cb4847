"""What a container has for its root: that of its processes, or while none runs its layers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from attrs import frozen

from runtime.container import Runtime
from runtime.directories import Directories, LayerDirectory
from runtime.errors import ContainerError
from runtime.locking import locked
from runtime.rootfs.mounted import open_root
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, current_container, find, running_container
from supervisor.cli.settings import Settings
from supervisor.detached.attended import layer_of


@frozen(kw_only=True)
class Root:
    """The root of the container that a word means."""

    word: str
    place: Directories
    layer: LayerDirectory
    container: str | None
    """The container that has it now; None where it does not run."""
    found: Found | None
    """Where it stays when it does not run."""

    @classmethod
    def of(cls, settings: Settings, word: str) -> Root:
        """That of one of `run -d`, of a job or of a `run` in the foreground. Raises Failure."""
        Runtime.require_rights()
        with suppress(Failure):
            found = find(settings, word)
            place = found.settings.directories
            if found.entry is not None:
                return cls(
                    word=word,
                    place=place,
                    layer=layer_of(place, found.entry),
                    container=current_container(found),
                    # What somebody attends to is gone when it does not run.
                    found=None if found.attended else found,
                )
        place, running = running_container(settings, word)
        layer = place.container(running).layer
        return cls(word=word, place=place, layer=layer, container=running, found=None)

    @property
    def read_only(self) -> bool:
        """Whether it was asked for that the container cannot write to it."""
        entry = None if self.found is None else self.found.entry
        return entry is not None and bool(entry.job.get("read_only"))

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Hold a container that does not run: a start of it waits meanwhile. Raises Failure."""
        assert self.found is not None, "others are gone when they do not run"
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.layer.lock))
            except FileNotFoundError:
                raise Failure(f"container {self.word} keeps nothing of its root") from None
            # A start is written down before it asks for the lock.
            if current_container(self.found) is not None:
                raise Failure(f"container {self.word} is just being started; try again")
            yield

    @contextmanager
    def opened(self, *, writable: bool) -> Iterator[int]:
        """A descriptor that names it. Raises ContainerError or Failure."""
        if self.container is not None:
            with self._of_process(self.container) as root:
                yield root
            return
        if not writable:
            with self.of_layers() as root:
                yield root
            return
        if self.read_only:
            raise Failure(f"the root of container {self.word} is read-only")
        with self.at_rest(), self.of_layers(writable=True) as root:
            yield root

    @contextmanager
    def _of_process(self, container: str) -> Iterator[int]:
        with Runtime.visiting(self.place, container) as (_, visited):
            if visited.process is None:
                raise Failure(f"container {self.word} is not running")
            try:
                path = f"/proc/{visited.process.pid}/root"
                root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except (FileNotFoundError, ProcessLookupError):
                raise Failure(f"container {self.word} is not running") from None
            try:
                # Until it has entered its own, it is in the host's.
                if os.path.samestat(os.fstat(root), os.stat("/")):
                    raise Failure(f"container {self.word} is just being started; try again")
                if not visited.process.has_its_pid:
                    raise Failure(f"container {self.word} is not running")
                yield root
            finally:
                os.close(root)

    @contextmanager
    def of_layers(self, *, writable: bool = False) -> Iterator[int]:
        """The same without anything that is mounted in it. Raises Failure."""
        try:
            root = open_root(self.layer, self.place, writable=writable)
        except ContainerError as error:
            raise Failure(f"container {self.word}: {error}") from error
        try:
            yield root
        finally:
            os.close(root)
