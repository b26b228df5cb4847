"""The body of an answer, piece by piece as it comes, to its end or to the first objection."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from runtime.errors import RegistryError


async def take_body(response: httpx.Response, take: Callable[[bytes], None]) -> None:
    """Give every piece to `take`. What it raises, RegistryError or OSError, ends the connection.

    Raises httpx.TransportError where the body breaks off.
    """
    objection: RegistryError | OSError | None = None
    try:
        async for piece in response.aiter_raw():
            if objection is None:
                try:
                    take(piece)
                except (RegistryError, OSError) as error:
                    objection = error
                    # httpx does not close the generators it reads by. Without a connection they
                    # come to an end of their own at once, which leaves nothing to the collector.
                    await response.extensions["network_stream"].aclose()
    except httpx.TransportError:
        if objection is None:
            raise
    if objection is not None:
        raise objection
