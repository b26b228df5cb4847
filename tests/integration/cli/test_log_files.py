"""What `logs` shows of output that was rotated, compressed, merged, or sent elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, finish, wait_until
from tests.integration.cli.screen import screen
from tests.integration.cli.test_background import kill_supervisor

pytestmark = pytest.mark.root

COUNT = 12_000
ROTATED = 'image = "host"\nlog = { max_size = "64k", max_files = 100, compress = true }\n'
NUMBERS = f"""\
[jobs.numbers]
{ROTATED}command = "seq {COUNT}; seq {COUNT} {COUNT + 9} >&2; exit 1"
retries = 1
backoff = 0
"""


def log_files(pocker: Pocker) -> list[Path]:
    """All files in all log directories."""
    return [path for path in Path(pocker.directories.state, "logs").rglob("*") if path.is_file()]


def lines(*ranges: range) -> str:
    """Numbers, one a line."""
    return "".join(f"{number}\n" for numbers in ranges for number in numbers)


def test_compressed_logs_are_shown_as_plain_ones(pocker: Pocker) -> None:
    """Every option selects the same lines, wherever they are."""
    assert pocker.run("up", pocker.file(NUMBERS)).returncode == 1
    names = [path.name for path in log_files(pocker)]
    assert names.count("log") == 2
    assert {name[-4:] for name in names if name != "log"} == {".zst"}
    assert len(names) > 10
    out, err = lines(range(1, COUNT + 1)), lines(range(COUNT, COUNT + 10))
    assert pocker.ask("logs", "numbers", "--stream", "stdout") == out * 2
    assert pocker.ask("logs", "numbers", "--stream", "stderr") == err * 2
    assert pocker.ask("logs", "numbers", "--attempt", "2", "--stream", "stdout") == out
    assert pocker.ask("logs", "-f", "numbers", "--attempt", "1", "--stream", "stdout") == out
    last = pocker.ask("logs", "numbers", "--stream", "stdout", "--tail", str(COUNT + 2))
    assert last == lines(range(COUNT - 1, COUNT + 1)) + out
    assert pocker.ask("logs", "numbers", "-n", "3", "--stream", "stderr") == err[-3 * 6 :]
    # Of one stream: with both, a line that was read in two parts may be broken off by the other.
    options = ("logs", "numbers", "--stream", "stdout")
    timed = pocker.ask(*options, "-t").splitlines()
    assert len(timed) == 2 * COUNT
    moment = timed[len(timed) // 3].split()[0]
    since, until = (pocker.ask(*options, option, moment) for option in ("--since", "--until"))
    assert until + since == out * 2
    assert pocker.ask(*options, "-t", "--since", moment).startswith(moment)


def test_several_jobs_are_put_together_by_time(pocker: Pocker) -> None:
    """Each line behind the name of its job, in a colour of its own on a terminal."""
    command = f"for n in $(seq 20); do seq {COUNT // 20}; sleep 0.01; done"
    jobs = "".join(f'[jobs.{name}]\n{ROTATED}command = "{command}"\n' for name in ("one", "three"))
    assert pocker.run("up", pocker.file(jobs)).returncode == 0
    assert any(path.suffix == ".zst" for path in log_files(pocker))
    shown = pocker.ask("logs", "-t", "one", "three").splitlines()
    assert len(shown) == 2 * COUNT
    assert {line[:8] for line in shown} == {"one   | ", "three | "}
    times = [line.split()[2] for line in shown]
    assert times == sorted(times)
    assert len({line[:8] for line in shown[: len(shown) // 2]}) == 2
    command_line = pocker.command("logs", "-n", "1", "one", "three")
    with screen(command_line, rows=24, columns=80, environment={}) as drawn:
        assert drawn.finish() == 0
    assert b"\x1b[36mone   | \x1b[0m600\r\n" in drawn.drawn
    assert b"\x1b[35mthree | \x1b[0m600\r\n" in drawn.drawn


def test_output_is_followed_through_rotations_and_restarts(pocker: Pocker) -> None:
    """A reader who was there from the start gets every byte once."""
    chatter = (
        "n=0; while [ $n -lt 24000 ]; do n=$((n+1)); echo line $n; done; echo said;"
        " until rm /d/go 2>/dev/null; do sleep 0.02; done; "
    )
    (pocker.top / "data").mkdir()
    file = pocker.file(
        f'[jobs.a]\n{ROTATED}command = "{chatter * 3}printf end"\nvolumes = ["./data:/d"]'
    )
    pocker.stdout("up", "-d", file)
    reader = pocker.start("logs", "-f", "a")
    assert reader.stdout is not None
    shown: list[str] = []
    for part in range(3):
        while not shown or shown[-1] != "said\n":
            shown.append(reader.stdout.readline())
        if part < 2:
            (pocker.top / "data/go").touch()
            kill_supervisor(pocker)
            pocker.stdout("up", "-d", file)
        shown.append("")
    (pocker.top / "data/go").touch()
    code, rest, _ = finish(reader)
    expected = "".join(f"line {number}\n" for number in range(1, 24_001)) + "said\n"
    assert "".join(shown) == expected * 3
    assert (code, rest) == (0, ["end"])
    assert len([path for path in log_files(pocker) if path.suffix == ".zst"]) > 20
    wait_until(lambda: holder(pocker.directories.state) is None)


def test_merged_streams_are_in_exact_order(pocker: Pocker) -> None:
    """With one pipe for both, what was written first comes first."""
    command = "n=0; while [ $n -lt 3000 ]; do n=$((n+1)); echo out $n; echo err $n >&2; done"
    pocker.run(
        "up",
        pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{command}"\nlog = {{ merge = true }}'),
    )
    expected = "".join(f"out {number}\nerr {number}\n" for number in range(1, 3_001))
    assert pocker.ask("logs", "a") == expected
    assert pocker.ask("logs", "a", "--stream", "stdout") == expected
    assert pocker.ask("logs", "a", "--stream", "stderr") == ""


def test_merged_streams_are_in_order_within_a_line(pocker: Pocker) -> None:
    """Pieces of one line that are written by turns to both, too."""
    command = "for n in 1 2 3 4 5; do printf '%s' $n; printf '%s' - >&2; done; echo"
    pocker.run(
        "up",
        pocker.file(f'[jobs.a]\nimage = "host"\ncommand = "{command}"\nlog = {{ merge = true }}'),
    )
    assert pocker.ask("logs", "a") == "1-2-3-4-5-\n"


def test_logs_in_the_journal_are_pointed_to(pocker: Pocker) -> None:
    """The job runs with or without a journal; where its output is, is said."""
    file = pocker.file(
        '[defaults]\nimage = "host"\n[jobs.here]\ncommand = "echo here"\n'
        '[jobs.there]\ncommand = "echo there"\nlog = { driver = "journald" }'
    )
    assert pocker.run("up", file).returncode == 0
    (attempt,) = json.loads(pocker.ask("inspect", "there"))[0]["runs"][0]["attempts"]
    said = (
        "pocker: the output of there is in the systemd journal:"
        f" journalctl CONTAINER_ID={attempt['container']}\n"
    )
    for options in ([], ["-f"], ["-n", "1"]):
        ended = pocker.run("logs", *options, "there")
        assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)
        both = pocker.run("logs", *options, "here", "there")
        assert (both.returncode, both.stdout, both.stderr) == (1, "here  | here\n", said)
    assert sorted(path.name for path in log_files(pocker)) == ["journald", "log"]
