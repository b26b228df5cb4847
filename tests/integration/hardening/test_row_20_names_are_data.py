"""Row 20: names are data."""

from __future__ import annotations

import os
import posixpath
import random
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.errors import ContainerError, SpecError
from runtime.spec import Tmpfs, Volume
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

PIECES = (
    *("/", "..", ".", "\n", "\0", " ", "\t", "-", "_", "a", "Z", "0", "é", "\u202e", "\x1b[31m"),
    *(
        "$(touch /tmp/x)",
        "`id`",
        ";",
        "|",
        "&",
        "*",
        "?",
        "~",
        "%s",
        "{}",
        "\\",
        "'",
        '"',
        "x" * 300,
    ),
    *("cgroup.procs", "containers", "a" * 63, "\udcff", ":", ",", "="),
)
NAMES = 10_000


def names() -> list[str]:
    """The same names every time."""
    dice = random.Random(20)
    return ["".join(dice.choices(PIECES, k=dice.randint(0, 5))) for _ in range(NAMES)]


def test_no_name_means_another_place(stage: Stage, tmp_path: Path) -> None:
    """Ten thousand of them: refused, or one plain component of a path."""
    directories = Directories(f"{tmp_path}/root", f"{tmp_path}/state")
    accepted = 0
    for name in names():
        try:
            stage.spec("true", id=name)
        except SpecError as error:
            assert error.field == "id"
            continue
        accepted += 1
        own = directories.container(name)
        for path in (own.runtime, own.state, own.document, own.stdout, own.layer.upper):
            assert posixpath.normpath(path) == path
            assert "\n" not in path
        assert posixpath.dirname(own.runtime) == directories.containers
        assert len(name) <= 128
    assert 100 < accepted < NAMES / 2


def test_a_refused_name_has_no_effect(stage: Stage, canary: Path) -> None:
    """Neither a directory nor a group is made for it, also by who asks for it directly."""
    cgroups = stage.runtime.cgroups
    places = ("/", stage.runtime.directories.root, stage.runtime.directories.containers)
    before = [sorted(os.listdir(place)) for place in places]
    for name in (f"../{canary.name}", "a/b", "a\n", "", "..", "\0", "x" * 129):
        with pytest.raises(SpecError):
            stage.spec("true", id=name)
        with pytest.raises(ContainerError):
            cgroups.open_existing(name)
    assert [sorted(os.listdir(place)) for place in places] == before


@pytest.mark.parametrize("suffix", ["x" * 110, ".", "..", "-", "_._-", ".json", "a..b"])
async def test_an_odd_name_that_is_allowed_works(stage: Stage, suffix: str) -> None:
    """As long as allowed, with dots and dashes: it is started, ended and gone."""
    name = stage.spec("true").id + suffix
    assert (await stage.run("true", id=name)).code == 0
    assert os.listdir(stage.runtime.directories.containers) == []


HOSTILE = "\n'\"$(touch /x)`touch /x`;touch /x|touch /x&\\ %s ../../x \x1b]0;x\x07 {} \u202e"


async def test_words_are_passed_on_as_they_are(stage: Stage) -> None:
    """Arguments and variables are never looked at by a shell, a format or a parser."""
    ended = await stage.run(
        "sh", "-c", 'printf "%s|" "$0" "$1" "$V"', HOSTILE, HOSTILE, environment={"V": HOSTILE}
    )
    assert ended.text == f"{HOSTILE}|" * 3


async def test_paths_are_names_of_files(stage: Stage, tmp_path: Path) -> None:
    """Of sources as of targets, whatever characters they have."""
    odd = "a b\n'\"$(touch x);,:=\\ %s\x1b\u202e"
    (tmp_path / odd).mkdir()
    (tmp_path / odd / "file").write_text("found")
    ended = await stage.run(
        *("cat", f"/mnt/{odd}/file"),
        volumes=(Volume(source=f"{tmp_path}/{odd}", target=f"/mnt/{odd}"),),
        tmpfs=(Tmpfs(target=f"/{odd}"),),
        working_dir=f"/work/{odd}",
    )
    assert ended.text == "found"
