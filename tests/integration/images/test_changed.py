"""What a container has changed, in Docker's letters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.images.lowers import overlay_xattr
from runtime.rootfs.changed import changes

pytestmark = pytest.mark.root


def test_changes_are_told_path_by_path(tmp_path: Path) -> None:
    """What is new, what was there, what is hidden by its name or by its directory."""
    upper, above, below = (tmp_path / name for name in ("upper", "above", "below"))
    for path in ("etc", "old/deep", "gone", "anew"):
        (below / path).mkdir(parents=True)
    for path in ("etc/passwd", "old/deep/f", "anew/kept", "anew/lost", "anew/hidden"):
        (below / path).touch()
    (above / "anew").mkdir(parents=True)
    os.mknod(above / "anew/hidden", 0o20000, 0)
    (above / "anew/also").touch()
    for path in ("etc", "anew", "new/deep"):
        (upper / path).mkdir(parents=True)
    for path in ("etc/passwd", "etc/shadow", "anew/kept", "anew/new", "new/deep/f", "old"):
        (upper / path).touch()
    os.setxattr(upper / "anew", overlay_xattr("opaque"), b"y")
    os.mknod(upper / "gone", 0o20000, 0)
    found = changes(str(upper), [str(above), str(below)])
    assert sorted(f"{change.path} {change.kind}" for change in found) == [
        "/anew C", "/anew/also D", "/anew/kept C", "/anew/lost D", "/anew/new A", "/etc C",
        "/etc/passwd C", "/etc/shadow A", "/gone D", "/new A", "/new/deep A", "/new/deep/f A",
        "/old C",
    ]  # fmt: skip
