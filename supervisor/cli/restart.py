"""`pocker restart`: stops containers and starts them again."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import containers, find_all, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served


@click.command
@click.option("-t", "--time", "grace", type=click.FloatRange(min=0), metavar="SECONDS")
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.kept
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], grace: float | None) -> None:
    """Stop CONTAINERs, killing what has not ended after SECONDS, and start them again."""
    for found in containers(find_all(settings, names)):
        _restart(settings, found.job, grace, ended=has_ended(found))
        click.echo(found.word)


def _restart(settings: Settings, job: str, grace: float | None, *, ended: bool) -> None:
    # Only where there is something to start is the means to do so needed.
    from supervisor.cli.detach import start_again

    if not ended:
        require_served(settings, lambda client: client.stop(job, grace))
    start_again(settings, job)
