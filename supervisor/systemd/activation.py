"""The sockets that systemd has opened and passed on: the protocol of sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

FIRST = 3
CONTROL = "control"
"""The name that the unit file gives the control socket."""


def passed_descriptors(environ: MutableMapping[str, str]) -> dict[str, int]:
    """Descriptors by name that were passed to this process; no child will inherit them.

    The variables are taken out, so that no child takes them for its own. Of several with the
    same name the last one counts; those without one are called ``unknown``, as by systemd.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return {}
    found: dict[str, int] = {}
    for position in range(int(count)):
        descriptor = FIRST + position
        os.set_inheritable(descriptor, False)
        name = names[position] if position < len(names) else ""
        found[name or "unknown"] = descriptor
    return found


def listening_socket(descriptor: int, path: str) -> socket.socket:
    """The passed socket, which has to listen at `path`; closed if it does not.

    Raises ValueError or OSError.
    """
    passed = socket.socket(fileno=descriptor)
    fault = _fault(passed, path)
    if fault is not None:
        passed.close()
        raise ValueError(fault)
    return passed


def _fault(passed: socket.socket, path: str) -> str | None:
    if (passed.family, passed.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        return "it is no stream socket of the Unix family"
    if not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "it does not listen"
    if passed.getsockname() != path:
        return f"it listens at {passed.getsockname()}"
    return None
