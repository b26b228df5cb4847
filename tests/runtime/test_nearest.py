"""What was meant by a name that nobody knows."""

from __future__ import annotations

import time

import pytest

from runtime.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [("memroy", "memory"), ("cpu", "cpus"), ("MEMORY", None), ("xyzzy", None), ("", None)],
)
def test_the_nearest_name(name: str, meant: str | None) -> None:
    """The most like one of those that are known, or none where none is like it."""
    assert nearest(name, ["memory", "memory_swap", "cpus"]) == meant


def test_the_words_for_it() -> None:
    """A suggestion stands behind what was wrong; where there is none, nothing does."""
    assert did_you_mean("memroy", ["memory"]) == '; did you mean "memory"?'
    assert did_you_mean("memroy", []) == ""


def test_a_name_of_a_megabyte_takes_no_time() -> None:
    """Only as much is compared as a name can be long."""
    begun = time.process_time()
    assert nearest("a" * 2**20, ["a" * 100, "b"]) is not None
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("busybxo:latest", "busybox:latest", "busybox:latest"),
        ("nope:latest", "busybox:latest", None),
        ("host:5000/team/nope:latest", "host:5000/team/app:one", None),
        ("host:5000/team/ap:one", "host:5000/team/app:one", "host:5000/team/app:one"),
        ("host:5000/team/app:on", "host:5000/team/app:one", "host:5000/team/app:one"),
        ("nope", "", None),
    ],
)
def test_what_images_share_does_not_make_them_alike(
    name: str, known: str, near: str | None
) -> None:
    """Neither the registry and the directories that both begin with, nor the tag."""
    assert nearest(name, [known]) == near
