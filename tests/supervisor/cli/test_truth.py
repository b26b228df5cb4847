"""Flags with a value, as people who know Docker write them."""

from __future__ import annotations

import click
import pytest

from supervisor.cli.misuse import told
from supervisor.cli.truth import plain_flags

OPTIONS = [
    click.Option(["-i", "--interactive"], is_flag=True),
    click.Option(["-t", "--tty"], is_flag=True),
    click.Option(["-e", "--env"], multiple=True),
    click.Option(["--pause/--no-pause"], default=True),
]
COMMAND = click.Command("c", params=[*OPTIONS, click.Argument(["rest"], nargs=-1)])
STRICT = click.Command(
    "s", params=COMMAND.params, context_settings={"allow_interspersed_args": False}
)


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("--tty=true a", "--tty a"),
        ("-t=1 --interactive=T a", "--tty --interactive a"),
        ("--tty=false a", "a"),
        ("-it --tty=false a", "-i a"),
        ("-it=0 a", "-i a"),
        ("--tty=false --tty a", "--tty a"),
        ("--pause=false a", "--no-pause a"),
        ("--no-pause=False --no-pause=0 a", "--pause a"),
        ("-e --tty=false -t a", "-e --tty=false -t a"),
        ("-ite --tty=true a", "-i -t -e --tty=true a"),
        ("-e=A=b -eC=d --env=E --env F=g", "-e A=b -e C=d --env=E --env F=g"),
        ("a --tty=true -- --tty=true", "a --tty -- --tty=true"),
        ("- --tty=true", "- --tty"),
        ("-iz --nope=true -e", "-iz --nope=true -e"),
    ],
)
def test_such_a_flag_is_there_or_not(words: str, plain: str) -> None:
    """The last one counts; what is the value of another option, or none of ours, stays as it is."""
    assert plain_flags(COMMAND, words.split()) == plain.split()


def test_the_words_of_another_command_are_its_own() -> None:
    """Those behind an image, as with `run`."""
    words = ["-e", "A", "--tty=true", "image", "--tty=false", "-it=0"]
    assert plain_flags(STRICT, words) == ["-e", "A", "--tty", *words[3:]]


@pytest.mark.parametrize("word", ["--tty=yes", "-t=yes", "-it=yes"])
def test_any_other_value_is_refused(word: str) -> None:
    """In Docker's words."""
    with pytest.raises(click.BadOptionUsage) as refused:
        plain_flags(COMMAND, [word])
    wanted = 'invalid argument "yes" for "-t, --tty" flag: neither true nor false'
    assert told(refused.value) == wanted
