"""`pocker restart`: stops containers and starts them again."""

from __future__ import annotations

from collections.abc import Sequence

import click

from supervisor.cli import candidates
from supervisor.cli.finding import find_kept, has_ended
from supervisor.cli.settings import Settings
from supervisor.cli.standby import require_served
from supervisor.cli.turns import in_turn


@click.command
@click.option("-t", "--timeout", "--time", "grace", type=click.FloatRange(min=0), metavar="SECONDS")
@click.argument(
    "names", nargs=-1, required=True, metavar="CONTAINER...", shell_complete=candidates.kept
)
@click.pass_obj
def command(settings: Settings, names: Sequence[str], grace: float | None) -> None:
    """Stop CONTAINERs, killing what has not ended after SECONDS, and start them again."""
    in_turn(names, lambda word: _restart(settings, word, grace))


def _restart(settings: Settings, word: str, grace: float | None) -> None:
    # Only where there is something to start is the means to do so needed.
    from supervisor.cli.detach import start_again

    found, entry = find_kept(settings, word)
    if not has_ended(found):
        require_served(settings, lambda client: client.stop(found.job, grace))
    start_again(settings, entry)
