"""`pocker top`: what `ps` tells of a container's processes, and of no others."""

from __future__ import annotations

import pytest

from tests.integration.cli.pocker import Pocker

pytestmark = pytest.mark.root


def test_options_are_those_of_ps(pocker: Pocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's columns where nothing is said; the pids are the host's."""
    monkeypatch.setenv("COLUMNS", "20")
    pocker.stdout("run", "-d", "--name", "c", "host", "sh", "-c", "sleep 1000 & exec sleep 1001")
    first = pocker.json("ps")[0]["pid"]
    header, *lines = pocker.ask("top", "c").splitlines()
    assert header.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    (init,) = (line.split() for line in lines if str(first) in line.split()[:2])
    assert init[1:3] == [str(first), str(_parent(first))]
    commands = {" ".join(line.split()[7:]) for line in lines}
    assert commands == {" ".join(init[7:]), "sleep 1000", "sleep 1001"}
    header, *lines = pocker.ask("top", "c", "-o", "pid,comm").splitlines()
    assert header.split() == ["PID", "COMMAND"]
    assert sorted(line.split()[1] for line in lines) == ["init", "sleep", "sleep"]
    for words in (["aux"], ["-e"], ["-f"], ["-ef"], ["-eLf"]):
        header, *lines = pocker.ask("top", "c", *words).splitlines()
        column = header.split().index("PID")
        assert {line.split()[column] for line in lines} >= {str(first)}
        assert len(lines) == 3


def test_what_ps_does_not_do(pocker: Pocker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with what it says itself."""
    pocker.stdout("run", "-d", "--name", "c", "host", "sleep", "1000")
    refused = pocker.run("top", "c", "-o", "pid,nope")
    assert refused.returncode == 1
    assert refused.stderr == 'pocker: ps: unknown user-defined format specifier "nope"\n'
    assert pocker.run("top", "c", "-o", "comm").stderr == (
        "pocker: ps: there is no column PID in what it shows\n"
    )
    monkeypatch.setenv("PATH", "/nowhere")
    assert pocker.run("top", "c").stderr == (
        "pocker: top needs the program ps, which is not here: install procps\n"
    )


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])
