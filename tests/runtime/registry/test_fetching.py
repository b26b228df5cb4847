"""Manifests and blobs from a registry that misbehaves."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
from collections.abc import Callable

import pytest

from runtime.errors import RegistryError
from runtime.images.reference import Reference, parse_reference
from runtime.registry.authfile import Login
from runtime.registry.fetching import fetch_blob, fetch_manifest
from runtime.registry.session import open_session
from tests.runtime.registry.faulty import Faulty, answer, faulty

BLOB = bytes(range(256)) * 40
SHA = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
TYPE = "Content-Type: application/vnd.oci.image.manifest.v1+json"
ME = Login(username="me", password="secret")
Script = Callable[[str, dict[str, str]], bytes]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.registry.session.pause", lambda *_: 0)
    monkeypatch.setattr("runtime.registry.fetching.pause", lambda *_: 0)


def _reference(server: Faulty) -> Reference:
    return parse_reference(f"{server.host}/team/app")


class _Memory(io.BytesIO):
    """A blob in memory."""

    @property
    def digest(self) -> str:
        """Of what has come."""
        return f"sha256:{hashlib.sha256(self.getvalue()).hexdigest()}"


async def _blob(server: Faulty, login: Login | None = None) -> bytes:
    sink = _Memory()
    async with open_session(_reference(server), login) as session:
        await fetch_blob(session, SHA, len(BLOB), sink)
    return sink.getvalue()


async def _refused(script: Script) -> str:
    async with faulty(script) as server:
        with pytest.raises(RegistryError) as refused:
            await _blob(server)
        said = str(refused.value)
        assert said.startswith(f"{_reference(server)}: ")
        return said.removeprefix(f"{_reference(server)}: ").replace(str(server.port), "PORT")


def _begin(headers: dict[str, str]) -> int:
    match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", "bytes=0-"))
    assert match is not None
    return int(match[1])


def _thousand(path: str, headers: dict[str, str]) -> bytes:
    """A thousand bytes from where it is asked to begin, then the connection breaks."""
    begin = _begin(headers)
    span = [f"Content-Range: bytes {begin}-{len(BLOB) - 1}/{len(BLOB)}"] if begin else []
    rest = len(BLOB) - begin
    return answer(206 if begin else 200, BLOB[begin : begin + 1000], span, rest)


async def test_a_broken_blob_goes_on() -> None:
    """Each byte is asked for once, though the connection breaks ten times."""
    async with faulty(_thousand) as server:
        assert await _blob(server) == BLOB
        assert [_begin(headers) for _, headers in server.requests] == list(range(0, 10240, 1000))


async def test_a_registry_without_ranges_is_taken_from_the_start() -> None:
    """What has come already is passed over, not written again."""
    answers = iter([answer(200, BLOB[:5000], (), len(BLOB)), answer(200, BLOB)])
    async with faulty(lambda _path, _headers: next(answers)) as server:
        assert await _blob(server) == BLOB


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (answer(200, BLOB[:-1] + b"x"), f"blob {SHA} came with another digest: sha256:"),
        (answer(200, BLOB + b"x"), f"blob {SHA} has more than {len(BLOB)} bytes"),
        (answer(200, b""), f"blob {SHA} broke off at 0 of {len(BLOB)}"),
        (
            answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob\\nunknown"}]}'),
            "127.0.0.1 answered 404 BLOB_UNKNOWN: blob unknown",
        ),
        (answer(503, b"\x1b[31mbusy"), "127.0.0.1 answered 503  [31mbusy"),
        (
            answer(307, b"", ["Location: http://example.com/x"]),
            "127.0.0.1 redirects to plain http at example.com",
        ),
        (answer(302, b"", ["Location: ?"]), "127.0.0.1 redirects more than 5 times"),
        (
            answer(401, b"", ["WWW-Authenticate: NTLM"]),
            "the registry asks for ntlm; only bearer and basic are supported",
        ),
        (
            answer(401, b"", ['WWW-Authenticate: Bearer realm="http://example.com/t"']),
            "the token server example.com has no https",
        ),
        (answer(401, b"no", ["WWW-Authenticate: Basic"]), "127.0.0.1 answered 401 no"),
    ],
)
async def test_errors_have_the_words_of_the_registry(reply: bytes, problem: str) -> None:
    """A blob that is not what was asked for is one clear error with the reference."""
    assert (await _refused(lambda _path, _headers: reply)).startswith(problem)


class _FullDisk:
    """A sink that takes nothing."""

    digest = ""

    def write(self, piece: bytes, /) -> None:
        """Fail as a full disk does."""
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}, {len(piece)} bytes")


async def test_a_full_disk_ends_the_transfer() -> None:
    """What the sink raises arrives as it is, and nothing is asked for again."""
    async with faulty(lambda _path, _headers: answer(200, BLOB)) as server:
        async with open_session(_reference(server), None) as session:
            with pytest.raises(OSError, match="No space left"):
                await fetch_blob(session, SHA, len(BLOB), _FullDisk())
        assert len(server.requests) == 1


async def test_a_range_that_was_not_asked_for_is_refused() -> None:
    """Bytes of another place are never taken for the missing ones."""
    replies = iter(
        [answer(200, BLOB[:9], (), 99), answer(206, b"x", ["Content-Range: bytes 3-4/9"])]
    )
    said = await _refused(lambda _path, _headers: next(replies))
    assert said == f"blob {SHA}: another range than asked for"


async def test_busy_registries_are_asked_again() -> None:
    """429 and 503 are tried again, and so is a connection that ends without an answer."""
    replies = iter([answer(429), b"", answer(503), answer(200, BLOB)])
    async with faulty(lambda _path, _headers: next(replies)) as server:
        assert await _blob(server) == BLOB


async def test_credentials_stay_with_their_host() -> None:
    """The server that a redirect leads to is not told the password."""
    async with faulty(lambda _path, _headers: answer(200, BLOB)) as other:

        def script(path: str, headers: dict[str, str]) -> bytes:
            if "authorization" not in headers:
                return answer(401, b"", ['WWW-Authenticate: Basic realm="x"'])
            return answer(307, b"", [f"Location: http://{other.host}/blob"])

        async with faulty(script) as server:
            assert await _blob(server, ME) == BLOB
            assert server.requests[-1][1]["authorization"] == "Basic bWU6c2VjcmV0"
        assert [headers.get("authorization") for _, headers in other.requests] == [None]


async def test_a_token_is_fetched_for_the_repository() -> None:
    """The password goes to the token server, and the token alone to the registry."""

    def script(path: str, headers: dict[str, str]) -> bytes:
        if path.startswith("/token"):
            return answer(200, b'{"token": "t"}')
        if headers.get("authorization") != "Bearer t":
            realm = f'Bearer realm="http://{headers["host"]}/token",service="s"'
            return answer(401, b"", [f"WWW-Authenticate: {realm}"])
        return answer(200, BLOB)

    async with faulty(script) as server:
        assert await _blob(server, ME) == BLOB
        path, headers = server.requests[1]
        assert path == "/token?service=s&scope=repository%3Ateam%2Fapp%3Apull"
        assert headers["authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize(
    ("which", "reply", "problem"),
    [
        ("a", answer(200, b"{}"), "media type '' of the manifest is not supported"),
        (SHA, answer(200, b"{}", [TYPE]), f"the manifest {SHA} came with another digest: sha256:"),
        ("a", answer(200, b" " * ((4 << 20) + 1), [TYPE]), "the manifest is larger than 4194304"),
        ("a", answer(200, b"{", [TYPE], 2), "the manifest broke off: "),
    ],
)
async def test_manifests_are_what_they_are_called(which: str, reply: bytes, problem: str) -> None:
    """A manifest of another type, digest or size is refused before anybody reads it."""
    async with faulty(lambda _path, _headers: reply) as server:
        async with open_session(_reference(server), None) as session:
            with pytest.raises(RegistryError) as refused:
                await fetch_manifest(session, which)
        assert str(refused.value).startswith(f"{_reference(server)}: {problem}")


async def test_a_manifest_is_fetched() -> None:
    """It comes with its type and its digest, byte by byte as it is there."""
    async with (
        faulty(lambda _path, _headers: answer(200, BLOB, [TYPE])) as server,
        open_session(_reference(server), None) as session,
    ):
        found = await fetch_manifest(session, SHA)
    assert (found.digest, found.data) == (SHA, BLOB)
    assert found.media_type == TYPE.removeprefix("Content-Type: ")
