"""`pocker history`: what was run, newest first."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import click
from attrs import evolve, frozen

from supervisor.cli import candidates
from supervisor.cli.documents import elapsed, run_document
from supervisor.cli.finding import NoSuchContainer, entries_of, find, require_supervised
from supervisor.cli.format import Document, Format, format_option, print_json
from supervisor.cli.moments import UNKNOWN, local, span
from supervisor.cli.records import last_run, open_journal
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table, state_cell
from supervisor.cli.terminal import wants_colour
from supervisor.journal import RunRecord

HEADERS = ("RUN", "JOB", "STATE", "REASON", "EXIT", "ATTEMPTS", "STARTED", "ELAPSED", "DETAIL")
LIMIT = 50


@click.command
@click.argument(
    "job", required=False, metavar="[JOB|CONTAINER|IMAGE]", shell_complete=candidates.known
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    metavar="N",
    help="At most so many runs.",
)
@format_option("table", "json")
@click.pass_obj
def command(settings: Settings, job: str | None, limit: int, form: Format) -> None:
    """List the runs of a job or container, or of all, newest first.

    Where an image is called so and nothing else, the steps by which it was made, as
    `pocker image history` does.
    """
    names = {entry.id: entry.name for entry in entries_of(settings).values()}
    if job is None:
        past = _past(settings, None, limit) + _past(settings.detached, None, limit, names)
    else:
        try:
            found = find(settings, job)
        except NoSuchContainer:
            if not _shows_image(settings, job, form):
                raise
            return
        require_supervised(found)
        past = _past(found.settings, found.job, limit, None if found.entry is None else names)
        if not past and found.entry is None:
            with open_journal(settings) as journal:
                last_run(journal, job)  # which says that there is none
    past = sorted(past, key=lambda each: each.run.created, reverse=True)[:limit]
    now = time.time()
    if form == "json":
        print_json([each.document(now) for each in past])
    else:
        rows = [each.row(now) for each in past]
        click.echo(format_table(HEADERS, rows, colour=wants_colour(sys.stdout)))


def _shows_image(settings: Settings, word: str, form: Format) -> bool:
    """Print how an image came about, which is what Docker's users mean; False if there is none."""
    # Only who means that pays for it.
    from runtime.errors import ImageError
    from supervisor.cli.image.access import image_store
    from supervisor.cli.image.history import show

    with image_store(settings) as store:
        try:
            found = store.find(word)
        except ImageError:
            return False
        show(store, found, form=form, no_trunc=False, quiet=False)
    return True


@frozen(kw_only=True)
class _Past:
    """A run, its job by the name that people know; `id` is that of a container of `run -d`."""

    run: RunRecord
    id: str | None
    attempts: int

    def document(self, now: float) -> Document:
        return {
            **run_document(self.run),
            "id": self.id,
            "elapsed": elapsed(self.run, now),
            "attempts": self.attempts,
        }

    def row(self, now: float) -> Row:
        run = self.run
        return (
            str(run.id),
            run.job,
            state_cell(run.state),
            run.reason or UNKNOWN,
            UNKNOWN if run.exit_code is None else str(run.exit_code),
            str(self.attempts),
            local(run.started),
            span(elapsed(run, now)),
            run.detail,
        )


def _past(
    own: Settings, job: str | None, limit: int, names: Mapping[str, str] | None = None
) -> list[_Past]:
    """The newest runs of one supervisor; `names` are those of the containers of `run -d`, by id."""
    with open_journal(own) as journal:
        if journal is None:
            return []
        return [
            _Past(
                run=run if names is None else evolve(run, job=names.get(run.job, run.job)),
                id=None if names is None else run.job,
                attempts=len(journal.attempts(run.id)),
            )
            for run in journal.runs(job=job)[-limit:]
        ]
