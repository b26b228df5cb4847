"""The system calls that can go wrong when a container is launched, adopted or taken away. Pure.

`CHANGING` calls leave something behind, so these are the places where a kill makes a difference;
`LOOKING` ones only tell something, and can fail. What is in neither can fail only in a program
that is wrong (closing), or says nothing that this project acts on (memory, clocks, waiting).
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

CHANGING = frozenset((
    # files
    "openat", "openat2", "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "link",
    "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "write", "writev",
    "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "chmod", "fchmod", "fchmodat",
    "chown", "fchown", "fchownat", "lchown", "utimensat", "flock", "read", "tee",
    # descriptors
    "memfd_create", "pipe2", "eventfd2", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    "socket", "socketpair", "bind", "listen", "accept4", "sendmsg", "recvmsg", "dup", "dup2",
    "dup3", "close_range",
    # mounts
    "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
    "mount_setattr", "pivot_root",
    # processes
    "clone3", "execve", "execveat", "pidfd_open", "pidfd_send_signal", "kill", "waitid", "wait4",
    "setns", "chdir", "fchdir", "setsid", "keyctl", "unshare", "sethostname", "prctl", "prlimit64",
    "setgroups", "setresuid", "setresgid", "setuid", "setgid", "capset", "seccomp", "bpf",
))  # fmt: skip

LOOKING = frozenset((
    "newfstatat", "fstat", "stat", "lstat", "statx", "statfs", "fstatfs", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "getdents64", "pread64", "getcwd", "getxattr",
    "ioctl", "fcntl", "mmap", "epoll_ctl",
))  # fmt: skip

CALLS = CHANGING | LOOKING

_ERRORS: Mapping[str, int] = {
    **dict.fromkeys(
        ("write", "pwrite64", "ftruncate", "fallocate", "mkdir", "mkdirat", "mknod", "mknodat"),
        errno.ENOSPC,
    ),
    "epoll_ctl": errno.ENOSPC,
    **dict.fromkeys(
        ("openat", "openat2", "memfd_create", "pipe2", "eventfd2", "inotify_init1", "socket",
         "socketpair", "accept4", "dup", "pidfd_open"),
        errno.EMFILE,
    ),
    **dict.fromkeys(("fsopen", "fsmount", "open_tree", "move_mount", "bpf", "mmap"), errno.ENOMEM),
    "clone3": errno.EAGAIN,
}  # fmt: skip


def error_of(call: str) -> int:
    """The error that a call is most likely to fail with on a machine that is short of something."""
    return _ERRORS.get(call, errno.EIO)


_PATH: Mapping[str, int] = {
    **dict.fromkeys(
        ("mkdir", "rmdir", "unlink", "chmod", "chown", "lchown", "mknod", "chdir", "stat", "lstat",
         "access", "readlink", "getxattr", "rename", "execve", "umount2", "symlink", "link",
         "fsopen"),
        0,
    ),
    **dict.fromkeys(
        ("openat", "openat2", "mkdirat", "mknodat", "unlinkat", "fchmodat", "fchownat",
         "newfstatat", "statx", "faccessat", "faccessat2", "readlinkat", "renameat", "renameat2",
         "mount", "symlinkat", "inotify_add_watch", "open_tree", "utimensat"),
        1,
    ),
}  # fmt: skip
_DESCRIPTOR = frozenset((
    "write", "writev", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "fchmod",
    "fchown", "flock", "fcntl", "read", "tee", "newfstatat", "fstat", "fstatfs", "getdents64",
    "pread64", "ioctl", "bind", "listen", "fchdir", "dup", "dup2", "dup3", "waitid",
    "pidfd_send_signal",
))  # fmt: skip

_TERMINAL = 0x5401
"""TCGETS: Python asks it of every file that it opens, and expects an error."""
_ADD = 1
"""EPOLL_CTL_ADD needs memory, and counts against a limit; all else that epoll_ctl() is asked for
is refused only where it makes no sense (fs/eventpoll.c)."""
_PROGRAM = (".py", ".pyc", ".mo")
_NO_FILE = 0xFFFFFFFF


def matters(call: str, subject: str, arguments: Sequence[int]) -> bool:
    """Whether a call on `subject` can go wrong in a way that is this project's to deal with."""
    if call == "ioctl" and arguments[1] == _TERMINAL:
        return False
    if call == "mmap" and arguments[4] & _NO_FILE == _NO_FILE:
        return False
    if call == "epoll_ctl" and arguments[1] != _ADD:
        return False
    return not subject.endswith(_PROGRAM)


def can_fail(call: str, subject: str) -> bool:
    """Whether the kernel has any cause to refuse a call."""
    # A child is there to be waited for, one's own rights can always be lowered, and a pipe that
    # somebody reads takes what fits into it.
    return call not in ("waitid", "wait4", "prctl", "capset") and not (
        call == "write" and subject.startswith("pipe:")
    )


def path_position(call: str) -> int | None:
    """Which argument of a call is a path, if one is."""
    return _PATH.get(call)


def has_descriptor(call: str) -> bool:
    """Whether the first argument of a call is an open file."""
    return call in _DESCRIPTOR
