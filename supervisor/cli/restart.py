"""`pocker restart`: stops containers and starts them again."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import Found, containers, find_all, has_ended
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
        _restart(settings, found, grace)
        click.echo(found.word)


def _restart(settings: Settings, found: Found, grace: float | None) -> None:
    # Only where there is something to start is the means to do so needed.
    from supervisor.cli.detach import start_again

    assert found.entry is not None, "containers() lets no other through"
    if not has_ended(found):
        require_served(settings, lambda client: client.stop(found.job, grace))
    start_again(settings, found.entry)
