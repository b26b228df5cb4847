"""Whether a SIGHUP came from a terminal that has gone."""

from __future__ import annotations

import signal
import subprocess
import sys

LOOK = "from supervisor.hangup import Terminal; print(Terminal.look(), Terminal.look().has_gone())"


def test_without_a_terminal_none_can_go() -> None:
    """A supervisor in the background reads its file again at every SIGHUP."""
    ended = subprocess.run(
        ["setsid", "--wait", sys.executable, "-c", LOOK], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "Terminal(was_there=False, ignored=False) False\n"


def test_nohup_is_heard() -> None:
    """Who started it without caring for SIGHUP wants it to live on when the terminal goes."""
    ended = subprocess.run(
        ["setsid", "--wait", sys.executable, "-c", LOOK],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert ended.stdout == "Terminal(was_there=False, ignored=True) False\n"
