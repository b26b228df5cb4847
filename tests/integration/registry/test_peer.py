"""Fetching from Debian's docker-registry what skopeo has put there."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

from runtime.errors import RegistryError
from runtime.images.reference import parse_reference
from runtime.registry.authfile import Login
from runtime.registry.fetching import fetch_blob, fetch_manifest
from runtime.registry.session import open_session
from runtime.registry.settings import RegistrySettings
from tests.integration.registry.peer import PASSWORD, Peer

ME = Login(username="me", password=PASSWORD)


class Memory(io.BytesIO):
    """A blob in memory."""

    @property
    def digest(self) -> str:
        """Of what has come."""
        return f"sha256:{hashlib.sha256(self.getvalue()).hexdigest()}"


def _settings(guarded: Peer) -> RegistrySettings:
    return RegistrySettings(ca_file=f"{guarded.top}/certs/ca.crt")


async def test_what_skopeo_put_there_is_fetched(guarded: Peer, layout: str) -> None:
    """The manifest and each blob arrive as skopeo has them, byte by byte."""
    reference = parse_reference(f"{guarded.host}/team/app:small")
    async with open_session(reference, ME, _settings(guarded)) as session:
        manifest = await fetch_manifest(session, "small")
        assert manifest.digest == guarded.digest("team/app:small")
        assert await fetch_manifest(session, manifest.digest) == manifest
        document = json.loads(manifest.data)
        for blob in (document["config"], *document["layers"]):
            sink = Memory()
            await fetch_blob(session, blob["digest"], blob["size"], sink)
            name = blob["digest"].removeprefix("sha256:")
            assert sink.getvalue() == (Path(layout) / "blobs/sha256" / name).read_bytes()


@pytest.mark.parametrize("login", [None, Login(username="me", password="wrong")])
async def test_refused_credentials_are_told(guarded: Peer, login: Login | None) -> None:
    """The error has the reference and what the registry said of it, and no password."""
    reference = parse_reference(f"{guarded.host}/team/app:small")
    async with open_session(reference, login, _settings(guarded)) as session:
        with pytest.raises(RegistryError) as refused:
            await fetch_manifest(session, "x")
    assert str(refused.value) == (
        f"{reference}: 127.0.0.1 answered 401 UNAUTHORIZED: authentication required"
    )


async def test_a_certificate_of_nobody_is_refused(guarded: Peer) -> None:
    """Plain http is not tried where TLS is spoken; `insecure` is for whoever wants it so."""
    reference = parse_reference(f"{guarded.host}/team/app:small")
    with pytest.raises(RegistryError, match="certificate is not trusted: self-signed"):
        async with open_session(reference, ME):
            pass
    async with open_session(reference, ME, RegistrySettings(insecure=True)) as session:
        await fetch_manifest(session, "small")
    with pytest.raises(RegistryError, match=r"ca_file /absent: no such file or directory"):
        async with open_session(reference, ME, RegistrySettings(ca_file="/absent")):
            pass
