"""Which sysctls a container may set: those whose value belongs to a namespace of its own.

Every other one is the whole machine's. A name becomes a path below /proc/sys, so its characters
are checked before anything else.
"""

from __future__ import annotations

import re
import reprlib

_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-zA-Z0-9_-]+)+", re.ASCII)
_IPC = frozenset(
    {
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shm_rmid_forced",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
    }
)
"""What the kernel keeps once for each IPC namespace, beside fs.mqueue."""
_LONGEST = 128


def check_sysctl(name: str, network_is_host: bool) -> None:
    """Raise ValueError where a container may not set `name`.

    With `network_is_host` the network namespace is the host's, and net.* with it.
    """
    shown = reprlib.repr(name)
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise ValueError(
            f"{shown} is not the name of a sysctl: use words joined by dots, such as "
            "net.core.somaxconn"
        )
    if name in _IPC or name.startswith("fs.mqueue."):
        return
    if not name.startswith("net."):
        raise ValueError(
            f"{shown} belongs to the whole machine; a container may set net.*, fs.mqueue.* and "
            + ", ".join(sorted(_IPC))
        )
    if network_is_host:
        raise ValueError(f"{shown} would change the host, whose network this container uses")
