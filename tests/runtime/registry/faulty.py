"""A small HTTP server on loopback for what a real registry never does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from tests.runtime.registry.requesthead import read_head

REASON = b"HTTP/1.1 %d x\r\nConnection: close\r\n"


@define
class Faulty:
    """Answers each request with what `script` makes of its path and headers."""

    script: Callable[[str, dict[str, str]], bytes]
    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request and hang up."""
        async with stream:
            request = await read_head(stream)
            if request is None:
                return
            first, *lines = request[0].decode().split("\r\n")
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            path = first.split()[1]
            self.requests.append((path, headers))
            await stream.send_all(self.script(path, headers))

    @property
    def host(self) -> str:
        """Its address and port."""
        return f"127.0.0.1:{self.port}"


def answer(status: int, body: bytes = b"", headers: Sequence[str] = (), length: int = -1) -> bytes:
    """The bytes of an answer; a `length` above that of the body breaks it off."""
    lines = [*headers, f"Content-Length: {len(body) if length < 0 else length}"]
    return REASON % status + "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def faulty(script: Callable[[str, dict[str, str]], bytes]) -> AsyncIterator[Faulty]:
    """Serve on a free port of loopback."""
    server = Faulty(script)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        yield server
        nursery.cancel_scope.cancel()
