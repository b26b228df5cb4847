"""The running service manager: the machine's or a user's, asked through systemctl."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

SYSTEM_UNITS = "/etc/systemd/system"


class ManagerError(Exception):
    """The service manager is not there, or refused what was asked."""


@frozen(kw_only=True)
class Manager:
    """The manager of the machine, or that of the calling user."""

    is_user: bool

    @property
    def unit_directory(self) -> Path:
        """Where an administrator, or the user, keeps unit files."""
        if not self.is_user:
            return Path(SYSTEM_UNITS)
        config = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '/')}/.config"
        return Path(config, "systemd/user")

    @property
    def runtime_base(self) -> str:
        """Where it makes runtime directories."""
        if not self.is_user:
            return "/run"
        return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"

    @property
    def is_running(self) -> bool:
        """Whether it can be asked; units can be written for a machine that is not yet booted."""
        place = f"{self.runtime_base}/systemd" if self.is_user else "/run/systemd/system"
        return os.path.isdir(place)

    def version(self) -> int:
        """Of systemd. Raises ManagerError."""
        words = self._systemctl("--version").split()
        if len(words) < 2 or not words[1].split(".")[0].split("~")[0].isdigit():
            raise ManagerError(f"systemctl --version: not understood: {' '.join(words[:4])}")
        return int(words[1].split(".")[0].split("~")[0])

    def call(self, *arguments: str) -> None:
        """Let systemctl do something. Raises ManagerError."""
        self._systemctl(*arguments)

    def properties(self, unit: str, *names: str) -> Mapping[str, str]:
        """What systemctl shows of a unit, loaded or not. Raises ManagerError."""
        shown = self._systemctl("show", f"--property={','.join(names)}", "--", unit)
        pairs = (line.partition("=") for line in shown.splitlines())
        return {name: value for name, _, value in pairs}

    def _systemctl(self, *arguments: str) -> str:
        program = shutil.which("systemctl")
        if program is None:
            raise ManagerError("systemctl is not there: this machine has no systemd")
        scope = ["--user"] if self.is_user else []
        done = subprocess.run(
            [program, *scope, *arguments],
            capture_output=True,
            check=False,
            # Root's shell may have none, and a user's manager is found by it alone.
            env={"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}", **os.environ},
            stdin=subprocess.DEVNULL,
            text=True,
        )
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise ManagerError(f"{' '.join(['systemctl', *scope, *arguments])}: {said}")
        return done.stdout
