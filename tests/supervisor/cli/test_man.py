"""The manual: what `--help` says, in a form that man(1) shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from supervisor.cli.manpage import page_of
from supervisor.cli.program import SECTIONS
from tests.supervisor.cli.calling import call

COMMANDS = [name for section in SECTIONS.values() for name in section]


@click.command(name="odd")
@click.option(
    "exit_", "-x", "--ex\\it", metavar="'A'", help=".PP is no request; nor is `.SH x` or ~^."
)
def odd() -> None:
    r"""Say it. And more.

    'quoted' at the beginning,
    - and \fBbackslashes\fP.
    """


def test_nothing_in_a_help_is_taken_for_roff() -> None:
    """Dashes, quotes, backslashes and dots are shown as they are, names in bold."""
    assert (
        page_of(click.Context(odd, info_name="pocker odd"), "pocker 1-2")
        == r"""
.TH "POCKER\-ODD" 1 "" "pocker 1\-2" "User Commands"
.SH NAME
pocker\-odd \- Say it
.SH SYNOPSIS
.B pocker odd
[OPTIONS]
.SH DESCRIPTION
.PP
Say it. And more.
.PP
\(aqquoted\(aq at the beginning, \- and \efBbackslashes\efP.
.SH OPTIONS
.TP
.B \-x, \-\-ex\eit \(aqA\(aq
\&.PP is no request; nor is \fB.SH x\fR or \(ti\(ha.
.TP
.B \-\-help
Show this message and exit.
""".removeprefix("\n")
    )


def test_every_command_has_a_page(tmp_path: Path) -> None:
    """In a directory that is made for them, each with the options of the help."""
    called = call("man", str(tmp_path / "man1"))
    assert (called.code, called.stdout, called.stderr) == (0, "", "")
    made = {page.name for page in (tmp_path / "man1").iterdir()}
    assert made >= {"pocker.1", "pocker-image-ls.1", *(f"pocker-{name}.1" for name in COMMANDS)}
    page = (tmp_path / "man1/pocker-run.1").read_text().replace("\\-", "-")
    for option in re.findall(r"^ +-.*?(--[a-z-]+)", call("run", "--help").stdout, re.MULTILINE):
        assert option in page
    assert ".BR pocker-run (1)\n" in (tmp_path / "man1/pocker.1").read_text().replace("\\-", "-")


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_has_nothing_to_complain_of(tmp_path: Path) -> None:
    """All its warnings are on, and no page has one."""
    assert call("man", str(tmp_path)).code == 0
    pages = sorted(tmp_path.iterdir())
    shown = subprocess.run(
        ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", *pages],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    assert shown.stdout.count("User Commands") == len(pages)
