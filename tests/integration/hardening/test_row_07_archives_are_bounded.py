"""Row 7: archives cannot exhaust the host."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard

from runtime.directories import Directories
from runtime.errors import ImageError
from runtime.images.collection import collect
from runtime.images.importing import import_archive
from runtime.images.store import ImageStore
from runtime.images.tarstream import UnpackLimits
from tests.runtime.images.archives import Member, archive, directory, pieces

pytestmark = pytest.mark.root

CAP = 4 << 20
LIMITS = UnpackLimits(
    bytes=CAP, ratio=100, ratio_from=1 << 20, entries=500, header=1 << 16, depth=9
)

_LARGE = archive(Member(name="z", content=bytes(2 * CAP)))
_MANY = archive(*(directory(f"d{number}") for number in range(501)))
ARCHIVES = {
    "plain": _LARGE,
    "gzip": gzip.compress(_LARGE),
    "zstd": zstandard.compress(_LARGE),
    "zstd, nothing but runs": zstandard.ZstdCompressor(level=19).compress(bytes(64 * CAP)),
    "holes": archive(
        Member(name="h", pax={"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 50)})
    ),
    "entries": _MANY,
    "depth": archive(directory("/".join("d" * 20))),
    "header": archive(Member(name="a", pax={"comment": "x" * (1 << 17)})),
    "long name": archive(Member(name="n" * (1 << 17))),
}


def disk(state: Directories) -> list[tuple[str, int]]:
    """Every file below the state directory with its size."""
    return sorted(
        (os.path.join(top, name), os.lstat(os.path.join(top, name)).st_blocks)
        for top, _, names in os.walk(state.state)
        for name in names
    )


@pytest.mark.parametrize("data", ARCHIVES.values(), ids=ARCHIVES)
def test_what_is_too_much_is_refused(data: bytes, state: Directories) -> None:
    """Within the cap, in bounded memory, and the disk is back where it was."""
    state.prepare()
    store = ImageStore(state.state, limits=LIMITS)
    collect(store, state)
    with store.changing():
        pass
    with store.adding():
        os.close(os.open(f"{store.layers.directory}/lock", os.O_CREAT | os.O_WRONLY, 0o600))
    before = disk(state)
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            import_archive(store, pieces(data, 1 << 16), created="2024-01-02T03:04:05Z")
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()
    collect(store, state)
    assert disk(state) == before


def test_an_endless_archive_ends(state: Directories) -> None:
    """One that never says how long it is, is cut off at the cap."""
    state.prepare()

    def endless() -> Iterator[bytes]:
        machine = zstandard.ZstdCompressor().compressobj()
        for _ in range(100):
            yield machine.compress(bytes(CAP)) + machine.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    with pytest.raises(ImageError):
        import_archive(
            ImageStore(state.state, limits=LIMITS), endless(), created="2024-01-02T03:04:05Z"
        )
