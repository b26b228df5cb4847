"""The server: imports everything once, and forks for each client that comes.

It never has a thread or an event loop, so a fork of it is a whole process. It ends when the
supervisor that it belongs to does, when nobody came for a while, or when a file that it imported is
not the same any more; a fork goes on without it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import sysconfig
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, TypeAlias

from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.security.seccomp import compile_filter
from supervisor.forkserver.fork import be_the_client

Stamp: TypeAlias = tuple[int, int, int]
"""Of a file: when it was last written to, its inode and its size."""
IDLE_SECONDS = 300.0
MODULES = (
    "difflib",
    "pyseccomp",
    "runtime.container",
    "runtime.images.layers",
    "runtime.images.store",
    "runtime.images.unpack",
    "supervisor.cli.detach",
    "supervisor.cli.exec",
    "supervisor.cli.image.provision",
    "supervisor.cli.joined",
    "supervisor.cli.machine",
    "supervisor.cli.oneshot",
    "supervisor.cli.program",
    "supervisor.cli.run",
    "supervisor.runorder",
    "supervisor.structuring",
)
"""What `run` and `exec` import, most of it only when it is needed."""


def serve(listener: int, lifeline: int) -> None:
    """Serve whoever connects to `listener` until the other end of the pipe `lifeline` is closed.

    Returns early when nobody came for `IDLE_SECONDS`, or when it has grown old.
    """
    for module in MODULES:
        import_module(module)
    compile_filter(DEFAULT_CAPABILITIES)
    files = imported_files()
    known = stamps(files)
    # What is there now stays: no fork has to copy it for the collector's sake.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps forks
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(lifeline, select.POLLIN)
    listening = socket.socket(fileno=listener)
    listening.setblocking(False)
    while ready := dict(poll.poll(IDLE_SECONDS * 1000)):
        if lifeline in ready or not is_same(files, known):
            return
        try:
            connection, _ = listening.accept()
        except OSError:
            continue  # who knocked has gone
        if os.fork() == 0:
            # Or who connects when all others have gone would find the door open, and nobody there.
            listening.close()
            os.close(lifeline)
            _be_a_fork(connection)
        connection.close()


def _be_a_fork(connection: socket.socket) -> NoReturn:
    try:
        be_the_client(connection)
    except SystemExit:
        raise  # there are threads to wait for
    except BaseException:  # noqa: BLE001 # whatever it is, the fork must never serve
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def imported_files() -> list[str]:
    """The files of the program and of what it needs; those of Python stay as they are."""
    library = sysconfig.get_path("stdlib") + os.sep
    packages = sysconfig.get_path("purelib") + os.sep
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [file for file in files if file and (not file.startswith(library) or packages in file)]


def stamps(files: Sequence[str]) -> list[Stamp]:
    """What tells a file from what it was, without reading it. Raises FileNotFoundError."""
    return [(one.st_mtime_ns, one.st_ino, one.st_size) for one in map(os.stat, files)]


def is_same(files: Sequence[str], known: Sequence[Stamp]) -> bool:
    """Whether these files are what they were."""
    try:
        return stamps(files) == known
    except FileNotFoundError:
        return False
