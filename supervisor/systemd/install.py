"""Puts the unit files in their place and takes them away again.

Each file is replaced by a rename, and what is enabled or started comes after all of them are there:
an installation that was interrupted is mended by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runtime.replacing import replace_file
from supervisor.systemd.manager import Manager, ManagerError
from supervisor.systemd.units import CONTAINERS, FILE_KEY, JOBS, MARK, SERVICE, SOCKET


def is_installed(manager: Manager, service: str) -> bool:
    """Whether there is such a service. Raises ManagerError where it is somebody else's."""
    return _own(manager.unit_directory / service) is not None


def installed_file(manager: Manager) -> str | None:
    """The jobs file of the installed service, or None where there is none.

    Raises ManagerError where the unit file is somebody else's.
    """
    text = _own(manager.unit_directory / SERVICE)
    if text is None:
        return None
    lines = [line for line in text.splitlines() if line.startswith(f"{FILE_KEY}=")]
    return lines[0].partition("=")[2].replace("%%", "%") if lines else ""


def differing(manager: Manager, units: Mapping[str, str]) -> list[str]:
    """Names of the units whose files are not as they would be written now."""
    return [name for name, text in units.items() if _read(manager.unit_directory / name) != text]


def install(manager: Manager, units: Mapping[str, str], *, now: bool) -> None:
    """Write the units and enable the first; `now` also starts it, or restarts one that runs.

    Raises ManagerError or OSError.
    """
    service = next(iter(units))
    directory = manager.unit_directory
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in units.items():
        replace_file(str(directory / name), text.encode(), mode=0o644, alone=True)
    if manager.is_running:
        manager.call("daemon-reload")
    manager.call("enable", service)
    if now:
        manager.call("restart", service)


def uninstall(manager: Manager, service: str) -> None:
    """Stop all in order, and remove the units of a service. Raises ManagerError or OSError."""
    if manager.is_running:
        manager.call("disable", "--now", service)
    else:
        manager.call("disable", service)
    for name in (CONTAINERS,) if service == CONTAINERS else (SERVICE, SOCKET, JOBS):
        with suppress(FileNotFoundError):
            os.unlink(manager.unit_directory / name)
    if not manager.is_running:
        return
    manager.call("daemon-reload")
    if service == CONTAINERS:
        return
    if manager.properties(JOBS, "ActiveState")["ActiveState"] != "inactive":
        # It has refused to be stopped by hand for as long as its file said so.
        manager.call("stop", JOBS)


def _own(path: Path) -> str | None:
    text = _read(path)
    if text is not None and not text.startswith(MARK):
        raise ManagerError(f"{path} was not written by `pocker systemd install`")
    return text


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
