"""Unpacked layers, each once on disk however many images and containers stand on it.

A layer is found by its chain: the digest of what it holds and of all that is below it. It appears
by a rename when it is whole, is what the image says it is, and is durable; so whatever has its name
can be used. One process unpacks at a time, and clears away what one that was killed has left.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain as joined

from attrs import frozen

from runtime.errors import ImageError
from runtime.images.blobs import ALGORITHM, Blobs
from runtime.images.compression import ahead, decompress, recognise
from runtime.images.manifest import Descriptor, Packing, packing_of
from runtime.images.tarstream import UnpackLimits
from runtime.images.unpack import unpack_layer
from runtime.locking import locked
from runtime.replacing import replace_file, sync_directory
from runtime.treesync import sync_tree

_UNFINISHED = "."
_RECORD = "layer.json"
_TREE = "fs"
_EARLY = 32 << 20
"""Bytes after which what is there is written."""


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """The chain of each layer, the lowest first, as the OCI image specification makes them."""
    chains: list[str] = []
    for diff_id in diff_ids:
        if not chains:
            chains.append(diff_id)
        else:
            text = f"{chains[-1]} {diff_id}"
            chains.append(f"{ALGORITHM}:{hashlib.sha256(text.encode()).hexdigest()}")
    return chains


@frozen
class LayerSize:
    """`files` are the bytes of its files, `archive` those of the tar that it came from."""

    files: int
    archive: int


@frozen
class Layers:
    """The layers in `directory`, unpacked from `blobs`."""

    directory: str
    blobs: Blobs
    limits: UnpackLimits

    def tree(self, chain: str) -> str:
        """The directory that overlay is given."""
        return f"{self._home(chain)}/{_TREE}"

    def size(self, chain: str) -> LayerSize | None:
        """How much is in a layer; None where it is not unpacked."""
        try:
            with open(f"{self._home(chain)}/{_RECORD}", "rb") as file:
                record = json.load(file)
        except FileNotFoundError:
            return None
        return LayerSize(files=record["files"], archive=record["archive"])

    def names(self) -> list[str]:
        """The chains of all layers that are whole."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        return [f"{ALGORITHM}:{name}" for name in names if len(name) == 64]

    def ensure(self, layers: Sequence[Descriptor], diff_ids: Sequence[str]) -> tuple[str, ...]:
        """Have all layers of an image unpacked; their directories, topmost first.

        Raises ImageError.
        """
        trees: list[str] = []
        for layer, diff_id, chain in zip(layers, diff_ids, chain_ids(diff_ids), strict=True):
            if not os.path.isdir(self._home(chain)):
                with locked(f"{self.directory}/lock"):
                    if not os.path.isdir(self._home(chain)):
                        self._clear_unfinished()
                        self.blobs.require(layer)
                        self._unpack(layer, trees[::-1], diff_id, chain)
            trees.append(self.tree(chain))
        return tuple(trees[::-1])

    def add(self, layer: Descriptor) -> str:
        """Unpack the lowest layer of a new image; returns the digest of what is in it.

        Raises ImageError.
        """
        with locked(f"{self.directory}/lock"):
            self._clear_unfinished()
            return self._unpack(layer, (), None, None)

    def remove(self, chain: str) -> None:
        """Remove a layer that nobody uses; a kill in between leaves what `ensure` clears away."""
        doomed = f"{self.directory}/{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            os.rename(self._home(chain), doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed)

    def _home(self, chain: str) -> str:
        return f"{self.directory}/{chain.partition(':')[2]}"

    def _clear_unfinished(self) -> None:
        for name in os.listdir(self.directory):
            if name.startswith(_UNFINISHED):
                shutil.rmtree(f"{self.directory}/{name}", ignore_errors=True)

    def _unpack(
        self, layer: Descriptor, lowers: Sequence[str], diff_id: str | None, chain: str | None
    ) -> str:
        """Unpack under the lock; where nobody says what it should be, it is the lowest layer."""
        home = f"{self.directory}/{_UNFINISHED}{secrets.token_hex(8)}"
        os.makedirs(f"{home}/{_TREE}", mode=0o700)
        os.chmod(f"{home}/{_TREE}", 0o755)
        try:
            archive = LayerArchive(self.blobs, layer, self.limits)
            with closing(written_meanwhile(ahead(archive.pieces()), home)) as pieces:
                files = unpack_layer(pieces, f"{home}/{_TREE}", lowers, self.limits)
            archive.check(diff_id or archive.diff_id)
            place = self._home(chain or archive.diff_id)
            if not os.path.isdir(place):
                record = {"diff_id": archive.diff_id, "files": files, "archive": archive.size}
                replace_file(f"{home}/{_RECORD}", json.dumps(record).encode())
                sync_tree(home)
                os.rename(home, place)
                sync_directory(self.directory)
        finally:
            if os.path.isdir(home):
                shutil.rmtree(home, ignore_errors=True)
        return archive.diff_id


def written_meanwhile(pieces: Iterable[bytes], directory: str) -> Generator[bytes, None, None]:
    """The same pieces, while what is made of them goes to the disk: less is left for the end.

    Raises OSError where the disk has failed, which nobody would be told a second time.
    """
    with ThreadPoolExecutor(1, "sync") as pool:
        under_way = pool.submit(lambda: None)
        size = 0
        for piece in pieces:
            size += len(piece)
            if size >= _EARLY and under_way.done():
                under_way.result()
                under_way = pool.submit(sync_tree, directory)
                size = 0
            yield piece
        under_way.result()


class LayerArchive:
    """The tar archive in a layer's blob; its packing is checked and its digest computed."""

    def __init__(self, blobs: Blobs, layer: Descriptor, limits: UnpackLimits) -> None:
        self._blobs = blobs
        self._layer = layer
        self._limits = limits
        self._hash = hashlib.sha256()
        self.size = 0

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the archive. Raises ImageError."""
        stored = self._blobs.pieces(self._layer.digest)
        first = next(stored, b"")
        try:
            packing = self._checked_packing(first)
            for piece in decompress(joined((first,), stored), packing, self._limits):
                self._hash.update(piece)
                self.size += len(piece)
                yield piece
        except ImageError as error:
            raise ImageError(f"layer {self._layer.digest}: {error}") from error

    def _checked_packing(self, first: bytes) -> Packing:
        packing = recognise(first)
        if packing != packing_of(self._layer):
            raise ImageError(
                f"is {packing or 'not compressed'}, and called {self._layer.media_type}"
            )
        return packing

    @property
    def diff_id(self) -> str:
        """The digest of what has been read of it."""
        return f"{ALGORITHM}:{self._hash.hexdigest()}"

    def check(self, diff_id: str) -> None:
        """Raises ImageError where it was not what the image says."""
        if self.diff_id != diff_id:
            raise ImageError(
                f"layer {self._layer.digest} unpacks to {self.diff_id}, the image says {diff_id}"
            )
