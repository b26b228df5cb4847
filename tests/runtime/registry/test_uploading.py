"""A blob arrives in a registry, in as many pieces as that wants and the connection allows."""

from __future__ import annotations

import io

import pytest

from runtime.errors import RegistryError
from runtime.images.manifest import Descriptor
from runtime.images.reference import parse_reference
from runtime.registry.session import open_session
from runtime.registry.uploading import CHUNK, Upload
from tests.runtime.images.archives import digest_of
from tests.runtime.registry.receiving import Receiving, receiving

BLOB = bytes(range(256)) * 4096
"""A megabyte."""
SIZE = len(BLOB)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.registry.session.pause", lambda *_: 0)
    monkeypatch.setattr("runtime.registry.uploading.pause", lambda *_: 0)


async def sent(server: Receiving) -> list[str]:
    """What the registry was asked for until it had the blob."""
    told: list[int] = []
    async with (
        receiving(server),
        open_session(parse_reference(f"{server.host}/team/app"), None) as session,
    ):
        blob = Descriptor(media_type="", digest=digest_of(BLOB), size=SIZE)
        upload = Upload(session=session, blob=blob, file=io.BytesIO(BLOB), told=told.append)
        assert not await upload.send()
    assert bytes(server.data) == BLOB
    assert told[-1] == SIZE
    return server.requests


async def test_a_blob_goes_in_one_piece() -> None:
    """That is one request and the one that asks for a place."""
    assert await sent(Receiving()) == ["POST  0", f"PUT  {SIZE}"]


async def test_a_broken_upload_goes_on() -> None:
    """The registry tells what it has, and gets the rest."""
    had = SIZE // 2
    assert await sent(Receiving(breaks=had)) == [
        "POST  0", f"PUT  {SIZE}", "GET  0", f"PATCH {had}-{SIZE - 1} {SIZE - had}", "PUT  0",
    ]  # fmt: skip


async def test_one_that_the_registry_does_not_know_begins_anew() -> None:
    """Nothing is believed to be there that it does not say."""
    assert await sent(Receiving(breaks=SIZE // 2, knows=False)) == [
        "POST  0", f"PUT  {SIZE}", "GET  0", "POST  0", f"PUT  {SIZE}",
    ]  # fmt: skip


@pytest.mark.parametrize(("least", "chunk"), [(0, SIZE // 4), (SIZE // 2, SIZE // 2)])
async def test_a_registry_may_want_chunks(
    least: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no more than it takes, and of no less than it says."""
    monkeypatch.setattr("runtime.registry.uploading.CHUNK", SIZE // 4)
    chunks = [f"PATCH {at}-{at + chunk - 1} {chunk}" for at in range(0, SIZE, chunk)]
    assert await sent(Receiving(most=chunk, least=least)) == [
        "POST  0", f"PUT  {SIZE}", "POST  0", *chunks, "PUT  0",
    ]  # fmt: skip


async def test_what_is_too_large_in_any_piece_is_told() -> None:
    """In the registry's own words."""
    assert CHUNK > SIZE
    with pytest.RaisesGroup(
        pytest.RaisesExc(RegistryError, match=r"127\.0\.0\.1 answered 413 too large")
    ):
        await sent(Receiving(most=9))
