"""The supervisor as a service of the guest's own systemd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

PATIENCE = 120.0
"""Seconds after which something does not happen any more; the guest's processors are emulated."""
SERVICE = "pocker.service"
UNITS = (SERVICE, "pocker.socket", "pocker-jobs.service")
BOOTED = "/etc/pocker-boot.toml"
"""The jobs file of the service that the guest had before its second boot."""
GROUPS = Path("/sys/fs/cgroup")

STAYS = "trap 'exit 0' TERM; while :; do sleep 0.5; done"
ONE = f"""\
name = "test"
[defaults]
image = "host"
[jobs.stays]
command = "{STAYS}"
"""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        # The guest's tests have another home than root's own manager.
        env={**os.environ, "HOME": "/root", "XDG_RUNTIME_DIR": "/run/user/0"},
    )


def output(*command: str | Path) -> str:
    """What a command writes that succeeds."""
    done = run(*command)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@frozen(kw_only=True)
class Service:
    """The installed service of a jobs file, of the machine's manager or of root's own."""

    file: Path
    is_user: bool = False

    @property
    def scope(self) -> tuple[str, ...]:
        """What says whose manager is meant."""
        return ("--user",) if self.is_user else ()

    def pocker(self, *arguments: str | Path) -> str:
        """What the program writes."""
        return output(sys.executable, "-m", "supervisor", *arguments)

    def install(self, text: str = ONE) -> None:
        """Write the jobs file and start the service; returns when it is ready."""
        self.file.write_text(text)
        self.pocker("systemd", "install", self.file, "--now", *self.scope)

    def systemctl(self, *arguments: str) -> str:
        """What systemctl writes."""
        return output("systemctl", *self.scope, *arguments)

    def show(self, name: str, unit: str = SERVICE) -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit).strip()

    def wait_for(self, name: str, value: str, unit: str = SERVICE) -> None:
        """Wait until a property has a value."""
        wait_until(lambda: self.show(name, unit) == value)

    def processes(self) -> Mapping[str, int]:
        """The first process of each running job."""
        runs = map(json.loads, self.pocker("ps", "--format", "json").splitlines())
        return {run["job"]: run["pid"] for run in runs if run["state"] == "running"}

    def states(self) -> Mapping[str, str]:
        """The states of all jobs of the last session."""
        runs = map(json.loads, self.pocker("ps", "-a", "--format", "json").splitlines())
        return {run["job"]: run["state"] for run in runs}

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """What the journal has of the service since it was installed for the first time."""
        run("journalctl", "--sync")
        lines = output("journalctl", "--unit", SERVICE, "--output=json", "--boot", *matches)
        return [json.loads(line) for line in lines.splitlines()]

    def close(self) -> None:
        """Remove it and all that it has kept, whatever a test has done to it."""
        run("systemctl", *self.scope, "kill", "--signal=CONT", SERVICE)
        run(sys.executable, "-m", "supervisor", "systemd", "uninstall", *self.scope)
        run("systemctl", *self.scope, "reset-failed", *UNITS)
        run(sys.executable, "-m", "supervisor", "down", "--now")
        run("systemctl", *self.scope, "stop", "pocker.slice")
        for directory in ("/run/pocker", "/var/lib/pocker"):
            shutil.rmtree(directory, ignore_errors=True)


def group_of(pid: int) -> str:
    """The control group of a process."""
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")
