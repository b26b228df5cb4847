"""Waiting for changes of many files through one descriptor; ordinary files do for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from runtime.cgroups.directory import CgroupGone
from runtime.cgroups.notices import Notice, Notices


@pytest.fixture
def notices() -> Iterator[Notices]:
    """A descriptor of its own for each test."""
    made = Notices()
    yield made
    made.close()


def touched(path: Path) -> Path:
    """Change a file, or make it."""
    path.write_text("changed")
    return path


async def test_a_change_before_the_wait_is_not_missed(notices: Notices, tmp_path: Path) -> None:
    """What happens between watch() and wait() ends the wait."""
    notice = notices.watch(str(touched(tmp_path / "events")))
    touched(tmp_path / "events")
    with trio.fail_after(5):
        await notice.wait()


async def test_one_change_ends_one_wait(
    notices: Notices, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """A second wait needs a second change."""
    notice = notices.watch(str(touched(tmp_path / "events")))
    touched(tmp_path / "events")
    await notice.wait()
    with trio.move_on_after(1) as waited:
        await notice.wait()
    assert waited.cancelled_caught


async def test_only_those_concerned_wake(notices: Notices, tmp_path: Path) -> None:
    """Of many that wait, the one whose file changes returns and the others sleep on."""
    paths = [touched(tmp_path / f"events{number}") for number in range(5)]
    woken: list[int] = []

    async def wait(number: int, notice: Notice) -> None:
        await notice.wait()
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number, path in enumerate(paths):
            nursery.start_soon(wait, number, notices.watch(str(path)))
        for number in (3, 0, 4, 1, 2):
            await trio.testing.wait_all_tasks_blocked()
            touched(paths[number])
            with trio.fail_after(5):
                while number not in woken:
                    await trio.lowlevel.checkpoint()
    assert woken == [3, 0, 4, 1, 2]


async def test_a_cancelled_leader_hands_over(notices: Notices, tmp_path: Path) -> None:
    """When the task that reads the descriptor is cancelled, another one reads it."""
    first = notices.watch(str(touched(tmp_path / "first")))
    second = notices.watch(str(touched(tmp_path / "second")))
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            leader = trio.CancelScope()

            async def lead() -> None:
                with leader:
                    await first.wait()

            nursery.start_soon(lead)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(second.wait)
            await trio.testing.wait_all_tasks_blocked()
            leader.cancel()
            await trio.testing.wait_all_tasks_blocked()
            touched(tmp_path / "second")


@pytest.mark.parametrize("round_", range(16))
async def test_leader_and_heir_cancelled_together(
    notices: Notices, tmp_path: Path, round_: int
) -> None:
    """If whoever was chosen to lead is cancelled too, the next one leads; trio shuffles tasks."""
    all_three = [notices.watch(str(touched(tmp_path / name))) for name in "abc"]
    doomed = [trio.CancelScope(), trio.CancelScope()]

    async def wait_doomed(notice: Notice, scope: trio.CancelScope) -> None:
        with scope:
            await notice.wait()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_doomed, all_three[0], doomed[0])
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(wait_doomed, all_three[1], doomed[1])
            nursery.start_soon(all_three[2].wait)
            await trio.testing.wait_all_tasks_blocked()
            for scope in doomed:
                scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            touched(tmp_path / "c")


@pytest.mark.parametrize("leading", [True, False])
async def test_closing_wakes_who_waits(notices: Notices, tmp_path: Path, leading: bool) -> None:
    """A wait on a watch that is closed ends with an error, and the others go on."""
    other = notices.watch(str(touched(tmp_path / "other")))
    doomed = notices.watch(str(touched(tmp_path / "doomed")))

    async def wait_closed() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await doomed.wait()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for task in (wait_closed, other.wait) if leading else (other.wait, wait_closed):
                nursery.start_soon(task)
                await trio.testing.wait_all_tasks_blocked()
            doomed.close()
            await trio.testing.wait_all_tasks_blocked()
            touched(tmp_path / "other")
    with pytest.raises(trio.ClosedResourceError):
        await doomed.wait()


async def test_two_watches_of_one_file(notices: Notices, tmp_path: Path) -> None:
    """Both are told, and closing one leaves the other in place."""
    path = touched(tmp_path / "events")
    first, second = notices.watch(str(path)), notices.watch(str(path))
    touched(path)
    with trio.fail_after(5):
        await first.wait()
        await second.wait()
        first.close()
        touched(path)
        await second.wait()


async def test_removal_ends_one_wait(notices: Notices, tmp_path: Path) -> None:
    """A file that goes away counts as a change, once."""
    path = touched(tmp_path / "events")
    notice = notices.watch(str(path))
    path.unlink()
    with trio.fail_after(5):
        await notice.wait()
    notice.close()


async def test_an_absent_file_is_a_group_that_is_gone(notices: Notices, tmp_path: Path) -> None:
    """Watching what is not there says so."""
    with pytest.raises(CgroupGone, match="no such file or directory"):
        notices.watch(str(tmp_path / "absent"))
