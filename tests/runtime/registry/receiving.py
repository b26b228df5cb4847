"""A small registry on loopback that takes blobs, as badly as a test wants it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from tests.runtime.registry.faulty import answer
from tests.runtime.registry.requesthead import read_head

_PLACE = "/v2/team/app/blobs/uploads/1"


@define
class Receiving:
    """`most` is the largest body that it takes; after `breaks` bytes in all it hangs up, once.

    It `knows` how much it has, or has forgotten it after that.
    """

    most: int = 1 << 30
    breaks: int = 1 << 30
    knows: bool = True
    least: int = 0
    port: int = 0
    data: bytearray = field(factory=bytearray)
    requests: list[str] = field(factory=list)
    """What was asked for: the method, what part of the blob, and the length of the body."""

    @property
    def host(self) -> str:
        """Its address and port."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request and hang up."""
        async with stream:
            request = await read_head(stream)
            if request is None:
                return
            head, body = request
            method, path, _ = head.split(b"\r\n")[0].decode().split()
            if path == "/v2/":
                await stream.send_all(answer(200))
                return
            length = _number(rb"content-length: (\d+)", head)
            span = re.search(rb"content-range: (\S+)", head, re.IGNORECASE)
            self.requests.append(f"{method} {span[1].decode() if span else ''} {length}")
            reply = await self._receive(stream, method, length, body)
            if reply is not None:
                await stream.send_all(reply)

    async def _receive(
        self, stream: trio.SocketStream, method: str, length: int, body: bytes
    ) -> bytes | None:
        here = [f"Location: {_PLACE}", f"Range: 0-{max(0, len(self.data) - 1)}"]
        if method == "GET":
            return answer(204, b"", here) if self.knows else answer(404)
        if method == "POST":
            self.data.clear()
            return answer(202, b"", [*here, f"OCI-Chunk-Min-Length: {self.least}"])
        taken = bytearray()
        while True:
            taken += body
            if len(self.data) + len(taken) >= self.breaks:
                self.data += taken[: self.breaks - len(self.data)]
                self.breaks = 1 << 30
                return None
            if len(taken) == length:
                break
            body = await stream.receive_some()
        if length > self.most:
            return answer(413, b"too large")
        self.data += taken
        here = [f"Location: {_PLACE}", f"Range: 0-{max(0, len(self.data) - 1)}"]
        return answer(201 if method == "PUT" else 202, b"", here)


def _number(pattern: bytes, head: bytes) -> int:
    found = re.search(pattern, head, re.IGNORECASE)
    return 0 if found is None else int(found[1])


@asynccontextmanager
async def receiving(server: Receiving) -> AsyncIterator[Receiving]:
    """Serve on a free port of loopback."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        yield server
        nursery.cancel_scope.cancel()
