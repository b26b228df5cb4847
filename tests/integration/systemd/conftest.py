"""`up` as a service manager starts it: with a socket to tell, and sockets passed on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import define, field

from runtime.directories import Directories
from tests.integration.cli.pocker import PATIENCE, Pocker
from tests.supervisor.systemd.manager import FakeManager

START = 'LISTEN_PID=$$ exec "$@"'
"""A passed socket is for the process with this pid; the shell becomes it."""


@define(kw_only=True)
class Manager:
    """Starts `up` on `pocker`'s directories, and is told how it does."""

    pocker: Pocker
    told: FakeManager
    processes: list[subprocess.Popen[bytes]] = field(factory=list)

    def start(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        stderr: int | None = None,
        control: socket.socket | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `up`; `control` is passed on as the only socket."""
        variables = {**os.environ, "NOTIFY_SOCKET": self.told.address, **(environ or {})}
        script = START
        if control is not None:
            variables |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "control"}
            script = f"exec 3<&0 </dev/null; {START}"
        command = self.pocker.command("up", *arguments)
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *command],
            env=variables,
            stdin=subprocess.DEVNULL if control is None else control.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr.fileno() if stderr is None else stderr,
        )
        self.processes.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end; returns its code."""
        return process.wait(PATIENCE)

    def close(self) -> None:
        """Leave no process and no socket."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.told.socket.close()


@pytest.fixture
def manager(leak_check: None, state: Directories, tmp_path: Path) -> Iterator[Manager]:
    """Give a manager whose supervisors have gone, and their jobs, when its test has ended."""
    pocker = Pocker(directories=state, top=tmp_path)
    made = Manager(pocker=pocker, told=FakeManager(str(tmp_path / "notify")))
    yield made
    made.close()
    pocker.close()
