"""The four lines of "write your own Docker", as they stand there, with an image from a tar file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.cli.pocker import Pocker, wait_until
from tests.integration.cli.screen import Screen, screen

pytestmark = [pytest.mark.root, pytest.mark.controller("memory", "cpu")]


@contextmanager
def typed(pocker: Pocker, line: str) -> Iterator[Screen]:
    """The program on a terminal, from a line of the tutorial without its first word."""
    with screen(pocker.command(*line.split()), rows=24, columns=80, environment={}) as shown:
        yield shown


def test_the_tutorials_lines(pocker: Pocker, root_archive: str) -> None:
    """A shell with a file system, a host name and processes of its own; limits; a volume."""
    pocker.stdout("import", root_archive, "busybox")
    marker = Path(pocker.top, "marker")

    with typed(pocker, "run -it busybox sh") as shell:
        shell.type("touch /made; ls -d /ma*; echo I am $$\n")
        shell.read_until("\n/made")
        shell.read_until("\nI am 1")
        shell.type("exit 3\n")
        assert shell.finish() == 3

    line = "run -itd -m 10m --memory-swap 10m busybox sh"
    identifier = pocker.stdout(*line.split()).strip()
    (row,) = pocker.json("ps")
    assert (row["id"], row["status"], row["command"]) == (identifier, "running", "sh")
    # It has a terminal that nobody is attached to, a limit, and no file of the first one.
    looked = pocker.run("exec", identifier, "ls", "/made", "/dev/console")
    assert (looked.returncode, looked.stdout) == (1, "/dev/console\n")

    line = "run -idt --memory 50m --cpus 0.5 --memory-swap 1024m busybox ps ef"
    other = pocker.stdout(*line.split()).strip()
    wait_until(lambda: "PID" in pocker.ask("logs", other))
    assert pocker.stdout("wait", other) == "0\n"

    with typed(pocker, "run -it -v /:/hostdir/root busybox sh") as shell:
        shell.type(f"echo written >/hostdir/root{marker}; exit\n")
        assert shell.finish() == 0
    assert marker.read_text() == "written\n"
    assert pocker.stdout("stop", identifier, "-t", "0") == f"{identifier}\n"
