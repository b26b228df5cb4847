"""Messages to the service manager arrive, in order, and never hold up the event loop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import trio

from supervisor.systemd.notify import Notifier
from tests.supervisor.systemd.manager import FakeManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[FakeManager]:
    """Give a manager that listens."""
    made = FakeManager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


def test_without_a_manager_nobody_is_told() -> None:
    """No variable, or an address of another kind, and there is nothing to be told."""
    assert Notifier.from_environment({}) is None
    assert Notifier.from_environment({"NOTIFY_SOCKET": "vsock:2:1"}) is None


@pytest.mark.parametrize(
    ("extra", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_the_one_meant_for_this_process(
    extra: dict[str, str], watchdog: float | None
) -> None:
    """The interval counts only if it is one and no other process's; no child inherits any of it."""
    environ = {"NOTIFY_SOCKET": "/run/notify", "HOME": "/", **extra}
    notifier = Notifier.from_environment(environ)
    assert notifier is not None
    assert notifier.watchdog == watchdog
    assert environ == {"HOME": "/"}


async def test_variables_of_a_message_arrive_together(manager: FakeManager) -> None:
    """One datagram for all of them."""
    notifier = Notifier(manager.address)
    await notifier.tell({"READY": 1, "STATUS": "2 running"})
    assert manager.message() == {"READY": "1", "STATUS": "2 running"}
    notifier.close()


async def test_an_abstract_address_works() -> None:
    """As in containers that systemd runs in."""
    manager = FakeManager(f"@pocker-test-{os.getpid()}")
    notifier = Notifier(manager.address)
    await notifier.tell({"READY": 1})
    assert manager.message() == {"READY": "1"}
    notifier.close()
    manager.close()


async def test_a_busy_manager_is_waited_for_and_nothing_else_is(
    manager: FakeManager, autojump_clock: trio.testing.MockClock
) -> None:
    """With its queue full the task waits, others run, and all messages come in their order."""
    notifier = Notifier(manager.address)
    count = 200
    seen: list[str] = []

    async def tell() -> None:
        for number in range(count):
            await notifier.tell({"STATUS": number})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell)
        await trio.sleep(1)  # by the test's own clock: until everybody waits
        first = manager.waiting()
        assert 0 < len(first) < count
        seen += [message["STATUS"] for message in first]
        while len(seen) < count:
            await trio.lowlevel.wait_readable(manager.socket)
            seen += [message["STATUS"] for message in manager.waiting()]
    assert seen == [str(number) for number in range(count)]
    notifier.close()


async def test_a_busy_manager_may_miss_what_cannot_wait(manager: FakeManager) -> None:
    """At the very end nobody waits any more."""
    notifier = Notifier(manager.address)
    for number in range(1000):
        notifier.tell_at_once({"STATUS": number})
    assert 0 < len(manager.waiting()) < 1000
    notifier.close()


async def test_a_manager_that_comes_back_is_told_again(tmp_path: Path) -> None:
    """While it is away messages are lost, which is said once; a new socket is found by itself."""
    manager = FakeManager(str(tmp_path / "notify"))
    notifier = Notifier(manager.address)
    await notifier.tell({"READY": 1})
    manager.close()
    with structlog.testing.capture_logs() as lines:
        await notifier.tell({"STATUS": "lost"})
        await notifier.tell({"STATUS": "lost, too"})
    assert [line["event"] for line in lines] == ["service manager not told"]
    manager = FakeManager(manager.address)
    await notifier.tell({"STATUS": "back"})
    assert manager.message() == {"STATUS": "back"}
    notifier.close()
    manager.close()
