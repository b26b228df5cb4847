"""The image store, as the commands open it: errors of it are one line."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from runtime.errors import ContainerError
from runtime.images.compression import PIECE
from runtime.images.image import Image
from runtime.images.layers import chain_ids
from runtime.images.store import ImageStore
from runtime.usernamespace import enter_user_namespace
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings

STANDARD = "-"


@contextmanager
def image_store(settings: Settings, *, change: bool = False) -> Iterator[ImageStore]:
    """The store, made if it is to be changed. Raises Failure for what goes wrong with it.

    Who changes it as an ordinary user does so in a namespace of his own from then on, which he can
    enter only while there are no threads.
    """
    try:
        if change:
            enter_user_namespace()
            settings.directories.prepare()
        yield ImageStore(settings.directories.image_store)
    except ContainerError as error:
        raise Failure(str(error)) from error


def size_of(store: ImageStore, image: Image) -> int:
    """The bytes of an image's files; of its blobs where it is not unpacked."""
    total = 0
    chains = chain_ids(image.configuration.diff_ids)
    for chain, layer in zip(chains, image.manifest.layers, strict=True):
        unpacked = store.layers.size(chain)
        total += layer.size if unpacked is None else unpacked.files
    return total


def read_pieces(path: str) -> Iterator[bytes]:
    """The bytes of a file, or of the standard input for ``-``. Raises Failure or OSError."""
    if path == STANDARD:
        if sys.stdin.isatty():
            raise Failure("an archive is not read from a terminal; name a file or redirect one")
        yield from _read(0)
        return
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise Failure(f"{path}: is a directory")
        yield from _read(fd)
    finally:
        os.close(fd)


def _read(fd: int) -> Iterator[bytes]:
    while piece := os.read(fd, PIECE):
        yield piece


@contextmanager
def written(path: str | None) -> Iterator[IO[bytes]]:
    """What an archive goes to; a file is there once it is whole. Raises Failure or OSError."""
    if path is None:
        if sys.stdout.isatty():
            raise Failure("an archive is not written to a terminal; use --output or redirect")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    unfinished = f"{path}.unfinished"
    try:
        with open(unfinished, "wb") as file:
            yield file
        os.rename(unfinished, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
