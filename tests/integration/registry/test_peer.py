"""Fetching from Debian's docker-registry what skopeo has put there."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import RegistryError
from runtime.images.reference import parse_reference
from runtime.registry.authfile import Login
from runtime.registry.fetching import fetch_blob, fetch_manifest
from runtime.registry.session import Session, open_session
from tests.integration.registry.peer import PASSWORD, Peer, configure, free_port, make_layout

SIZE = 32 << 20
ME = Login(username="me", password=PASSWORD)


@pytest.fixture
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    """Start a registry that asks for a password, with the image `team/app:x` in it."""
    for program in ("docker-registry", "htpasswd", "skopeo"):
        if shutil.which(program) is None:
            pytest.skip(f"needs Debian's {program}")
    found = Peer(tmp_path, free_port())
    configure(tmp_path, found.port, login=True)
    found.start()
    try:
        found.skopeo(
            "copy", "-q", "--dest-tls-verify=false", f"--dest-creds=me:{PASSWORD}",
            f"oci:{make_layout(tmp_path, SIZE)}:x", f"docker://{found.host}/team/app:x",
        )  # fmt: skip
        yield found
    finally:
        found.kill()


async def _layer(session: Session) -> tuple[str, int]:
    document = json.loads((await fetch_manifest(session, "x")).data)
    layer = document["layers"][0]
    return layer["digest"], layer["size"]


async def test_what_skopeo_put_there_is_fetched(peer: Peer) -> None:
    """The manifest and each blob arrive as skopeo has them, byte by byte."""
    raw = peer.skopeo(
        "inspect", "--raw", "--tls-verify=false", f"--creds=me:{PASSWORD}",
        f"docker://{peer.host}/team/app:x",
    )  # fmt: skip
    async with open_session(parse_reference(f"{peer.host}/team/app:x"), ME) as session:
        manifest = await fetch_manifest(session, "x")
        assert manifest.data == raw
        assert await fetch_manifest(session, manifest.digest) == manifest
        document = json.loads(manifest.data)
        for blob in (document["config"], *document["layers"]):
            sink = io.BytesIO()
            await fetch_blob(session, blob["digest"], blob["size"], sink)
            name = blob["digest"].removeprefix("sha256:")
            assert sink.getvalue() == (peer.top / "layout/blobs/sha256" / name).read_bytes()


class _Killing:
    """A sink that kills the registry at its first bytes, and starts it again."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.killed = False
        self.size = 0
        self.hash = hashlib.sha256()

    def write(self, piece: bytes, /) -> None:
        """Take a piece."""
        self.size += len(piece)
        self.hash.update(piece)
        if not self.killed:
            self.killed = True
            self.peer.kill()
            self.peer.start()


async def test_a_registry_may_die_in_mid_transfer(peer: Peer) -> None:
    """Each byte reaches the sink once, though the connection broke."""
    async with open_session(parse_reference(f"{peer.host}/team/app:x"), ME) as session:
        digest, size = await _layer(session)
        sink = _Killing(peer)
        await fetch_blob(session, digest, size, sink)
    assert sink.killed
    assert (sink.size, f"sha256:{sink.hash.hexdigest()}") == (size, digest)


@pytest.mark.parametrize("login", [None, Login(username="me", password="wrong")])
async def test_refused_credentials_are_told(peer: Peer, login: Login | None) -> None:
    """The error has the reference and what the registry said of it, and no password."""
    reference = parse_reference(f"{peer.host}/team/app:x")
    async with open_session(reference, login) as session:
        with pytest.raises(RegistryError) as refused:
            await fetch_manifest(session, "x")
    assert str(refused.value) == (
        f"{reference}: 127.0.0.1 answered 401 UNAUTHORIZED: authentication required"
    )


async def test_an_unknown_tag_is_told(peer: Peer) -> None:
    """The error has the reference and the registry's own words."""
    reference = parse_reference(f"{peer.host}/team/app:absent")
    async with open_session(reference, ME) as session:
        with pytest.raises(RegistryError) as refused:
            await fetch_manifest(session, "absent")
    assert str(refused.value) == (
        f"{reference}: 127.0.0.1 answered 404 MANIFEST_UNKNOWN: manifest unknown"
    )
