"""The named volumes of one state directory, each a directory with what is known of it and its data.

A volume comes and goes by a rename under a lock: a kill at any point leaves it whole or gone, and
what is half made or half removed is cleared away by the next one who changes something. A container
writes down which volumes it has before it looks for them here, and a volume is taken away with the
lock held and only after a look at what is written down. So either its user is seen, or that one
finds it gone and makes it anew.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from attrs import frozen

from runtime.directories import Directories
from runtime.errors import VolumeError
from runtime.existence import is_there
from runtime.locking import locked
from runtime.replacing import replace_file, sync_directory
from runtime.spec import names_volume
from runtime.treesize import tree_size
from runtime.volumes.naming import ANONYMOUS, is_made_up

Users: TypeAlias = Mapping[str, Sequence[str]]
"""The containers that have each volume."""
FindUsers: TypeAlias = Callable[[], Users]
"""Looks who uses what at this moment. Raises VolumeError or OSError."""

DRIVER = "local"
"""Docker's word for volumes on this machine, which all are."""

_UNFINISHED, _DOOMED = ".new", ".gone-"
"""No volume is called so."""


class VolumeInUse(VolumeError):
    """A container has the volume."""


@frozen(kw_only=True)
class StoredVolume:
    """A volume, and the directory that it is kept in."""

    name: str
    created: float
    """Seconds since the epoch."""
    labels: Mapping[str, str]
    home: str

    @property
    def data(self) -> str:
        """The directory that containers see."""
        return data_in(self.home)

    @property
    def fresh(self) -> str:
        """There until the first container has it."""
        return fresh_in(self.home)

    @property
    def anonymous(self) -> bool:
        """Whether nobody has given it a name."""
        return ANONYMOUS in self.labels

    def size(self) -> int:
        """The bytes of its files. Raises OSError."""
        return tree_size(self.data)


def data_in(home: str) -> str:
    """The part of a volume's directory that containers see."""
    return f"{home}/_data"


def fresh_in(home: str) -> str:
    """The file that says that no container has had a volume yet."""
    return f"{home}/fresh"


@frozen
class VolumeStore:
    """The volumes in `directory`, which is made when the first one is. All raise VolumeError."""

    directory: str

    @classmethod
    def of(cls, directories: Directories) -> VolumeStore:
        """Those that the containers of these directories have."""
        return cls(directories.volumes)

    def names(self) -> list[str]:
        """The names of all, in order."""
        try:
            found = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failed("list volumes", error) from error
        return sorted(name for name in found if names_volume(name))

    def find(self, name: str) -> StoredVolume:
        """The volume of this name."""
        home = self._home(name)
        try:
            with open(f"{home}/volume.json", "rb") as file:
                document = json.load(file)
            return StoredVolume(
                name=name, created=document["created"], labels=document["labels"], home=home
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise VolumeError(f"no such volume: {name}") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _failed(f"read volume {name}", error) from error

    def volumes(self) -> list[StoredVolume]:
        """All of them, in the order of their names."""
        return [self.find(name) for name in self.names()]

    def ensure(self, name: str, labels: Mapping[str, str] | None = None) -> StoredVolume:
        """The volume of this name, made with these labels where there is none.

        One whose name was made up is labelled as anonymous, whoever makes it.
        """
        home = self._home(name)
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            with self._locked():
                if not is_there(home):
                    mark = {ANONYMOUS: ""} if is_made_up(name) else {}
                    self._make(home, {**(labels or {}), **mark})
        except OSError as error:
            raise _failed(f"make volume {name}", error) from error
        return self.find(name)

    def remove(self, name: str, users: FindUsers) -> None:
        """Take a volume away. Raises VolumeInUse, too."""
        self.find(name)
        with self._removing(name):
            using = users().get(name)
            if using:
                raise VolumeInUse(f"volume {name}: is in use by {', '.join(using)}")
            self._doom(name)

    def remove_unused(self, names: Iterable[str], users: FindUsers) -> dict[str, int]:
        """Take away those of these that nobody uses; returns their sizes."""
        freed: dict[str, int] = {}
        with self._removing("unused"):
            used = users()
            for name in names:
                if name not in used and is_there(self._home(name)):
                    freed[name] = self.find(name).size()
                    self._doom(name)
        return freed

    def _home(self, name: str) -> str:
        if not names_volume(name):
            raise VolumeError(
                f"{name[:140]!r} is not the name of a volume: 2 to 128 letters, digits, '_', '.'"
                " and '-', no sign first"
            )
        return f"{self.directory}/{name}"

    def _locked(self) -> AbstractContextManager[bool]:
        return locked(f"{self.directory}/.lock")

    def _make(self, home: str, labels: Mapping[str, str]) -> None:
        """Make it under another name, which what a kill has left may have, and then rename it."""
        unfinished = f"{self.directory}/{_UNFINISHED}"
        if is_there(unfinished):
            shutil.rmtree(unfinished)
        os.mkdir(unfinished, 0o700)
        os.mkdir(data_in(unfinished))
        os.chmod(data_in(unfinished), 0o755)  # a container's directory, whatever the umask here
        os.mknod(fresh_in(unfinished), 0o600)
        document = {"created": time.time(), "labels": labels}
        replace_file(f"{unfinished}/volume.json", json.dumps(document).encode(), alone=True)
        os.rename(unfinished, home)
        sync_directory(self.directory)

    def _doom(self, name: str) -> None:
        os.rename(self._home(name), f"{self.directory}/{_DOOMED}{secrets.token_hex(8)}")

    @contextmanager
    def _removing(self, what: str) -> Iterator[None]:
        """What is doomed meanwhile goes in the end, when nobody need wait for it any more."""
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            with self._locked():
                yield
                sync_directory(self.directory)
            with locked(f"{self.directory}/.clearing"):
                for name in os.listdir(self.directory):
                    if name.startswith(_DOOMED):
                        shutil.rmtree(f"{self.directory}/{name}")
        except OSError as error:
            raise _failed(f"remove volume {what}", error) from error


def _failed(what: str, error: Exception) -> VolumeError:
    cause = getattr(error, "strerror", None) or str(error)
    return VolumeError(f"{what}: {cause.lower()}")
