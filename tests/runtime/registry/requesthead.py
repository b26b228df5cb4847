"""Reads the head of a request to a small server of the tests."""

from __future__ import annotations

import trio

_TLS_HANDSHAKE = b"\x16"


async def read_head(stream: trio.SocketStream) -> tuple[bytes, bytes] | None:
    """The head of a request, and what has come of its body.

    None where the client hung up, or tries TLS.
    """
    received = bytearray()
    while b"\r\n\r\n" not in received:
        piece = await stream.receive_some()
        received += piece
        if not piece or received[:1] == _TLS_HANDSHAKE:
            return None
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return head, body
