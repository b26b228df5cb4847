"""Row 11: identity is exact."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import SpecError, StartError
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root


async def identity(stage: Stage, user: str, *groups: str) -> tuple[list[str], list[str], list[str]]:
    """All ids of a command, as the kernel has them: user, group, other groups."""
    ended = await stage.run("cat", "/proc/self/status", user=user, groups=groups)
    status = {line.partition(":")[0]: line.partition(":")[2].split() for line in ended.lines}
    return status["Uid"], status["Gid"], status["Groups"]


@pytest.mark.parametrize("number", ["0", "1", "2147483647", "2147483648", "4294967294"])
async def test_every_id_is_taken_as_it_is(stage: Stage, number: str) -> None:
    """As user, as group and as other group; also what a signed number would not hold."""
    uid, gid, groups = await identity(stage, f"{number}:{number}", number)
    assert uid == gid == [number] * 4
    assert groups == [number]


@pytest.mark.parametrize("text", ["-1", "0x0", "4294967295", "4294967296", "1e3", " 0", "", "0 "])
async def test_what_is_no_id_is_refused(stage: Stage, text: str) -> None:
    """In every place, with the field named; it becomes neither root nor anybody else."""
    for changes, field in (
        ({"user": text}, "user"),
        ({"user": f"0:{text}"}, "user"),
        ({"groups": (text,)}, "group_add[0]"),
    ):
        with pytest.raises(SpecError) as error:
            await stage.run("true", **changes)
        assert error.value.field == field


async def test_a_user_called_1000_is_not_the_user_1000(
    stage: Stage, image: Path, base: Path
) -> None:
    """A hostile image cannot make a number mean somebody else."""
    for name, line in (("passwd", "1000:x:0:0:root:/root:/bin/sh\n"), ("group", "50:x:0:\n")):
        (image / "etc" / name).write_text(line + (base / "etc" / name).read_text())
    uid, gid, groups = await identity(stage, "1000")
    assert (uid, gid, groups) == (["1000"] * 4, ["1000"] * 4, ["50"])
    assert (await identity(stage, "1000:50"))[1] == ["50"] * 4


async def test_groups_are_exact(stage: Stage) -> None:
    """None of the supervisor's, for root either: they are always set, also to none."""
    before = os.getgroups()
    os.setgroups([1, 2, 3])
    try:
        assert (await identity(stage, "0"))[2] == []
        assert (await identity(stage, "4711"))[2] == []
        assert (await identity(stage, "user"))[2] == ["50"]
        assert (await identity(stage, "user:user", "7"))[2] == ["7"]
    finally:
        os.setgroups(before)


async def test_many_groups_are_refused_and_not_cut(stage: Stage, image: Path) -> None:
    """A user in more groups than there is room for does not run with some of them."""
    lines = "".join(f"g{number}:x:{number}:user\n" for number in range(2000, 2300))
    (image / "etc/group").write_text(lines)
    with pytest.raises(StartError, match="300 supplementary groups: argument list too long"):
        await stage.run("true", user="user")
