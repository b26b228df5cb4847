"""The filter in the kernel: what it answers to a process that has installed it.

The process is a fresh Python that keeps all its rights, so that a refusal is the filter's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.security.seccomp import compile_filter

_INSTALL = textwrap.dedent(
    """
    import ctypes, errno, json, os, socket, subprocess, sys, threading

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    code = open(sys.argv[1], "rb").read()
    memory = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(memory))
    PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) == 0

    def outcome(function, *arguments):
        ctypes.set_errno(0)
        if getattr(libc, function)(*arguments) != -1:
            return "made"
        return errno.errorcode[ctypes.get_errno()]
    """
)


def _probe(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "filter"
    path.write_bytes(compile_filter(DEFAULT_CAPABILITIES))
    return subprocess.run(
        [sys.executable, "-I", "-c", _INSTALL + textwrap.dedent(script), str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _answers(tmp_path: Path, script: str) -> dict[str, Any]:
    done = _probe(tmp_path, script)
    assert (done.returncode, done.stderr) == (0, "")
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_forbidden_calls_fail_with_eperm(tmp_path: Path) -> None:
    """Namespaces, mounts, keys, forbidden sockets and terminal input are refused by the filter."""
    script = """
        CLONE_NEWUTS, SIGCHLD = 0x04000000, 17
        pty = os.openpty()[1]
        high = ctypes.c_ulong
        print(json.dumps({
            "unshare": outcome("unshare", CLONE_NEWUTS),
            "mount": outcome("mount", b"none", b"/nowhere", b"tmpfs", 0, None),
            "setns": outcome("setns", 0, 0),
            "alg": outcome("socket", 38, socket.SOCK_SEQPACKET, 0),
            "vsock": outcome("socket", socket.AF_VSOCK, socket.SOCK_STREAM, 0),
            "sti": outcome("ioctl", pty, high(0x5412), b"x"),
            "sti with high bits": outcome("ioctl", pty, high(0x5412 | 1 << 32), b"x"),
            "linux": outcome("ioctl", pty, high(0x541c), b"x"),
        }))
    """
    answers = _answers(tmp_path, script)
    assert set(answers.values()) == {"EPERM"}, answers


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
def test_numbers_without_a_wrapper_are_answered_too(tmp_path: Path) -> None:
    """A namespace by raw clone, io_uring, bpf, keyctl: EPERM; clone3 and the unknown: ENOSYS."""
    script = """
        CLONE, CLONE_NEWUTS, SIGCHLD = 56, 0x04000000, 17
        zero = ctypes.c_long(0)
        print(json.dumps({
            "clone": outcome("syscall", CLONE, CLONE_NEWUTS | SIGCHLD, zero, zero, zero, zero),
            "io_uring_setup": outcome("syscall", 425, 1, zero),
            "bpf": outcome("syscall", 321, 0, zero, 0),
            "keyctl": outcome("syscall", 250, 0, -3, 0, 0, 0),
            "add_key": outcome("syscall", 248, b"user", b"a", b"b", 1, -3),
            "clone3": outcome("syscall", 435, zero, 0),
            "the future": outcome("syscall", 1000),
        }))
    """
    expected = dict.fromkeys(("clone", "io_uring_setup", "bpf", "keyctl", "add_key"), "EPERM")
    expected |= dict.fromkeys(("clone3", "the future"), "ENOSYS")
    assert _answers(tmp_path, script) == expected


def test_ordinary_programs_work(tmp_path: Path) -> None:
    """Threads, child processes, sockets and terminals work, though clone3 does not exist."""
    script = """
        seen = []
        thread = threading.Thread(target=seen.append, args=("thread",))
        thread.start()
        thread.join()
        seen.append(subprocess.run(["/bin/echo", "child"], capture_output=True).stdout.decode())
        left, right = socket.socketpair()
        left.send(b"socket")
        seen.append(right.recv(10).decode())
        seen.append(os.get_terminal_size(os.openpty()[1]).columns)
        print(json.dumps({"seen": seen}))
    """
    assert _answers(tmp_path, script) == {"seen": ["thread", "child\n", "socket", 0]}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x32 is a variant of x86_64")
def test_x32_call_is_killed(tmp_path: Path) -> None:
    """A process that calls getpid by its x32 number dies at once."""
    done = _probe(tmp_path, 'libc.syscall(0x40000000 | 39); print("lived")')
    assert (done.returncode, done.stdout) == (-signal.SIGSYS, "")
