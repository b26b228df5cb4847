"""Blobs that came half, left beside the store for the next attempt to go on with.

A half is named after the blob, and one process has it at a time. Whoever takes it up hashes it
anew, and what it comes to is compared with the blob's digest as ever: so nothing is believed of it.
A few of the newest are kept; a collection takes them all.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime.images.blobs import Blobs, BlobWriter
from runtime.images.manifest import Descriptor

KEPT = 10
"""Halves that nobody works at."""
_MARK = "half-"


@contextmanager
def resumed(blobs: Blobs, blob: Descriptor) -> Iterator[BlobWriter]:
    """A writer into the half of a blob, or into a new file while another process has that.

    `BlobWriter.take_over` comes first. In the end the half stays unless it is none: nothing has
    come, or all, or the disk has failed.
    """
    path = f"{blobs.incoming}/{_MARK}{blob.digest.partition(':')[2]}"
    fd = _take(path)
    if fd is None:
        with blobs.writer() as writer:
            yield writer
        return
    writer = BlobWriter(path, fd)
    stays = True
    try:
        _bound(blobs.incoming)
        yield writer
    except OSError:
        stays = False
        raise
    finally:
        if not (stays and 0 < writer.size < blob.size) and _is_at(path, fd):
            os.unlink(path)
        os.close(fd)


def _take(path: str) -> int | None:
    """Open a file to which nobody else writes, made if need be; None where somebody does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    if not _is_at(path, fd):  # it has become a blob just now, or was removed
        os.close(fd)
        return None
    return fd


def _is_at(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False


def _bound(directory: str) -> None:
    """Remove the oldest halves beyond those that are kept."""
    times: dict[str, int] = {}
    for name in os.listdir(directory):
        if name.startswith(_MARK):
            with suppress(FileNotFoundError):
                times[name] = os.stat(f"{directory}/{name}").st_mtime_ns
    for name in sorted(times, key=times.__getitem__, reverse=True)[KEPT:]:
        path = f"{directory}/{name}"
        fd = _take(path)
        if fd is not None:
            os.unlink(path)
            os.close(fd)
