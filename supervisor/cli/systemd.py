"""`pocker systemd`: the jobs of a file as a service of systemd."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from runtime.container import Runtime
from runtime.errors import ContainerError
from supervisor.cli import candidates
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.jobs import read_jobs
from supervisor.cli.settings import Settings
from supervisor.systemd.install import differing, install, installed_file, uninstall
from supervisor.systemd.manager import Manager, ManagerError
from supervisor.systemd.units import JOBS, SERVICE, Installation, unit_files

_Command = TypeVar("_Command", bound=Callable[..., object])


def _user_option(command: _Command) -> _Command:
    return click.option(
        "--user", "is_user", is_flag=True, help="The service manager of the calling user."
    )(command)


@click.group
def command() -> None:
    """Run the jobs of a file as a service of systemd: from boot on, and watched by it."""


@command.command("install", short_help="Write the units of a service for a file, and enable it.")
@click.argument("file", shell_complete=candidates.files)
@_user_option
@click.option("--now", is_flag=True, help="Start it too; restart one that runs, jobs run on.")
@click.pass_obj
def install_command(settings: Settings, *, file: str, is_user: bool, now: bool) -> None:
    """Write the unit files of a service that runs the jobs of FILE, and enable it.

    Installing again replaces the unit files by those of this version.
    """
    path = read_jobs(os.path.abspath(file)).path
    manager = Manager(is_user=is_user)
    with _told():
        Runtime.require_rights()
        before = installed_file(manager)
        if before is not None and before != path:
            raise Failure(f"{SERVICE} runs {before}: `pocker systemd uninstall` comes first")
        if (now or is_user) and not manager.is_running:
            raise Failure("the service manager is not running")
        install(manager, unit_files(_installation(settings, manager, path)), now=now)
    click.echo(
        f"{SERVICE}: installed in {manager.unit_directory}, {'started' if now else 'enabled'}"
    )


@command.command("uninstall", short_help="Stop all jobs in order and remove the service.")
@_user_option
def uninstall_command(*, is_user: bool) -> None:
    """Stop all jobs in order and remove the service; logs and history are kept."""
    manager = Manager(is_user=is_user)
    with _told():
        if installed_file(manager) is None:
            raise Failure(f"{SERVICE} is not installed in {manager.unit_directory}")
        uninstall(manager)
    click.echo(f"{SERVICE}: removed from {manager.unit_directory}")


@command.command("status", short_help="Show how the service does.")
@_user_option
@click.pass_obj
def status_command(settings: Settings, *, is_user: bool) -> int:
    """Show how the service does; the exit code is 0 if it is active, else 3."""
    manager = Manager(is_user=is_user)
    with _told():
        file = installed_file(manager)
        if file is None:
            raise Failure(f"{SERVICE} is not installed in {manager.unit_directory}")
        old = differing(manager, unit_files(_installation(settings, manager, file)))
        if not manager.is_running:
            raise Failure("the service manager is not running")
        of_service = manager.properties(
            SERVICE, "ActiveState", "SubState", "MainPID", "StatusText", "UnitFileState", "Result"
        )
        of_jobs = manager.properties(JOBS, "ActiveState", "ControlGroup")
    click.echo(f"file:     {file}")
    click.echo(f"service:  {of_service['ActiveState']} ({of_service['SubState']})")
    click.echo(f"at boot:  {of_service['UnitFileState']}")
    if of_service["Result"] != "success":
        click.echo(f"result:   {of_service['Result']}")
    if of_service["MainPID"] != "0":
        click.echo(f"pid:      {of_service['MainPID']}")
    if of_service["StatusText"]:
        click.echo(f"jobs:     {of_service['StatusText']}")
    click.echo(f"cgroups:  {of_jobs['ControlGroup'] or of_jobs['ActiveState']}")
    if old:
        click.echo(f"outdated: {', '.join(old)}: `pocker systemd install {file}` writes them anew")
    return 0 if of_service["ActiveState"] in ("active", "reloading") else 3


def _installation(settings: Settings, manager: Manager, file: str) -> Installation:
    for path in (file, settings.directories.root, settings.directories.state):
        if not path.isprintable():
            raise Failure(f"{path!r}: no unit file can have such a path")
    return Installation(
        program=(sys.executable, "-m", "supervisor"),
        file=file,
        root=settings.directories.root,
        state=settings.directories.state,
        runtime_base=manager.runtime_base,
        is_user=manager.is_user,
        systemd=manager.version(),
    )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ContainerError as error:
        raise Failure(str(error), code=START_FAILED) from error
    except ManagerError as error:
        raise Failure(str(error)) from error
