"""One blob on its way into a registry, by the rules of the OCI distribution specification.

It goes in one piece where the registry takes that, else in chunks. Where the connection breaks the
registry is asked how much it has, and is sent the rest; one that does not know is sent all again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import BinaryIO, Self
from urllib.parse import urlencode

import httpx
import trio
from attrs import define, field

from runtime.images.compression import PIECE
from runtime.images.manifest import Descriptor
from runtime.registry.retry import ATTEMPTS, RETRIED, pause
from runtime.registry.session import BrokenOff, Call, Session

CHUNK = 16 << 20
"""Bytes of a chunk where the registry asks for no larger ones."""
_TOO_LARGE, _OUT_OF_STEP = 413, 416
_RANGE = re.compile(r"0-([0-9]{1,18})")
_TYPE = "application/octet-stream"


@define(eq=False, kw_only=True)
class Upload:
    """`told` is told how many bytes have gone; `source` is a repository that may have the blob."""

    session: Session
    blob: Descriptor
    file: BinaryIO
    told: Callable[[int], None]
    source: str | None = None
    _place: str = field(default="", init=False)
    """Where the registry wants what comes next; nothing before it has said so."""
    _done: int = field(default=0, init=False)
    """How many bytes it has for certain."""
    _chunk: int | None = field(default=None, init=False)
    _least: int = field(default=0, init=False)
    """The smallest chunk that it takes."""

    async def send(self) -> bool:
        """Have the blob there; tells whether it was mounted from `source`. Raises RegistryError."""
        failures = 0
        while True:
            before = self._done
            try:
                return await self._go_on()
            except BrokenOff:
                failures = 1 if self._done > before else failures + 1
                if failures == ATTEMPTS:
                    raise
            await trio.sleep(pause(failures, None, random.random()))
            await self._find_out()

    async def _go_on(self) -> bool:
        if not self._place and await self._begin():
            return True
        if self._done == 0 and self._chunk is None and await self._send_whole():
            return False
        while self._done < self.blob.size:
            await self._send_chunk()
        await self._finish()
        return False

    async def _begin(self) -> bool:
        """Ask for a place; True where there is no need of one: the blob was mounted."""
        self._done = 0
        url = self.session.url("blobs/uploads/")
        if self.source is not None:
            url += f"?{urlencode({'mount': self.blob.digest, 'from': self.source})}"
        async with self.session.answer(Call(method="POST", url=url, content=b"")) as response:
            if response.status_code == 201:
                return True
            if response.status_code != 202:
                raise await self.session.refusal(response)
            self._place = self.session.led_to(url, response)
            least = response.headers.get("OCI-Chunk-Min-Length", "")
            self._least = int(least) if re.fullmatch("[0-9]{1,12}", least) else 0
        return False

    async def _send_whole(self) -> bool:
        """Send it in one piece; False where the registry wants smaller ones."""
        call = self._call("PUT", self._closing(), 0, self.blob.size)
        async with self.session.answer(call) as response:
            if response.status_code == _TOO_LARGE:
                await self._begin_in_chunks()
                return False
            await self._check(response, 201)
        return True

    async def _begin_in_chunks(self) -> None:
        self._chunk = max(CHUNK, self._least)
        self.source = None
        await self._begin()

    async def _send_chunk(self) -> None:
        end = self.blob.size
        if self._chunk is not None:
            end = min(end, self._done + self._chunk)
        span = {"Content-Range": f"{self._done}-{end - 1}"}
        async with self.session.answer(
            self._call("PATCH", self._place, self._done, end, span)
        ) as response:
            if response.status_code == _TOO_LARGE and self._chunk is None:
                self._chunk = max(CHUNK, self._least)
                return
            if response.status_code == _OUT_OF_STEP:
                raise BrokenOff(str(await self.session.refusal(response)))
            await self._check(response, 202)
            self._place = self.session.led_to(self._place, response)
            self._done = end

    async def _finish(self) -> None:
        size = self.blob.size
        async with self.session.answer(self._call("PUT", self._closing(), size, size)) as response:
            await self._check(response, 201)

    async def _find_out(self) -> None:
        """Ask what has arrived of what was sent; begin anew where nobody can tell."""
        if not self._place:
            return
        async with self.session.answer(Call(method="GET", url=self._place)) as response:
            known = _RANGE.fullmatch(response.headers.get("Range", ""))
            has = 0 if known is None else int(known[1]) + 1
            # 0-0 is what some say of nothing.
            if response.status_code == 204 and 1 < has <= self.blob.size:
                self._place = self.session.led_to(self._place, response)
                self._done = has
            else:
                self._place = ""

    async def _check(self, response: httpx.Response, status: int) -> None:
        if response.status_code in RETRIED:
            raise BrokenOff(str(await self.session.refusal(response)))
        if response.status_code != status:
            raise await self.session.refusal(response)

    def _closing(self) -> str:
        """Where the last request goes, with which the registry is told what it should have."""
        mark = "&" if "?" in self._place else "?"
        return f"{self._place}{mark}{urlencode({'digest': self.blob.digest})}"

    def _call(
        self, method: str, url: str, begin: int, end: int, more: dict[str, str] | None = None
    ) -> Call:
        headers = {"Content-Type": _TYPE, "Content-Length": str(end - begin), **(more or {})}
        body = _Body(self.file, begin, end, self.told)
        return Call(method=method, url=url, headers=headers, content=body.anew, patient=False)


class _Body(httpx.AsyncByteStream):
    """A part of a file. No generator: httpx would leave it to the collector."""

    def __init__(self, file: BinaryIO, begin: int, end: int, told: Callable[[int], None]) -> None:
        self._file = file
        self._begin = begin
        self._end = end
        self._told = told

    def anew(self) -> Self:
        """The same from its beginning."""
        self._file.seek(self._begin)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        position = self._file.tell()
        self._told(position)
        piece = self._file.read(min(PIECE, self._end - position))
        if not piece:
            raise StopAsyncIteration
        return piece
