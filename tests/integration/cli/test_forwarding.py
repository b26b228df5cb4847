"""Signals to the supervisor reach the jobs that list them, and no others."""

from __future__ import annotations

import signal

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until

pytestmark = pytest.mark.root

HEARS = (
    "trap 'echo one' USR1; trap 'echo two' USR2; trap 'echo size' WINCH; trap 'exit 0' TERM;"
    " echo up; while :; do sleep 0.05; done"
)
TEXT = """
[defaults]
image = "host"
[jobs.both]
command = "{hears}"
forward_signals = {both}
[jobs.other]
command = "{hears}"
forward_signals = ["USR2", "WINCH"]
"""


def test_a_signal_reaches_who_lists_it(pocker: Pocker) -> None:
    """Each job hears what it lists; the order of the lines shows what was not heard."""
    text = TEXT.format(hears=HEARS, both='["USR1", "SIGUSR2"]')
    up = pocker.start("up", pocker.file(text))
    read_until(up, "both  | up", "other | up")
    up.send_signal(signal.SIGUSR1)
    read_until(up, "both  | one")
    up.send_signal(signal.SIGWINCH)
    read_until(up, "other | size")
    up.send_signal(signal.SIGUSR2)
    seen = read_until(up, "both  | two", "other | two")
    assert len(seen) == 2
    pocker.run("down")
    assert finish(up)[1] == []


def test_a_reload_changes_who_hears(pocker: Pocker) -> None:
    """No job is ended for it, and a signal that nobody lists any more ends nothing."""
    up = pocker.start("up", pocker.file(TEXT.format(hears=HEARS, both='["WINCH"]')))
    read_until(up, "both  | up", "other | up")
    pocker.file(TEXT.format(hears=HEARS, both='["USR1"]'))
    assert pocker.stdout("reload") == "both: changed\n"
    up.send_signal(signal.SIGUSR1)
    read_until(up, "both  | one")
    pocker.file(TEXT.format(hears=HEARS, both="[]"))
    assert pocker.stdout("reload") == "both: changed\n"
    up.send_signal(signal.SIGUSR1)
    up.send_signal(signal.SIGUSR2)
    assert read_until(up, "other | two") == ["other | two"]
    pocker.run("down")
    finish(up)
