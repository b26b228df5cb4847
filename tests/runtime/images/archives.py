"""Archives and images for tests, made with the standard library's tarfile."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from runtime.images.manifest import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Descriptor
from runtime.images.store import ImageStore

MOMENT = 1_700_000_000


@frozen(kw_only=True)
class Member:
    """One entry of an archive; a file unless `type` says otherwise."""

    name: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = MOMENT
    link: str = ""
    device: tuple[int, int] = (0, 0)
    pax: dict[str, str] = {}  # noqa: RUF008  # never changed


def directory(name: str, **more: Any) -> Member:
    """A directory."""
    return evolve(Member(name=name, type=tarfile.DIRTYPE, mode=0o755), **more)


def symlink(name: str, target: str, **more: Any) -> Member:
    """A symbolic link."""
    return evolve(Member(name=name, type=tarfile.SYMTYPE, link=target), **more)


def hard_link(name: str, target: str) -> Member:
    """A hard link."""
    return Member(name=name, type=tarfile.LNKTYPE, link=target)


def archive(*members: Member, form: int = tarfile.PAX_FORMAT) -> bytes:
    """The bytes of an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type = member.type
            info.size = len(member.content)
            info.mode, info.uid, info.gid = member.mode, member.uid, member.gid
            info.mtime = member.mtime
            info.linkname = member.link
            info.devmajor, info.devminor = member.device
            info.pax_headers = dict(member.pax)
            tar.addfile(info, io.BytesIO(member.content))
    return buffer.getvalue()


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    """The bytes in pieces that end anywhere."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def digest_of(data: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def put(store: ImageStore, data: bytes, media_type: str = "") -> Descriptor:
    """Put a blob into a store, whatever it is."""
    store.prepare()
    return store.blobs.add(data, media_type)


def add_image(
    store: ImageStore,
    layers: Sequence[bytes],
    *names: str,
    diff_ids: Sequence[str] = (),
    **more: Any,
) -> Descriptor:
    """Put an image of these layers, uncompressed archives, into a store."""
    blobs = [put(store, layer, OCI_LAYER) for layer in layers]
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [*diff_ids] or [*map(digest_of, layers)]},
        "config": more,
    }
    config = put(store, json.dumps(configuration).encode(), OCI_CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.document(),
        "layers": [blob.document() for blob in blobs],
    }
    target = put(store, json.dumps(manifest).encode(), OCI_MANIFEST)
    store.add(target, names)
    return target
