"""Output that nobody reads any more, and output that cannot be written."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.cli.pocker import PATIENCE, Pocker

pytestmark = pytest.mark.root

SAYS_ON = "while echo y; do sleep 0.01; done"
WITH_ONE_THAT_RUNS = [["exec", "one", "sh", "-c", SAYS_ON], ["attach", "one"]]
COMMANDS = [["run", "host", "sh", "-c", SAYS_ON], *WITH_ONE_THAT_RUNS]


@pytest.fixture(params=COMMANDS, ids=lambda words: str(words[0]))
def words(request: pytest.FixtureRequest, pocker: Pocker) -> list[str]:
    """Give the words of a command that goes on to write until it is ended."""
    if request.param in WITH_ONE_THAT_RUNS:
        pocker.stdout("run", "-d", "--name", "one", "host", "sh", "-c", SAYS_ON)
    return [*request.param]


def test_who_stops_reading_ends_it(pocker: Pocker, words: list[str]) -> None:
    """Like any other program in a pipe, without a word."""
    process = pocker.start(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == ""


def test_what_cannot_be_written_is_told(pocker: Pocker, words: list[str]) -> None:
    """It is no broken pipe, and goes unseen by nobody."""
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            pocker.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("pocker: ")
    assert ended.stderr.endswith("no space left on device\n")
    assert len(ended.stderr.splitlines()) == 1


def test_the_code_is_told_where_no_word_can_be(pocker: Pocker) -> None:
    """Standard error may be what cannot be written."""
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            pocker.command("run", "/absent", "true"),
            stderr=full,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 125
