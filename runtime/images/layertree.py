"""The directory of a layer while it is unpacked: finds, makes and replaces directories in it.

An archive need not say anything of the directories on the way to its files. Those are taken from
the layers below, with owner, mode, times and attributes; where those have a link, it is followed as
it would be in the container's root. So a layer shows the same whether it is unpacked by itself or
over the others.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Sequence

from runtime.images.copyup import copy_file, dress_like
from runtime.images.linkwalk import LinkLoopError, real_path
from runtime.images.lowers import Found, find, is_opaque, is_whiteout, overlay_xattr
from runtime.images.tarheader import TarError
from runtime.kernel import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

_DEFAULT_MODE = 0o755


class LayerTree:
    """`times` are what the directories get at the end: whatever is made in one changes its own."""

    def __init__(self, directory: str, lowers: Sequence[str]) -> None:
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path = directory
        self._lowers = lowers
        self._real: dict[str, str] = {}
        self._entered: str | None = None
        self._fd = os.dup(self._root)
        self._copied: set[str] = set()
        self.times: dict[str, int] = {}
        below = find(lowers, "")
        if below is not None:
            self._dress_like("", below)

    def close(self) -> None:
        """Give up its descriptors."""
        os.close(self._fd)
        os.close(self._root)

    def finish(self) -> None:
        """Set the times of the directories."""
        for real, time in self.times.items():
            os.utime(real or ".", ns=(time, time), dir_fd=self._root, follow_symlinks=False)

    def open(self, real: str) -> int:
        """A descriptor of a directory in here, by its real path."""
        return openat2(
            self._root,
            real or ".",
            os.O_RDONLY | os.O_DIRECTORY,
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        )

    def enter(self, path: str) -> int:
        """A descriptor of the directory at `path`, made if need be; it is lent, not given."""
        real = self.locate(path)
        if real != self._entered:
            fd = self.open(real)
            os.close(self._fd)
            self._fd, self._entered = fd, real
        return self._fd

    def locate(self, path: str) -> str:
        """The real path of the directory at `path`, made if need be."""
        real = self._real.get(path)
        if real is None:
            real = self._real[path] = self._reach(path)
        return real

    def make_directory(self, parent: str, name: str) -> str:
        """Make a directory, or take the one that is there; returns its real path."""
        directory = self.enter(parent)
        real = _join(self.locate(parent), name)
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                return real
            self.clear(directory, name)
            os.mkdir(name, 0o700, dir_fd=directory)
            if is_whiteout(status):
                # Deleted and made again in one layer: nothing of the old one shows through.
                self._mark_opaque(real)
        return real

    def make_opaque(self, path: str) -> None:
        """Hide what the layers below have in a directory."""
        self._mark_opaque(self.locate(path))

    def hide(self, parent: str, name: str) -> None:
        """Hide what the layers below have at a name; what this layer has there stays."""
        directory = self.enter(parent)
        try:
            os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=directory)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                self._mark_opaque(_join(self.locate(parent), name))

    def have(self, directory: int, parent: str, name: str) -> int:
        """Have something to link to in the directory with the real path `parent`.

        Where only the layers below have it, it is copied; returns the bytes of the copy. Raises
        FileNotFoundError where nobody has it.
        """
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            real = _join(parent, name)
            # A copy that was replaced is not made again: an archive could ask for it for ever.
            found = None if real in self._copied or self._hidden(real) else find(self._lowers, real)
            if found is None or stat.S_ISDIR(found.status.st_mode):
                raise
            self._copied.add(real)
            return copy_file(found.place, f"/proc/self/fd/{directory}/{name}").st_size
        if is_whiteout(status):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return 0

    def clear(self, directory: int, name: str) -> None:
        """Remove what an earlier entry made in the directory entered last, for a later one."""
        real = _join(self._entered or "", name)
        for path in [path for path in self.times if f"{path}/".startswith(f"{real}/")]:
            del self.times[path]
        # Paths that led through it may lead elsewhere now.
        self._real.clear()
        self._entered = None
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)

    def _mark_opaque(self, real: str) -> None:
        fd = self.open(real)
        try:
            os.setxattr(fd, overlay_xattr("opaque"), b"y")
        finally:
            os.close(fd)

    def _reach(self, path: str) -> str:
        """The real path of the directory at `path`, each missing one made on the way."""
        try:
            return real_path(path, self._step)
        except LinkLoopError as error:
            raise TarError(str(error)) from error

    def _step(self, real: str) -> str | None:
        """Make sure of a directory; the target instead where there is a link."""
        try:
            status = os.stat(real, dir_fd=self._root, follow_symlinks=False)
        except FileNotFoundError:
            return self._from_below(real)
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(real, dir_fd=self._root)
        if is_whiteout(status):
            parent, _, name = real.rpartition("/")
            self.make_directory(parent, name)
            self._dress(real, 0, 0, _DEFAULT_MODE)
        elif not stat.S_ISDIR(status.st_mode):
            raise TarError(f"{real[:200]!r} is not a directory, and something lies in it")
        return None

    def _from_below(self, real: str) -> str | None:
        found = None if self._hidden(real) else find(self._lowers, real)
        if found is not None and stat.S_ISLNK(found.status.st_mode):
            return os.readlink(found.place)
        os.mkdir(real, 0o700, dir_fd=self._root)
        if found is not None and stat.S_ISDIR(found.status.st_mode):
            self._dress_like(real, found)
        else:
            self._dress(real, 0, 0, _DEFAULT_MODE)
        return None

    def _hidden(self, real: str) -> bool:
        """Whether a directory of this layer on the way hides the layers below."""
        while real:
            real = real.rpartition("/")[0]
            fd = self.open(real)
            try:
                if is_opaque(fd):
                    return True
            finally:
                os.close(fd)
        return False

    def _dress(self, real: str, uid: int, gid: int, mode: int) -> None:
        fd = self.open(real)
        try:
            os.fchown(fd, uid, gid)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)

    def _dress_like(self, real: str, found: Found) -> None:
        self.times[real] = found.status.st_mtime_ns
        fd = self.open(real)
        try:
            # The dot names the directory itself, where the link would be meant otherwise.
            dress_like(found.place, f"/proc/self/fd/{fd}/.", found.status)
        finally:
            os.close(fd)


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
