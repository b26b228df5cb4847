"""The system calls that Python has no name for.

bpf(2) for devices, inotify(7) for events, ioprio_get(2) for who writes first.
"""

from __future__ import annotations

import ctypes
import os
import platform

_libc = ctypes.CDLL(None, use_errno=True)
_BPF_NUMBER = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_IOPRIO_GET_NUMBER = {"x86_64": 252, "aarch64": 31, "riscv64": 31}
_IOPRIO_WHO_PROCESS = 1

IN_CLOEXEC = os.O_CLOEXEC
IN_NONBLOCK = os.O_NONBLOCK
IN_MODIFY = 0x2
IN_IGNORED = 0x8000


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def bpf(command: int, attributes: ctypes.Array[ctypes.c_char]) -> int:
    """Make the system call with one `union bpf_attr`, which the kernel may write to."""
    number = _BPF_NUMBER.get(platform.machine())
    if number is None:
        raise OSError(f"the number of bpf(2) on {platform.machine()} is not known")
    size = ctypes.c_uint(len(attributes))
    return _checked(_libc.syscall(ctypes.c_long(number), ctypes.c_int(command), attributes, size))


def io_priority(pid: int) -> int:
    """The class and priority of a process for disks, as ioprio_get(2) has them; 0 is our own."""
    number = _IOPRIO_GET_NUMBER.get(platform.machine())
    if number is None:
        raise OSError(f"the number of ioprio_get(2) on {platform.machine()} is not known")
    return _checked(
        _libc.syscall(ctypes.c_long(number), ctypes.c_int(_IOPRIO_WHO_PROCESS), ctypes.c_int(pid))
    )


def inotify_init() -> int:
    """A new inotify descriptor, close-on-exec and non-blocking."""
    return _checked(_libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK))


def inotify_add_watch(descriptor: int, path: str, mask: int) -> int:
    """Watch `path`; the same file gives the same number again."""
    return _checked(_libc.inotify_add_watch(descriptor, os.fsencode(path), ctypes.c_uint32(mask)))


def inotify_rm_watch(descriptor: int, watch: int) -> None:
    """Stop watching."""
    _checked(_libc.inotify_rm_watch(descriptor, watch))
