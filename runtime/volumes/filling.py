"""What a new volume begins with: a copy of what the image has at the place where it is seen.

The layers are read as overlay will show them. The copy is made beside the volume's empty directory
and takes its place by a rename when it is whole and durable, before the first container has it; so
after a kill the volume is as empty as before, or full. The way to the place is followed as in the
container's root, links included, and nothing else is followed: what leads out of the image does not
lead anywhere.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Sequence

from runtime.errors import VolumeError
from runtime.existence import is_there
from runtime.images.copyup import copy_file, dress_like
from runtime.images.linkwalk import LinkLoopError, real_path
from runtime.images.lowers import find, is_opaque, is_whiteout, merged
from runtime.kernel import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from runtime.locking import locked
from runtime.replacing import sync_directory
from runtime.treesync import sync_tree
from runtime.volumes.store import StoredVolume


def fill(volume: StoredVolume, layers: Sequence[str], target: str) -> None:
    """Give a volume that no container has had what `layers` have at `target`, topmost first.

    After that it counts as had by one. Whoever comes meanwhile waits. Raises VolumeError.
    """
    try:
        if not is_there(volume.fresh):
            return
        with locked(f"{volume.home}/lock"):
            if is_there(volume.fresh):
                if not os.listdir(volume.data):
                    _fill(volume, layers, target)
                os.unlink(volume.fresh)
    except OSError as error:
        what = f" {error.filename}:" if error.filename else ""
        cause = (error.strerror or str(error)).lower()
        raise VolumeError(f"fill volume {volume.name}:{what} {cause}") from error


def _fill(volume: StoredVolume, layers: Sequence[str], target: str) -> None:
    place = _real(layers, target)
    if place is None or not merged(layers, place):
        return
    unfinished = f"{volume.home}/filling"
    if is_there(unfinished):
        shutil.rmtree(unfinished)
    _copy_tree(layers, place, unfinished)
    sync_tree(unfinished)
    os.rename(unfinished, volume.data)
    sync_directory(volume.home)


def _real(layers: Sequence[str], target: str) -> str | None:
    """Where links on the way lead to; None where the image has nothing there."""

    def link_at(path: str) -> str | None:
        found = find(layers, path)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return os.readlink(found.place) if stat.S_ISLNK(found.status.st_mode) else None

    try:
        return real_path(target, link_at)
    except FileNotFoundError:
        return None
    except LinkLoopError as error:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target) from error


def _copy_tree(layers: Sequence[str], place: str, target: str) -> None:
    """Copy the directory at `place`, as overlay shows it, to `target`, which nobody else knows."""
    links: dict[tuple[int, int], str] = {}
    times: list[tuple[str, os.stat_result]] = []
    todo = [(place, target)]
    while todo:
        path, copy = todo.pop()
        os.mkdir(copy, 0o700)
        seen: set[str] = set()
        for position, layer in enumerate(merged(layers, path)):
            fd = _open_directory(layer, path)
            try:
                if position == 0:  # overlay shows what the topmost one is like
                    times.append((copy, os.fstat(fd)))
                    dress_like(f"/proc/self/fd/{fd}/.", copy, times[-1][1])
                for name in sorted({*os.listdir(fd)} - seen):
                    seen.add(name)
                    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        todo.append((f"{path}/{name}".lstrip("/"), f"{copy}/{name}"))
                    elif not is_whiteout(status):
                        _copy(f"/proc/self/fd/{fd}/{name}", f"{copy}/{name}", status, links)
                if is_opaque(fd):
                    break
            finally:
                os.close(fd)
    for copy, status in times:  # whatever is made in a directory changes its times
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _open_directory(layer: str, path: str) -> int:
    root = os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
        return openat2(root, path or ".", os.O_RDONLY | os.O_DIRECTORY, beneath)
    finally:
        os.close(root)


def _copy(
    source: str, copy: str, status: os.stat_result, links: dict[tuple[int, int], str]
) -> None:
    """Copy anything but a directory; `links` has the copies of linked files by device and inode."""
    identity = (status.st_dev, status.st_ino)
    if identity in links:
        os.link(links[identity], copy, follow_symlinks=False)
        return
    copy_file(source, copy)
    if status.st_nlink > 1:
        links[identity] = copy
