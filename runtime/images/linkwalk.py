"""Where a path leads whose links are those of a tree, and never those of the host. Pure."""

from __future__ import annotations

from collections.abc import Callable

MAX_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""


class LinkLoopError(Exception):
    """A path leads through more links than anybody follows."""


def real_path(path: str, link_at: Callable[[str], str | None]) -> str:
    """Follow `path` from the tree's root, out of which nothing leads; the result has no links.

    `link_at` says where the link at such a result leads, or None for what is no link; what it
    raises comes out here. Raises LinkLoopError.
    """
    todo = path.split("/")[::-1]
    real: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del real[-1:]
            continue
        target = link_at("/".join((*real, part)))
        if target is None:
            real.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise LinkLoopError(f"{path[:200]!r}: too many links")
        if target.startswith("/"):
            real = []
        todo += target.split("/")[::-1]
    return "/".join(real)
