"""Links of a tree are followed inside it."""

from __future__ import annotations

import pytest

from runtime.images.linkwalk import MAX_LINKS, LinkLoopError, real_path

LINKS = {"var/run": "/run", "up": "../../../etc", "a": "b/c", "b/c": "../d", "loop": "loop"}


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("", ""),
        ("/usr//bin/.", "usr/bin"),
        ("usr/../etc", "etc"),
        ("../../etc", "etc"),
        ("var/run/x", "run/x"),
        ("up/passwd", "etc/passwd"),
        ("a/e", "d/e"),
    ],
)
def test_a_path_is_followed_inside_the_tree(path: str, real: str) -> None:
    """Absolute links begin at the tree's root, and nothing leads above it."""
    assert real_path(path, LINKS.get) == real


def test_a_loop_is_an_error() -> None:
    """As many links as the kernel follows, and no more."""
    chain = {str(n): str(n + 1) for n in range(MAX_LINKS)}
    assert real_path("0", chain.get) == str(MAX_LINKS)
    with pytest.raises(LinkLoopError, match=r"^'loop': too many links$"):
        real_path("loop", LINKS.get)
