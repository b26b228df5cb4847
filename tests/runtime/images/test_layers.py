"""Unpacked layers are on the disk before anybody can use them."""

from __future__ import annotations

import errno
import os

import pytest

from runtime.images.layers import written_meanwhile


def test_the_disk_is_at_work_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pieces come as they are, and what they are made of is not left for the end."""
    synced: list[str] = []
    monkeypatch.setattr("runtime.images.layers._EARLY", 4)
    monkeypatch.setattr("runtime.images.layers.sync_tree", synced.append)
    assert list(written_meanwhile(iter([b"ab", b"cd", b"e"]), "/layer")) == [b"ab", b"cd", b"e"]
    assert synced == ["/layer"]
    assert list(written_meanwhile(iter([b"abc"]), "/small")) == [b"abc"]
    assert synced == ["/layer"]


def test_a_disk_that_fails_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells it once only: what is synced at the end would know nothing of it."""

    def fail(_: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("runtime.images.layers._EARLY", 1)
    monkeypatch.setattr("runtime.images.layers.sync_tree", fail)
    with pytest.raises(OSError, match="Input/output error"):
        list(written_meanwhile(iter([b"a"]), "/layer"))
