"""Rotated files compressed in the background, by one thread of low priority for all logs.

What has a name is whole: a file is compressed into one that has no name before it is complete and
on the disk, and only then does the original go. A kill at any moment leaves the one, the other or
both, and never a part. What is waiting when the program ends is compressed before it does; what a
killed one has left, its successor does when it goes on with the log.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import structlog

from supervisor.logs.files import PACKED, put_away, rotate
from supervisor.logs.frames import pack

NICENESS = 10
"""The thread holds the interpreter's lock for moments: it must not be so low that, on a busy
machine, it has to wait for a processor with the lock in its hands."""

WORKER = ThreadPoolExecutor(1, "log-compression", initializer=partial(os.nice, NICENESS))

log = structlog.stdlib.get_logger()


class CompressedArchive:
    """The files of a log that were put away; what is not compressed yet will be."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = Lock()
        """Held while files get other names, so for moments only."""
        self._asked = False
        self._failed = False
        self._compress_soon()

    def rotate(self, max_files: int) -> None:
        """Put the current file away. Raises OSError."""
        with self._lock:
            rotate(self._directory, max_files)
        self._compress_soon()

    def _compress_soon(self) -> None:
        if not self._asked:
            self._asked = True
            # A result that is asked for is what makes an unexpected exception known.
            WORKER.submit(self._compress_all).add_done_callback(Future.result)

    def _compress_all(self) -> None:
        # Before looking: a file that is put away from now on needs another look.
        self._asked = False
        try:
            while self._compress_newest():
                pass
        except OSError as error:
            if not self._failed:
                self._failed = True
                cause = os.strerror(error.errno).lower() if error.errno else str(error)
                log.warning("rotated log is not compressed", path=error.filename, cause=cause)

    def _compress_newest(self) -> bool:
        """Compress the file that will be kept longest; false where there is none to compress."""
        with self._lock:
            name = self._find_plain()
            if name is None:
                return False
            path = os.path.join(self._directory, name)
            source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        target = -1
        try:
            target = os.open(self._directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
            pack(source, target)
            os.fsync(target)
            with self._lock:
                self._replace(os.fstat(source).st_ino, target)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
        finally:
            os.close(source)
            if target >= 0:
                os.close(target)
        return True

    def _find_plain(self) -> str | None:
        names = put_away(self._directory).values()
        return next((name for name in names if not name.endswith(PACKED)), None)

    def _replace(self, inode: int, packed: int) -> None:
        """Put the compressed file in the place of the plain one, whatever that is called by now."""
        for name in put_away(self._directory).values():
            path = Path(self._directory, name)
            if path.lstat().st_ino == inode:
                link = f"/proc/self/fd/{packed}"
                # Given a directory, which an absolute path makes no use of, Python calls linkat(2):
                # only that follows a link.
                os.link(link, f"{path}{PACKED}", src_dir_fd=packed, follow_symlinks=True)
                path.unlink()
                return
