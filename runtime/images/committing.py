"""From what a container changed to an image: its base's layers and one more.

The writable layer of an overlay is read as it is on disk: devices 0:0 become whiteouts, the
attribute of an opaque directory becomes its mark, and all else is kept, links between its files
included. Whoever calls this sees to it that nobody writes there meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

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
from runtime.images.lowers import OPAQUE_XATTR, is_whiteout
from runtime.images.manifest import OCI_LAYER, Descriptor, packing_of
from runtime.images.naming import name_of
from runtime.images.store import ImageStore

_GZIP_BITS = 31
_FASTEST = 1
_OVERLAY = ("trusted.overlay.", "user.overlay.")
_REFUSED = ("trusted.overlay.redirect", "trusted.overlay.metacopy")
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
                packer = _Packer(writer)
                write_changes(upper, packer)
                when_read()
                packer.finish()
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
                "diff_ids": [*base.configuration.diff_ids, packer.diff_id],
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
class _Packer:
    """Takes an archive, computes its digest, and compresses it into a blob."""

    _writer: BlobWriter
    _hash: hashlib._Hash = field(factory=hashlib.sha256)
    _machine: isal_zlib.Compress = field(
        factory=lambda: isal_zlib.compressobj(_FASTEST, isal_zlib.DEFLATED, _GZIP_BITS)
    )

    def write(self, piece: bytes) -> int:
        self._hash.update(piece)
        self._writer.write(self._machine.compress(piece))
        return len(piece)

    def finish(self) -> None:
        self._writer.write(self._machine.flush())

    @property
    def diff_id(self) -> str:
        return f"{ALGORITHM}:{self._hash.hexdigest()}"


def write_changes(upper: str, output: _Packer) -> None:
    """Write a writable layer as an archive, in an order that depends on names only.

    Raises OSError or ImageError.
    """
    first_names: dict[int, str] = {}
    with tarfile.open(fileobj=cast(IO[bytes], output), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path, directory, name in _walk(upper):
            status = os.lstat(path)
            if is_whiteout(status):
                _add_mark(tar, os.path.join(directory, f"{WHITEOUT}{name}"))
                continue
            if stat.S_ISSOCK(status.st_mode):
                continue  # it means nothing without the process that listens
            shown = os.path.join(directory, name) or "."
            info = _member(path, shown, status)
            if not stat.S_ISDIR(status.st_mode):
                first = first_names.setdefault(status.st_ino, shown)
                if first != shown:
                    info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
            if info.isreg():
                with open(path, "rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
            if _is_opaque(path, status):
                _add_mark(tar, os.path.join(directory, name, OPAQUE))


def _member(path: str, shown: str, status: os.stat_result) -> tarfile.TarInfo:
    """The header of a file. Raises ImageError for what only overlay can make sense of."""
    info = tarfile.TarInfo(shown)
    info.mode = stat.S_IMODE(status.st_mode)
    info.uid, info.gid = status.st_uid, status.st_gid
    seconds, fraction = divmod(status.st_mtime_ns, 10**9)
    info.mtime = seconds
    records: dict[str, str] = {}
    if fraction:
        exact = f"{'-' if status.st_mtime_ns < 0 else ''}%d.%09d"
        records["mtime"] = exact % divmod(abs(status.st_mtime_ns), 10**9)
    info.type = _TYPES[stat.S_IFMT(status.st_mode)]
    if info.isreg():
        info.size = status.st_size
    elif info.issym():
        info.linkname = os.readlink(path)
    elif info.isdev() and not info.isfifo():
        info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    for key in os.listxattr(path, follow_symlinks=False):
        if key in _REFUSED:
            raise ImageError(f"commit {shown}: lies in another place than it is in ({key})")
        if not key.startswith(_OVERLAY):
            value = os.getxattr(path, key, follow_symlinks=False)
            records[f"SCHILY.xattr.{key}"] = value.decode("utf-8", "surrogateescape")
    info.pax_headers = records
    return info


_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


def _is_opaque(path: str, status: os.stat_result) -> bool:
    return (
        stat.S_ISDIR(status.st_mode)
        and OPAQUE_XATTR in os.listxattr(path)
        and os.getxattr(path, OPAQUE_XATTR) == b"y"
    )


def _add_mark(tar: tarfile.TarFile, name: str) -> None:
    """An empty file whose name says what it does; its own owner and time mean nothing."""
    tar.addfile(tarfile.TarInfo(name))


def _walk(top: str) -> Iterator[tuple[str, str, str]]:
    """(path, directory below the top, name) of everything, a directory before what is in it."""
    yield top, "", ""
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        below = []
        for name in sorted(os.listdir(os.path.join(top, directory))):
            shown = os.path.join(directory, name)
            path = os.path.join(top, shown)
            yield path, directory, name
            if stat.S_ISDIR(os.lstat(path).st_mode):
                below.append(shown)
        waiting += reversed(below)
