"""The pipes between a container and whoever attends to it.

They belong to the command's user, so that it may open /dev/stdout again.
"""

from __future__ import annotations

import os

from runtime.rootfs import Identity
from runtime.spec import ContainerSpec


def make_output(path: str, owner: Identity) -> int:
    """Make a named pipe of the command's user; returns its read end."""
    os.mkfifo(path, 0o600)
    if owner.uid or owner.gid:
        os.chown(path, owner.uid, owner.gid)
    return open_reader(path)


def make_input(spec: ContainerSpec, path: str, owner: Identity) -> tuple[int, int]:
    """What the command reads from, and a write end, -1 where it is none of ours.

    An input that stays open is a pipe of which PID 1 is to hold that end; where it cannot, or hands
    on what is typed, there is a named one that is never at its end, as whoever reads it could write
    to it as well.
    """
    if spec.stdin_open and (not spec.init or (spec.terminal is not None and spec.terminal.kept)):
        os.mkfifo(path, 0o600)
        if owner.uid or owner.gid:
            os.chown(path, owner.uid, owner.gid)
        return os.open(path, os.O_RDWR | os.O_CLOEXEC), -1
    if spec.terminal is not None or not (spec.stdin or spec.stdin_open):
        return os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC), -1
    reader, writer = anonymous_pipe(owner)
    os.set_blocking(writer, False)
    return reader, writer


def anonymous_pipe(owner: Identity) -> tuple[int, int]:
    """The read and the write end of a pipe that has no name.

    Unlike a named one it can be opened again through /dev/stdin after its writer has gone.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    if owner.uid or owner.gid:
        os.fchown(reader, owner.uid, owner.gid)
    return reader, writer


def open_writer(path: str) -> int:
    """A write end; somebody has it open for reading."""
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def open_reader(path: str) -> int:
    """A non-blocking read end of a named pipe, -1 where there is none."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1


def reopen_reader(path: str) -> int:
    """A read end whose end-of-file wakes whoever waits for it.

    Linux tells it only of writers that were there since the pipe was opened for reading.
    """
    fd = open_reader(path)
    if fd >= 0:
        os.close(open_writer(path))
    return fd
