"""Where things lie: the runtime directory (lost at boot) and the state directory (kept).

Pure but for `prepare`. Every path of a container is made from its validated id, never from
anything else a user wrote.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from attrs import frozen

from runtime.errors import ContainerError


@frozen
class LayerDirectory:
    """What a container changed, on disk."""

    path: str

    @property
    def lower(self) -> str:
        """The layers of images that `upper` lies on; they stay as long as this does."""
        return f"{self.path}/layers.json"

    @property
    def config(self) -> str:
        """What an image made of the container says of how its containers start."""
        return f"{self.path}/config.json"

    @property
    def upper(self) -> str:
        """What the container changed in its overlay."""
        return f"{self.path}/upper"

    @property
    def work(self) -> str:
        """Overlay's own scratch directory, on the same file system as `upper`."""
        return f"{self.path}/work"

    @property
    def lock(self) -> str:
        """Held by whoever makes a layer that is kept, or writes to it in the container's place."""
        return f"{self.path}/lock"


@frozen
class ContainerDirectory:
    """The files of one container; `runtime` is on tmpfs where the host has one, `state` on disk."""

    runtime: str
    state: str

    @property
    def document(self) -> str:
        """What is needed to adopt the container: specification, pid, start time, boot id."""
        return f"{self.runtime}/container.json"

    @property
    def stdout(self) -> str:
        """Named pipe of the command's standard output."""
        return f"{self.runtime}/stdout"

    @property
    def stderr(self) -> str:
        """Named pipe of the command's standard error."""
        return f"{self.runtime}/stderr"

    @property
    def stdin(self) -> str:
        """Named pipe of the command's standard input, or of what is typed at its terminal.

        Or a file with the number of PID 1's descriptor for the former (runtime/container/input.py).
        """
        return f"{self.runtime}/stdin"

    @property
    def cgroups(self) -> str:
        """Where the container's cgroups are; another supervisor may itself be in other ones."""
        return f"{self.runtime}/cgroups.json"

    @property
    def inherited(self) -> str:
        """What the container leaves to commands that join it later."""
        return f"{self.runtime}/inherited.json"

    @property
    def volumes(self) -> str:
        """The volumes that the container has; they stay as long as this does."""
        return f"{self.runtime}/volumes.json"

    @property
    def own_volumes(self) -> str:
        """Those of them that go with it."""
        return f"{self.state}/own-volumes.json"

    @property
    def exit_record(self) -> str:
        """The record that PID 1 writes when the command has ended."""
        return f"{self.runtime}/exit"

    @property
    def left(self) -> str:
        """There where the command was left to a supervisor that has not started it."""
        return f"{self.runtime}/left.json"

    @property
    def layer(self) -> LayerDirectory:
        """The writable layer, where it is not kept."""
        return LayerDirectory(self.state)


@frozen
class Directories:
    """The two base directories, absolute; `store` has the images, where `state` does not."""

    root: str
    state: str
    store: str | None = None

    @property
    def detached(self) -> Directories:
        """Those of the containers that no jobs file tells of; they have the same images."""
        return Directories(f"{self.root}/detached", f"{self.state}/detached", self.image_store)

    @property
    def image_store(self) -> str:
        """Where images are kept."""
        return self.state if self.store is None else self.store

    @property
    def mountpoint(self) -> str:
        """Where each container attaches its root in its own mount namespace before it enters it."""
        return f"{self.root}/mountpoint"

    @property
    def skeleton(self) -> str:
        """The lowest layer of every overlay."""
        return f"{self.root}/skeleton"

    @property
    def images(self) -> str:
        """The unpacked layers of images."""
        return f"{self.image_store}/layers"

    @property
    def volumes(self) -> str:
        """Where volumes are kept; like images they are there for all containers."""
        return f"{self.image_store}/volumes"

    @property
    def containers(self) -> str:
        """One directory per container that has not been deleted."""
        return f"{self.root}/containers"

    def attendance(self, container_id: str) -> str:
        """Locked while somebody attends to a container that no supervisor has written down."""
        return f"{self.root}/attended/{container_id}"

    def container(self, container_id: str) -> ContainerDirectory:
        """The files of the container with this id."""
        return ContainerDirectory(
            f"{self.containers}/{container_id}", f"{self.state}/containers/{container_id}"
        )

    @property
    def kept_layers(self) -> str:
        """One directory per writable layer that outlives its containers."""
        return f"{self.state}/kept"

    def kept_layer(self, name: str) -> LayerDirectory:
        """The writable layer of this name, which one container after the other may have."""
        return LayerDirectory(f"{self.kept_layers}/{name}")

    def prepare(self) -> None:
        """Make what is missing, for its owner only (0700). Raises ContainerError.

        A base directory that others may enter is refused and not changed: it may be /tmp.
        """
        for path in (self.root, self.state):
            _make(path)
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & 0o077:
                raise ContainerError(
                    f"directory {path} is open to other users (mode {mode:04o}); it must be 0700"
                )
        for path in (
            self.mountpoint,
            self.containers,
            f"{self.root}/attended",
            f"{self.state}/containers",
            self.kept_layers,
        ):
            _make(path)


def _make(path: str) -> None:
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        cause = os.strerror(error.errno).lower() if error.errno else str(error)
        raise ContainerError(f"make directory {path}: {cause}") from error


def default_directories(euid: int, environ: Mapping[str, str]) -> Directories:
    """/run/pocker and /var/lib/pocker for root, the XDG directories for everybody else."""
    if euid == 0:
        return Directories("/run/pocker", "/var/lib/pocker")
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{euid}"
    home = environ.get("HOME", "/")
    state = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Directories(f"{runtime}/pocker", f"{state}/pocker")
