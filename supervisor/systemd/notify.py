"""Telling the service manager how the supervisor does: the protocol of sd_notify(3).

A manager that is busy is waited for, without blocking the event loop: nothing that is said may be
lost, for a lost READY or WATCHDOG would end the service. A manager that is gone is said once, and
everything goes on without one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from typing import Self, TypeAlias

import structlog
import trio

NOTIFY_SOCKET = "NOTIFY_SOCKET"
"""The environment variable by which a process knows that its manager wants to be told."""

Message: TypeAlias = Mapping[str, object]
"""Variables and their values, which arrive together."""

log = structlog.stdlib.get_logger()


class Notifier:
    """A connection to the manager's socket at `address`, where ``@`` stands for an abstract one."""

    def __init__(self, address: str, *, watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        """Seconds without a sign of life after which the manager takes this process for stuck."""
        self._address = address
        self._socket: socket.socket | None = None
        self._failing = False

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> Self | None:
        """What the manager asks for, or None; taken out, so that no child takes it for its own."""
        address = environ.pop(NOTIFY_SOCKET, "")
        interval = environ.pop("WATCHDOG_USEC", "")
        watched = environ.pop("WATCHDOG_PID", str(os.getpid()))
        if address[:1] not in ("/", "@"):
            return None
        wanted = interval.isdigit() and int(interval) > 0 and watched == str(os.getpid())
        return cls(address, watchdog=int(interval) / 1e6 if wanted else None)

    async def tell(self, message: Message) -> None:
        """Send a message; waits for a manager that is busy."""
        while not self._sent(message):
            assert self._socket is not None, "it was connected, and busy"
            await trio.lowlevel.wait_writable(self._socket)

    def tell_at_once(self, message: Message) -> None:
        """Send one where there may be no more waiting; a manager that is busy misses it."""
        self._sent(message)

    def close(self) -> None:
        """Close the connection; the next message makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _sent(self, message: Message) -> bool:
        """Whether there is nothing to be waited for."""
        text = "\n".join(f"{name}={value}" for name, value in message.items())
        try:
            self._send(text.encode())
        except BlockingIOError:
            return False
        except OSError as error:
            self.close()
            if not self._failing:
                log.warning("service manager not told", socket=self._address, cause=error.strerror)
            self._failing = True
        else:
            self._failing = False
        return True

    def _send(self, message: bytes) -> None:
        if self._socket is not None:
            try:
                self._socket.send(message)
            except BlockingIOError:
                raise
            except OSError:
                self.close()  # the manager may have made its socket anew
            else:
                return
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket = made
        made.connect("\0" + self._address[1:] if self._address[0] == "@" else self._address)
        made.send(message)
