"""Whether a fork can do what its client would have done, and what it has to change for that.

What cannot be changed, as namespaces and rights, must be the same already; what can be is made so.
proc(5), cgroups(7), setrlimit(2), sched_setaffinity(2), setpriority(2), sched(7),
personality(2), ioprio_get(2), unix(7).
"""

from __future__ import annotations

import os
import resource
import socket
import struct

from runtime.cgroups.layout import detect_layout
from runtime.cgroups.syscalls import io_priority
from runtime.errors import ContainerError

_CREDENTIALS = struct.Struct("iII")
_SAME = frozenset(
    {
        "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
        "NoNewPrivs", "Seccomp", "Seccomp_filters",
    }
)  # fmt: skip
"""Lines of /proc/PID/status."""
_SIGNALS = ("SigIgn", "SigBlk")
"""Others. Who ignores SIGHUP has been told to outlive its terminal."""
_STANDARD_SIGNALS = (1 << 31) - 1
"""The C library has some of the others to itself, and does with them as it likes."""
_LIMITS = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
_NAMESPACES = os.listdir("/proc/self/ns")


class Dissimilar(Exception):
    """The client is something that a fork cannot be."""


def peer_of(connection: socket.socket) -> int:
    """The pid of who connected. Raises Dissimilar for another user, which only root could be."""
    size = _CREDENTIALS.size
    pid, uid, _ = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    if uid != os.geteuid():
        raise Dissimilar("another user")
    return int(pid)


def become_like(pid: int) -> None:
    """Let this process be as that one is. Raises Dissimilar or OSError."""
    _compare(f"/proc/{pid}")
    if _scheduling(0) != _scheduling(pid):
        raise Dissimilar("another way to be scheduled")
    _join_cgroups(_read(f"/proc/{pid}/cgroup"))
    for limit in _LIMITS:
        wanted = resource.prlimit(pid, limit)
        if wanted != resource.getrlimit(limit):
            try:
                resource.setrlimit(limit, wanted)
            except ValueError as error:
                raise Dissimilar(str(error)) from error
    os.sched_setaffinity(0, os.sched_getaffinity(pid))
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, pid))
    adjustment = _read(f"/proc/{pid}/oom_score_adj")
    if _read("/proc/self/oom_score_adj") != adjustment:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(adjustment)


def _compare(other: str) -> None:
    if _fixed("/proc/self") != _fixed(other):
        raise Dissimilar("other rights")
    for kind in _NAMESPACES:
        if os.readlink(f"/proc/self/ns/{kind}") != os.readlink(f"{other}/ns/{kind}"):
            raise Dissimilar(f"another namespace: {kind}")
    if not os.path.samefile("/proc/self/root", f"{other}/root"):
        raise Dissimilar("another root")


def _fixed(process: str) -> list[object]:
    status = {}
    for line in _read(f"{process}/status").splitlines():
        name, _, value = line.partition(":")
        status[name] = value
    signals = [int(status[name], 16) & _STANDARD_SIGNALS for name in _SIGNALS]
    personality = _read(f"{process}/personality")
    return [*signals, personality, *(status.get(name) for name in _SAME)]


def _scheduling(pid: int) -> tuple[int, int, int]:
    """The policy, its priority, and that of what is read and written; 0 is this process."""
    priority = os.sched_getparam(pid).sched_priority
    return os.sched_getscheduler(pid), priority, io_priority(pid)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _join_cgroups(wanted: str) -> None:
    """Move to the groups of these lines of /proc/PID/cgroup, of which most are ours already.

    The group of a client says what may be used, and what is ended with what.
    """
    own = _read("/proc/self/cgroup")
    different = set(wanted.splitlines()) - set(own.splitlines())
    if not different:
        return
    try:
        layout = detect_layout(_read("/proc/self/mountinfo"), "\n".join(different))
    except ContainerError as error:
        raise Dissimilar(str(error)) from error
    places = [*layout.v1, *([layout.v2] if layout.v2 else [])]
    if len(places) != len(different):
        raise Dissimilar("a control group that is nowhere to be seen")
    for place in places:
        with open(f"{place.mount_point}{place.own}/cgroup.procs", "w") as file:
            file.write("0")
