"""What stands for the service manager: the socket that it listens at."""

from __future__ import annotations

import socket
from pathlib import Path

PATIENCE = 30.0
"""Seconds after which a message does not come any more."""


class FakeManager:
    """Gets messages at a path, or at an abstract address that begins with ``@``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def message(self) -> dict[str, str]:
        """The next message."""
        lines = self.socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def until(self, **wanted: str) -> list[dict[str, str]]:
        """All messages up to the one that has these variables."""
        seen = [self.message()]
        while not wanted.items() <= seen[-1].items():
            seen.append(self.message())
        return seen

    def waiting(self) -> list[dict[str, str]]:
        """All messages that have come and were not looked at."""
        self.socket.setblocking(False)
        seen = []
        try:
            while True:
                seen.append(self.message())
        except BlockingIOError:
            return seen
        finally:
            self.socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Go away, and the path with it."""
        self.socket.close()
        if not self.address.startswith("@"):
            Path(self.address).unlink()
