"""Stops chosen system calls of a process and of all its descendants, and decides about each.

seccomp_unotify(2): the process installs a filter and hands its other end over. From then on a
chosen call stands still until it is answered: done as asked, or failed without being done. It can
be held up meanwhile, or its caller killed. Whoever holds the other end must answer for as long as
anybody lives behind the filter; once it is closed, every chosen call fails.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import importlib
import os
import signal
import socket
import struct
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path

from attrs import frozen

from tests.torture.calls import has_descriptor, path_position

_INSTRUCTION = struct.Struct("=HBBI")
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_CONTINUE = 1
_LONGEST = 4096


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


@frozen(kw_only=True, slots=False)
class Call:
    """A call that stands still: the thread `tid` of a process wants to make it."""

    ticket: int
    tid: int
    name: str
    arguments: tuple[int, ...]

    @cached_property
    def subject(self) -> str:
        """The file that the call is about; empty where it is about none, or its caller is gone."""
        position = path_position(self.name)
        path = "" if position is None else self._text(self.arguments[position])
        if not path and has_descriptor(self.name):
            return self._file(self.arguments[0] & 0xFFFFFFFF)
        return path

    def _text(self, place: int) -> str:
        """Read a string from the caller's memory."""
        found = b""
        with suppress(OSError), open(f"/proc/{self.tid}/mem", "rb", buffering=0) as memory:
            # A piece at a time, because the string may end just before memory does.
            while b"\0" not in found and len(found) < _LONGEST:
                at = place + len(found)
                found += os.pread(memory.fileno(), 64 - at % 64, at)
        return found.partition(b"\0")[0].decode(errors="replace")

    def _file(self, descriptor: int) -> str:
        with suppress(OSError):
            return os.readlink(f"/proc/{self.tid}/fd/{descriptor}")
        return ""


@cache
def _numbers(names: frozenset[str]) -> Mapping[int, str]:
    """The numbers of those of the calls that this architecture has."""
    library = importlib.import_module("pyseccomp")
    found = {library.resolve_syscall(library.Arch.NATIVE, name): name for name in names}
    return {number: name for number, name in found.items() if number >= 0}


def is_waiting(pid: int) -> bool:
    """Whether a process sleeps until one of its descriptors is ready.

    A signal is taken there as it is anywhere. A call that stands still for us would end with EINTR
    instead, and not every call can do that without us.
    """
    waits = _numbers(frozenset(("epoll_wait", "epoll_pwait")))
    with suppress(OSError):
        number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
        return number.isdecimal() and int(number) in waits
    return False


def hand_over(names: Collection[str], channel: socket.socket) -> None:
    """Put the calling process behind a filter, and give its other end to who asks at `channel`."""
    numbers = _numbers(frozenset((*names, "seccomp")))
    (install,) = (number for number, name in numbers.items() if name == "seccomp")
    chosen = sorted(number for number, name in numbers.items() if name in names)
    code = _INSTRUCTION.pack(_LOAD, 0, 0, 0)
    for number in chosen:
        code += _INSTRUCTION.pack(_JUMP_EQUAL, 0, 1, number)
        code += _INSTRUCTION.pack(_RETURN, 0, 0, _NOTIFY)
    code += _INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW)
    memory = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // _INSTRUCTION.size, ctypes.addressof(memory))
    library = ctypes.CDLL(None, use_errno=True)
    end = library.syscall(install, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if end < 0:
        raise OSError(ctypes.get_errno(), "install a seccomp filter with a listener")
    # Fetched from here: a message with the descriptor in it might stand still itself.
    channel.send(str(end).encode())
    channel.recv(1)
    os.close(end)


def _fetch(process: int, descriptor: int) -> int:
    """Return one's own copy of another process's descriptor: pidfd_getfd(2)."""
    (call,) = _numbers(frozenset(("pidfd_getfd",)))
    library = ctypes.CDLL(None, use_errno=True)
    fetched: int = library.syscall(call, process, descriptor, 0)
    if fetched < 0:
        raise OSError(ctypes.get_errno(), "fetch the listener of a seccomp filter")
    return fetched


class Listener:
    """The other end of a filter."""

    def __init__(self, process: int, channel: socket.socket, names: Collection[str]) -> None:
        """`process` is the pidfd of who hands it over at the far end of `channel`."""
        self.descriptor = _fetch(process, int(channel.recv(16)))
        channel.send(b"\0")
        self._names = _numbers(frozenset((*names, "seccomp")))

    def receive(self) -> Call | None:
        """The next call that stands still; None where its caller has died meanwhile."""
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self.descriptor, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        ticket, tid, _, number, _, _, *arguments = _NOTICE.unpack(notice)
        return Call(ticket=ticket, tid=tid, name=self._names[number], arguments=tuple(arguments))

    def answer(self, call: Call, error: int = 0) -> None:
        """Let a call be done, or fail with `error`."""
        response = _RESPONSE.pack(call.ticket, 0, -error, 0 if error else _CONTINUE)
        # The caller may have died, or a signal taken it out of the call, to make it once more.
        with suppress(FileNotFoundError):
            fcntl.ioctl(self.descriptor, _ANSWER, response)

    def close(self) -> None:
        """Let go; nobody may live behind the filter any more."""
        os.close(self.descriptor)


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
