"""`pocker systemd`: the jobs of a file, or the containers of `run -d`, as a service of systemd."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

import click

from runtime.container import Runtime
from runtime.errors import ContainerError
from supervisor.cli import candidates
from supervisor.cli.control import SupervisorProcess
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.jobs import read_jobs
from supervisor.cli.settings import Settings
from supervisor.lock import holder
from supervisor.systemd.install import differing, install, installed_file, is_installed, uninstall
from supervisor.systemd.manager import Manager, ManagerError
from supervisor.systemd.units import CONTAINERS, JOBS, SERVICE, Installation, unit_files

_Command = TypeVar("_Command", bound=Callable[..., object])


def _user_option(command: _Command) -> _Command:
    return click.option(
        "--user", "is_user", is_flag=True, help="The service manager of the calling user."
    )(command)


def _containers_option(command: _Command) -> _Command:
    return click.option(
        "--containers", "of_containers", is_flag=True, help="The service of `run -d`'s containers."
    )(command)


@click.group
def command() -> None:
    """Run jobs or containers as a service of systemd: from boot on, and watched by it."""


@command.command("install", short_help="Write the units of a service, and enable it.")
@click.argument("file", required=False, shell_complete=candidates.files)
@_containers_option
@_user_option
@click.option("--now", is_flag=True, help="Start it too; restart one that runs, jobs run on.")
@click.pass_obj
def install_command(
    settings: Settings, *, file: str | None, of_containers: bool, is_user: bool, now: bool
) -> None:
    """Write the unit files of a service that runs the jobs of FILE, and enable it.

    With --containers it is one that looks after the containers of `run -d`: those with the restart
    policy always or unless-stopped are back after a boot. Installing again replaces the unit files
    by those of this version.
    """
    if (file is None) != of_containers:
        raise click.UsageError("it takes either FILE or --containers")
    path = None if file is None else read_jobs(os.path.abspath(file)).path
    service = SERVICE if path else CONTAINERS
    manager = Manager(is_user=is_user)
    with _told():
        Runtime.require_rights()
        before = installed_file(manager) if is_installed(manager, service) else path
        if path is not None and before != path:
            raise Failure(f"{SERVICE} runs {before}: `pocker systemd uninstall` comes first")
        if (now or is_user) and not manager.is_running:
            raise Failure("the service manager is not running")
        if now and of_containers:
            _let_go(settings)
        install(manager, unit_files(_installation(settings, manager, path)), now=now)
    click.echo(
        f"{service}: installed in {manager.unit_directory}, {'started' if now else 'enabled'}"
    )


def _let_go(settings: Settings) -> None:
    """End the supervisor of the containers alone, wherever it was started from: they run on."""
    if holder(settings.detached.directories.state) is not None:
        with closing(SupervisorProcess(settings.detached)) as former:
            os.kill(former.pid, signal.SIGQUIT)
            former.wait(None)


@command.command("uninstall", short_help="Stop all jobs in order and remove the service.")
@_containers_option
@_user_option
def uninstall_command(*, of_containers: bool, is_user: bool) -> None:
    """Stop all jobs in order and remove the service; logs and history are kept.

    With --containers it is all containers; they are kept.
    """
    manager = Manager(is_user=is_user)
    service = CONTAINERS if of_containers else SERVICE
    with _told():
        _require(manager, service)
        uninstall(manager, service)
    click.echo(f"{service}: removed from {manager.unit_directory}")


def _require(manager: Manager, service: str) -> None:
    if not is_installed(manager, service):
        raise Failure(f"{service} is not installed in {manager.unit_directory}")


@command.command("status", short_help="Show how the service does.")
@_containers_option
@_user_option
@click.pass_obj
def status_command(settings: Settings, *, of_containers: bool, is_user: bool) -> int:
    """Show how the service does; the exit code is 0 if it is active, else 3."""
    manager = Manager(is_user=is_user)
    service = CONTAINERS if of_containers else SERVICE
    with _told():
        _require(manager, service)
        file = None if of_containers else installed_file(manager)
        old = differing(manager, unit_files(_installation(settings, manager, file)))
        if not manager.is_running:
            raise Failure("the service manager is not running")
        of_service = manager.properties(
            service, "ActiveState", "SubState", "MainPID", "StatusText", "UnitFileState", "Result"
        )
        of_jobs = manager.properties(JOBS, "ActiveState", "ControlGroup")
    if file is not None:
        click.echo(f"file:     {file}")
    click.echo(f"service:  {of_service['ActiveState']} ({of_service['SubState']})")
    click.echo(f"at boot:  {of_service['UnitFileState']}")
    if of_service["Result"] != "success":
        click.echo(f"result:   {of_service['Result']}")
    if of_service["MainPID"] != "0":
        click.echo(f"pid:      {of_service['MainPID']}")
    if of_service["StatusText"]:
        click.echo(f"jobs:     {of_service['StatusText']}")
    if file is not None:
        click.echo(f"cgroups:  {of_jobs['ControlGroup'] or of_jobs['ActiveState']}")
    if old:
        again = f"pocker systemd install {file or '--containers'}"
        click.echo(f"outdated: {', '.join(old)}: `{again}` writes them anew")
    return 0 if of_service["ActiveState"] in ("active", "reloading") else 3


def _installation(settings: Settings, manager: Manager, file: str | None) -> Installation:
    for path in (file or "", settings.directories.root, settings.directories.state):
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
