"""`pocker rename`: gives a container another name."""

from __future__ import annotations

from functools import partial

import click

from runtime.errors import ContainerError
from supervisor.cli import candidates
from supervisor.cli.failure import Failure
from supervisor.cli.finding import find_kept
from supervisor.cli.settings import Settings
from supervisor.detached.attended import attended_names
from supervisor.detached.naming import check_name
from supervisor.detached.roster import Roster


@click.command
@click.argument("container", shell_complete=candidates.kept)
@click.argument("name")
@click.pass_obj
def command(settings: Settings, container: str, name: str) -> None:
    """Call CONTAINER by another NAME from now on; its id stays."""
    found, _ = find_kept(settings, container)
    try:
        check_name(name)
        own = settings.detached.directories
        Roster.of(own).rename(found.job, name, partial(attended_names, own))
    except KeyError:
        raise Failure(f"no such container: {container}") from None
    except (ContainerError, ValueError) as error:
        raise Failure(f"rename {container}: {error}") from error
