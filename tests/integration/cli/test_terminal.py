"""What a user sees on a terminal."""

from __future__ import annotations

import re
import signal

import pytest

from tests.integration.cli.pocker import Pocker
from tests.integration.cli.screen import COLOUR, screen

pytestmark = pytest.mark.root

JOBS = """\
[defaults]
image = "host"
[jobs.chatty]
command = "echo first; sleep 0.8; printf '\\\\033[31mred\\\\n'; sleep 1.2"
[jobs.broken]
command = "sleep 1.2; exit 3"
[jobs.next]
command = "true"
depends_on = ["chatty"]
"""


def test_a_live_table_and_then_the_summary(pocker: Pocker) -> None:
    """Each state is seen when it is there; in the end the table is gone and the summary stays."""
    command = pocker.command("up", pocker.file(JOBS))
    with screen(command, rows=24, columns=100, environment={}) as shown:
        shown.read_until("LAST LINE")
        shown.read_until("first")
        shown.read_until(r"\x1b[31mred")
        shown.read_until("Error: exit code 3")
        assert shown.finish() == 1
    assert re.search("chatty +running +1 +1s", shown.text)
    assert b"\x1b[31mred" not in shown.drawn
    assert b"\x1b[36mrunning" in shown.drawn
    assert b"\x1b[31mfailed" in shown.drawn
    summary = shown.text[shown.text.rindex("JOB ") :].splitlines()
    assert summary[0].split()[-1] == "DETAIL"
    assert [line.split()[:3] for line in summary[1:]] == [
        ["chatty", "succeeded", "Completed"],
        ["broken", "failed", "Error"],
        ["next", "succeeded", "Completed"],
    ]
    assert re.search(rb"\x1b\[2KJOB +STATE +REASON ", shown.drawn), "the table is not wiped off"
    assert "job started" not in shown.text


def test_no_color_is_honoured(pocker: Pocker) -> None:
    """The table is drawn all the same, without a single colour or weight."""
    command = pocker.command("up", pocker.file(JOBS))
    with screen(command, rows=24, columns=100, environment={"NO_COLOR": "1"}) as shown:
        shown.read_until("LAST LINE")
        assert shown.finish() == 1
    assert not COLOUR.search(shown.drawn)


def test_a_dumb_terminal_gets_lines(pocker: Pocker) -> None:
    """Where nothing can be drawn, the output comes as lines, made harmless, without escapes."""
    command = pocker.command("up", pocker.file(JOBS))
    with screen(command, rows=24, columns=100, environment={"TERM": "dumb"}) as shown:
        assert shown.finish() == 1
    assert "chatty | first\n" in shown.text
    assert "chatty | \\x1b[31mred\n" in shown.text
    assert b"\x1b" not in shown.drawn


def test_a_small_screen_shows_what_matters(pocker: Pocker) -> None:
    """No more rows than there is room for, no line longer than the screen is wide."""
    jobs = "".join(f"[jobs.job{number:02}]\n" for number in range(30))
    words = "so " * 60
    file = pocker.file(
        f'concurrency = 2\n[defaults]\nimage = "host"\ncommand = "echo {words}; sleep 100"\n{jobs}'
    )
    with screen(pocker.command("up", file), rows=10, columns=60, environment={}) as shown:
        shown.read_until("so so so")
        shown.read_until("28 queued, 2 running, 7 of 30 shown")
        frame = shown.text[shown.text.rindex("JOB ") :].splitlines()
        assert len(frame) == 9
        assert max(map(len, frame)) <= 60
        assert frame[-1].startswith("28 queued, 2 running")
        shown.process.send_signal(signal.SIGINT)
        assert shown.finish() == 130
    assert set(pocker.states().values()) == {"cancelled"}


def test_the_log_comes_above_the_table(pocker: Pocker) -> None:
    """A warning stays on the screen, whole, while the table goes on below it."""
    file = pocker.file(
        '[jobs.hungry]\nimage = "host"\ncommand = "sleep 0.5; tail /dev/zero"\nmemory = "16m"\n'
        'memory_swap = "16m"\nallow_failure = true\n[jobs.a]\nimage = "host"\n'
        'command = "sleep 1.2"'
    )
    with screen(pocker.command("up", file), rows=24, columns=200, environment={}) as shown:
        shown.read_until("job out of memory")
        shown.read_until("LAST LINE")
        assert shown.finish() == 0
    # The table is wiped off, and the line begins where it began.
    assert re.search(rb"\x1b\[2K(\x1b\[\d+m)*\d{4}-\d\d-\d\dT[^\n]*memory", shown.drawn)


def test_tables_are_coloured_on_a_terminal_only(pocker: Pocker) -> None:
    """And only where nobody has asked for none."""
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "printf \'\\\\033[1mx\'"')
    assert pocker.run("up", file).returncode == 0
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        command = pocker.command("ps", "-a")
        with screen(command, rows=24, columns=200, environment=environment) as shown:
            assert shown.finish() == 0
        assert (b"\x1b[32msucceeded" in shown.drawn) is coloured
        assert bool(COLOUR.search(shown.drawn)) is coloured


def test_logs_are_harmless_on_a_terminal(pocker: Pocker) -> None:
    """What a job wrote is shown there and does nothing."""
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "printf \'\\\\033[1mx\'"')
    assert pocker.run("up", file).returncode == 0
    with screen(pocker.command("logs", "a"), rows=24, columns=80, environment={}) as shown:
        assert shown.finish() == 0
    assert shown.drawn == b"\\x1b[1mx\r\n"
