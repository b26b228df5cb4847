"""Half of a blob is gone on with, by one at a time, and none is believed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runtime.images.blobs import Blobs, BlobWriter
from runtime.images.halves import KEPT, resumed
from runtime.images.manifest import Descriptor
from tests.runtime.images.archives import digest_of

DATA = bytes(range(256)) * 4
BLOB = Descriptor(media_type="", digest=digest_of(DATA), size=len(DATA))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """Give an empty store's blobs."""
    made = Blobs(str(tmp_path), f"{tmp_path}/incoming")
    os.makedirs(made.directory)
    os.mkdir(made.incoming)
    return made


def begun(blobs: Blobs, data: bytes, blob: Descriptor = BLOB) -> int:
    """Let an attempt write this behind what is there; returns how much that was."""
    with resumed(blobs, blob) as writer:
        writer.take_over(blob.size)
        before = writer.size
        writer.write(data)
    return before


def interrupted(blobs: Blobs, data: bytes, error: BaseException) -> None:
    """Let an attempt write this behind what is there, and then fail."""
    with resumed(blobs, BLOB) as writer:
        writer.take_over(BLOB.size)
        writer.write(data)
        raise error


def test_an_attempt_goes_on_where_the_last_one_stopped(blobs: Blobs) -> None:
    """Whatever ended that; the blob is whole then, and nothing else is left."""
    assert begun(blobs, DATA[:100]) == 0
    with pytest.raises(KeyboardInterrupt):
        interrupted(blobs, DATA[100:200], KeyboardInterrupt())
    with resumed(blobs, BLOB) as writer:
        writer.take_over(BLOB.size)
        writer.write(DATA[writer.size :])
        blobs.keep(writer, BLOB)
    assert blobs.is_sound(BLOB)
    assert os.listdir(blobs.incoming) == []


def test_what_is_no_half_is_not_kept(blobs: Blobs) -> None:
    """Nothing, all of it, or what stands on a disk that has failed."""
    assert begun(blobs, b"") == 0
    assert begun(blobs, DATA) == 0
    with pytest.raises(OSError, match="full"):
        interrupted(blobs, DATA[:9], OSError(errno.ENOSPC, "full"))
    assert os.listdir(blobs.incoming) == []


def test_more_than_all_is_begun_anew(blobs: Blobs) -> None:
    """What is longer than the blob cannot be its beginning."""
    begun(blobs, DATA[:500])
    (name,) = os.listdir(blobs.incoming)
    with open(f"{blobs.incoming}/{name}", "ab") as file:
        file.write(DATA)
    assert begun(blobs, DATA[:7]) == 0
    assert begun(blobs, b"") == 7


def test_only_one_has_the_half(blobs: Blobs) -> None:
    """Another one at the same time begins anew, and both come to the same blob."""
    begun(blobs, DATA[:100])
    with resumed(blobs, BLOB) as first, resumed(blobs, BLOB) as second:
        for writer, size in ((first, 100), (second, 0)):
            writer.take_over(BLOB.size)
            assert writer.size == size
        finish(blobs, second)
        finish(blobs, first)
    assert blobs.is_sound(BLOB)
    assert os.listdir(blobs.incoming) == []


def finish(blobs: Blobs, writer: BlobWriter) -> None:
    """Write what is missing, and keep the blob."""
    writer.write(DATA[writer.size :])
    blobs.keep(writer, BLOB)


def test_the_newest_few_are_kept(blobs: Blobs) -> None:
    """Each attempt removes the oldest, but none that somebody is at."""
    with resumed(blobs, BLOB) as held:
        held.write(b"x")
        os.utime(held.path, (0, 0))
        for number in range(2 * KEPT):
            begun(blobs, b"x", Descriptor(media_type="", digest=f"sha256:{number:064}", size=9))
            os.utime(f"{blobs.incoming}/half-{number:064}", (number, number))
        assert os.path.exists(held.path)
        left = sorted(os.listdir(blobs.incoming))[:KEPT]
    assert left[0] == f"half-{KEPT:064}"
