"""From what a container changed to an image: its base's layers and one more.

The writable layer of an overlay is read as it is on disk: devices 0:0 become whiteouts, the
attribute of an opaque directory becomes its mark, and all else is kept, links between its files
included. Whoever calls this sees to it that nobody writes there meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, evolve, field
from isal import isal_zlib

from runtime.errors import ImageError
from runtime.images.blobs import ALGORITHM, BlobWriter
from runtime.images.config import ImageConfig, write_config
from runtime.images.document import take
from runtime.images.image import Image
from runtime.images.importing import add_image
from runtime.images.layerpath import OPAQUE, WHITEOUT
from runtime.images.layers import chain_ids
from runtime.images.lowers import is_opaque, is_whiteout, overlay_xattr
from runtime.images.manifest import OCI_LAYER, Descriptor, packing_of
from runtime.images.naming import name_of
from runtime.images.packing import END, Packer, mark, walk, xattrs
from runtime.images.store import ImageStore

_GZIP_BITS = 31
_FASTEST = 1
_REFUSED = ("redirect", "metacopy")
"""With these a file's content lies in another place than it is in."""
_KNOWN = write_config(
    ImageConfig(
        environment={"A": ""}, command=("x",), entrypoint=("x",), user="x", working_dir="x",
        volumes=("x",), ports=("1/tcp",), stop_signal="x", labels={"x": ""},
    )
).keys() | {"Healthcheck"}  # fmt: skip


def commit_layer(
    store: ImageStore,
    upper: str,
    base: Image,
    *,
    config: ImageConfig | None = None,
    names: Sequence[str] = (),
    author: str = "",
    message: str = "",
    created_by: str = "",
    created: str,
    when_read: Callable[[], None] = lambda: None,
) -> Image:
    """An image of `base` and what lies in the writable layer `upper`.

    `config` says how its containers start, where that is not as the base has it. From the call of
    `when_read` on nothing is read there any more. Raises ImageError.
    """
    with store.adding():
        try:
            with store.blobs.writer() as writer:
                compressor = _Compressor(writer)
                for piece in changes_in(upper):
                    compressor.write(piece)
                when_read()
                compressor.finish()
                kept = store.blobs.keep(writer)
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise ImageError(f"commit {error.filename or upper}: {cause}") from error
        layers = [_plain(layer) for layer in base.manifest.layers]
        layers.append(evolve(kept, media_type=f"{OCI_LAYER}+gzip"))
        step = {"created": created, "created_by": created_by, "author": author, "comment": message}
        document = {
            **base.configuration.document,
            "created": created,
            **({"author": author} if author else {}),
            "config": _merged(base, config or base.config),
            "rootfs": {
                "type": "layers",
                "diff_ids": [*base.configuration.diff_ids, compressor.diff_id],
            },
            "history": [
                *take(base.configuration.document, "history", list, []),
                {key: value for key, value in step.items() if value},
            ],
        }
        image = store.unpacked(store.load(add_image(store, document, layers)))
        return evolve(image, names=store.add(image.target, names))


def base_of(store: ImageStore, lower: Sequence[str]) -> Image:
    """The image whose unpacked layers these directories are, topmost first. Raises ImageError.

    Of several the first that has a name, else the first.
    """
    found = []
    for entry in store.entries():
        with suppress(ImageError):  # one that is damaged is not looked for
            image = store.load(entry)
            chains = chain_ids(image.configuration.diff_ids)
            if [store.layers.tree(chain) for chain in reversed(chains)] == list(lower):
                found.append(image)
    for image in found:
        if name_of(image.target) is not None:
            return image
    if not found:
        raise ImageError("no image of the store has its layers")
    return found[0]


def _plain(layer: Descriptor) -> Descriptor:
    """A layer of the base, by OCI's name for its type whatever it was called."""
    packing = packing_of(layer)
    return evolve(layer, media_type=f"{OCI_LAYER}+{packing}" if packing else OCI_LAYER)


def _merged(base: Image, config: ImageConfig) -> Mapping[str, Any]:
    """The new configuration, with what the base's has that this program does not know."""
    old = take(base.configuration.document, "config", dict, {})
    return {key: old[key] for key in old if key not in _KNOWN} | write_config(config)


@define(eq=False)
class _Compressor:
    """Takes an archive, computes its digest, and compresses it into a blob."""

    _writer: BlobWriter
    _hash: hashlib._Hash = field(factory=hashlib.sha256)
    _machine: isal_zlib.Compress = field(
        factory=lambda: isal_zlib.compressobj(_FASTEST, isal_zlib.DEFLATED, _GZIP_BITS)
    )

    def write(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._writer.write(self._machine.compress(piece))

    def finish(self) -> None:
        self._writer.write(self._machine.flush())

    @property
    def diff_id(self) -> str:
        return f"{ALGORITHM}:{self._hash.hexdigest()}"


def changes_in(upper: str) -> Iterator[bytes]:
    """A writable layer as an archive. Raises OSError or ImageError."""
    packer = Packer()
    refused = {overlay_xattr(name) for name in _REFUSED}
    top = os.open(upper, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, node in walk(top):
            status = os.fstat(node)
            if is_whiteout(status):
                directory, name = os.path.split(path)
                yield mark(os.path.join(directory, f"{WHITEOUT}{name}"))
                continue
            for key in refused & xattrs(node).keys():
                raise ImageError(f"commit {path}: lies in another place than it is in ({key})")
            yield from packer.member(node, path or ".")
            if stat.S_ISDIR(status.st_mode) and is_opaque(node):
                yield mark(os.path.join(path, OPAQUE))
    finally:
        os.close(top)
    yield END
