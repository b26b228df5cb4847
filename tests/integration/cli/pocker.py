"""The program as its users run it: processes with directories of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field

from runtime.attendance import documents
from runtime.directories import Directories
from supervisor.detached import Roster
from supervisor.lock import holder
from tests.supervisor.cli.calling import call

PATIENCE = 60
"""Seconds after which a command hangs."""

_BACKGROUND = re.compile(r"^supervisor running, pid (\d+)$", re.MULTILINE)


@define(kw_only=True)
class Pocker:
    """Runs commands on `directories`; files are written below `top`."""

    directories: Directories
    top: Path
    started: list[subprocess.Popen[str]] = field(factory=list)
    background: list[int] = field(factory=list)
    """The pids of supervisors that were started in the background."""

    def file(self, text: str, name: str = "jobs.toml") -> str:
        """A jobs file with the `host` image for all its jobs."""
        path = self.top / name
        path.write_text(f'name = "test"\n{text}')
        return str(path)

    def command(self, *arguments: str) -> list[str]:
        """The words of a command."""
        return [
            sys.executable, "-m", "supervisor", "--root", self.directories.root,
            "--state", self.directories.state, *arguments,
        ]  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        ended = subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.background += map(int, _BACKGROUND.findall(ended.stdout))
        return ended

    def stdout(self, *arguments: str) -> str:
        """What a command writes that succeeds."""
        ended = self.run(*arguments)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    def ask(self, *arguments: str) -> str:
        """What a command answers that only reads; it runs in this process, which is faster."""
        directories = self.directories
        called = call("--root", directories.root, "--state", directories.state, *arguments)
        assert (called.code, called.stderr) == (0, "")
        return called.stdout

    def json(self, *arguments: str) -> list[Any]:
        """The documents that such a command prints, one a line."""
        return [json.loads(line) for line in self.ask(*arguments, "--format", "json").splitlines()]

    def json_of(self, *arguments: str) -> Any:
        """The document of a command that prints nothing else."""
        return json.loads(self.ask(*arguments))

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a command; its output is read by `read_until` and `finish`."""
        process = subprocess.Popen(
            self.command(*arguments),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def states(self) -> dict[str, str]:
        """The states of all jobs of the last session."""
        return {run["job"]: run["state"] for run in self.json("ps", "-a")}

    def close(self) -> None:
        """Leave nothing running, whatever a test has done."""
        self._remove_detached()
        containers = Path(self.directories.containers)
        left = containers.exists() and any(containers.iterdir())
        if left or holder(self.directories.state) is not None:
            self.run("down", "--now")
        for pid in self.background:
            # It may have logs to compress when it has given the directories free.
            wait_until(partial(has_gone, pid))
        for process in self.started:
            process.kill()
            process.communicate()
        # Whoever sees to what a killed `run` has left takes a moment.
        wait_until(lambda: not documents(self.directories.detached))

    def _remove_detached(self) -> None:
        own = self.directories.detached
        if entries := Roster.of(own).entries():
            self.run("rm", "-f", *entries)
        if (pid := holder(own.state)) is not None:
            self.background.append(pid)


def has_gone(pid: int) -> bool:
    """Whether a process has ended; its parent, PID 1, may take a second to reap it."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return (state, parent) == ("Z", "1")


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again, and leave the machine to others in between."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], *lines: str) -> list[str]:
    """Read a process's output until all of these lines have come; returns it all."""
    assert process.stdout is not None
    seen: list[str] = []
    while not {*lines} <= {*seen}:
        line = process.stdout.readline()
        assert line, f"ended after {seen}"
        seen.append(line.rstrip("\n"))
    return seen


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """The exit code, the rest of stdout as lines, and stderr."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.splitlines(), err
