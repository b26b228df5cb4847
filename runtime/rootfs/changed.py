"""What a container has changed in its root, read from its writable layer, in Docker's letters."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import frozen

from runtime.images.lowers import find, is_opaque, is_whiteout, names
from runtime.images.packing import walk


@frozen
class Change:
    """One path: added, changed or deleted."""

    kind: Literal["A", "C", "D"]
    path: str


def changes(upper: str, lower: Sequence[str]) -> Iterator[Change]:
    """What lies in the layer `upper`, compared with those below it, topmost first. Raises OSError.

    Of what was deleted only the top is told; in a directory that was made anew, what it had before.
    """
    top = os.open(upper, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, node in walk(top):
            status = os.fstat(node)
            if is_whiteout(status):
                yield Change("D", f"/{path}")
                continue
            if path:
                yield Change("A" if find(lower, path) is None else "C", f"/{path}")
            if stat.S_ISDIR(status.st_mode) and is_opaque(node):
                # Under a name that is in both, the walk finds it.
                own = os.listdir(f"/proc/self/fd/{node}")
                for name in names(lower, path).difference(own):
                    yield Change("D", f"/{path}/{name}")
    finally:
        os.close(top)
