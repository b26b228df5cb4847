"""`pocker update`: other limits and restart policies for containers, also while they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from supervisor.cli import candidates, run
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, find, has_ended, require_supervised
from supervisor.cli.settings import Settings
from supervisor.cli.turns import in_turn


@click.pass_obj
def _update(settings: Settings, /, **options: Any) -> None:
    from supervisor.cli.machine import check_cpus
    from supervisor.runorder import read_order

    changes = run.changeable_table(options)
    if not changes:
        raise Failure("nothing to change: give one or more options")
    with run.refusals():
        # Before any container is looked for: none makes a wrong value a right one.
        check_cpus(read_order(changes, "/", {}).limits)
    in_turn(options["names"], lambda name: _change_or_fail(settings, name, changes))


def _change_or_fail(settings: Settings, name: str, changes: Mapping[str, Any]) -> None:
    from runtime.errors import ContainerError
    from supervisor.runorder import OrderError

    found = find(settings, name)
    require_supervised(found)
    try:
        _change(settings, found, changes)
    except (Failure, ContainerError, OrderError) as error:
        raise Failure(f"cannot update container {name}: {error}") from error


def _change(settings: Settings, found: Found, changes: Mapping[str, Any]) -> None:
    """The container that runs comes first: what it cannot have is not written down either."""
    from supervisor.cli.removal import ask_or_fail
    from supervisor.cli.standby import is_served, require_served
    from supervisor.detached.roster import Roster
    from supervisor.kinds import keys_of
    from supervisor.resources import Resources
    from supervisor.runorder import check_lasting

    if found.entry is None:
        raise Failure("it is a job of `up`: change its file, and let `pocker reload` read it again")
    table = {**found.entry.job, **changes}
    check_lasting(table)
    if found.entry.remove and table.get("restart", "no") != "no":
        raise Failure("conflicting options: --restart, and --rm when it was made")
    limits = {key: table[key] for key in keys_of(Resources) if key in table}
    if not limits.keys().isdisjoint(changes) and not has_ended(found):
        require_served(settings, lambda client: client.limit(found.job, limits))
    Roster.of(settings.detached.directories).revise(found.job, changes)
    if is_served(settings):
        ask_or_fail(settings, lambda client: client.reload())


command = click.Command(
    name="update",
    params=[
        *(parameter for parameter in run.command.params if parameter.name in run.CHANGEABLE),
        click.Argument(
            ["names"],
            nargs=-1,
            required=True,
            metavar="CONTAINER...",
            shell_complete=candidates.kept,
        ),
    ],
    callback=_update,
    help="""Give CONTAINERs of `run -d` and `create` other limits, or another restart policy.

    What runs has them at once, and so has each later start. Where one cannot be had, all stay.""",
)
