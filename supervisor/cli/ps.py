"""`pocker ps`: the jobs of the last session, and the containers of `run`."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click
from attrs import evolve

from runtime.nearest import did_you_mean
from supervisor.cli import joblisting, listing
from supervisor.cli.attendedrows import attended_rows, row_of
from supervisor.cli.documents import newest
from supervisor.cli.failure import Failure
from supervisor.cli.filters import read_filters
from supervisor.cli.finding import entries_of, unreadable_of
from supervisor.cli.format import echo_rendered, print_json, require_form, template_option
from supervisor.cli.joblisting import ListedJob
from supervisor.cli.listing import Listed
from supervisor.cli.records import open_journal, paused_jobs
from supervisor.cli.settings import Settings
from supervisor.cli.table import Row, format_table
from supervisor.cli.terminal import wants_colour
from supervisor.detached.roster import PROJECT
from supervisor.journal import AttemptRecord, RunRecord, SessionRecord
from supervisor.lock import holder

_FILTERS = f"{', '.join(listing.FILTERS)}; of containers only."
_SIZE_FIELD = re.compile(r"\.Size\b")
_JOBS = "`up {}` takes its jobs up again, `down` ends them"
_TAKES_UP = {PROJECT: "`serve` takes its containers up again"}


@click.command
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that have ended.")
@click.option("-q", "--quiet", is_flag=True, help="Only the ids of containers.")
@click.option("-n", "--last", type=click.IntRange(min=0), help="Only so many, ended ones as well.")
@click.option("-l", "--latest", is_flag=True, help="Only the newest, ended or not.")
@click.option("--no-trunc", is_flag=True, help="Show commands in full.")
@click.option("-s", "--size", "sized", is_flag=True, help="Also how much they have written.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help=_FILTERS)
@template_option("{{.ID}} and {{.Names}}")
@click.pass_obj
def command(
    settings: Settings,
    *,
    everything: bool,
    quiet: bool,
    last: int | None,
    latest: bool,
    no_trunc: bool,
    sized: bool,
    filters: Sequence[str],
    form: str,
) -> None:
    """List the jobs of the last session that have not ended yet, and the containers of `run -d`.

    The newest container is the first. --last and --latest are about containers only.
    """
    # Before anything is looked at: what is there makes no wrong option a right one.
    require_form(form)
    wanted = read_filters(filters, listing.FILTERS)
    _check_values(wanted)
    if "ancestor" in wanted:
        wanted = {**wanted, "ancestor": _ancestors(settings, wanted["ancestor"])}
    sized = sized or _SIZE_FIELD.search(form) is not None
    now = time.time()
    number = 1 if latest else last
    runs = [] if filters or number is not None else jobs_of(settings, everything=everything)
    everything = everything or number is not None
    # A state to be looked for may be one of the end.
    containers = _filtered(containers_of(settings, now), everything, wanted)[::-1][:number]
    if quiet:
        ids = [attempt.container for _, attempt, _ in runs if attempt is not None]
        for identifier in (*ids, *(each.entry.id for each in containers)):
            click.echo(identifier)
        return
    jobs = [ListedJob(*each, now) for each in runs]
    if sized:
        jobs, containers = _with_sizes(settings, jobs, containers)
    if form == "table":
        rows = [each.row() for each in jobs]
        _show_tables(settings, rows, [c.row(full=no_trunc) for c in containers], sized=sized)
        return
    documents = [each.document() for each in jobs]
    documents += [each.document(full=no_trunc) for each in containers]
    if form == "json":
        print_json(documents)
    else:
        echo_rendered(form, documents, listing.HEADINGS)


def _with_sizes(
    settings: Settings, jobs: Sequence[ListedJob], containers: Sequence[Listed]
) -> tuple[list[ListedJob], list[Listed]]:
    """The same with how much each has written."""
    # Only here: looking at images and files takes what all others need not wait for.
    from supervisor.cli.sizes import size_of_attempt, size_of_entry

    return (
        [evolve(each, size=size_of_attempt(settings, each.attempt)) for each in jobs],
        [evolve(each, size=size_of_entry(settings, each.entry)) for each in containers],
    )


def _ancestors(settings: Settings, words: Sequence[str]) -> list[str]:
    """The same words, and the digests of the images of the store that they mean now."""
    from runtime.errors import ContainerError
    from runtime.images.store import ImageStore

    store = ImageStore(settings.directories.image_store)
    digests = []
    for word in words:
        with suppress(ContainerError):  # a directory, or one that has gone, is known by its name
            digests.append(store.find(word).target.digest)
    return [*words, *digests]


def _check_values(wanted: Mapping[str, Sequence[str]]) -> None:
    """Refuse what no container can have. Raises Failure, for with Docker it is the daemon's."""
    for key, known in (("status", listing.STATES), ("health", listing.HEALTHS)):
        for value in wanted.get(key, ()):
            if value not in known:
                near = did_you_mean(value, known)
                raise Failure(f"invalid filter '{key}={value}'{near}")
    for value in wanted.get("exited", ()):
        if not re.fullmatch("[0-9]+", value):
            raise Failure(f"invalid filter 'exited={value}'")


def jobs_of(
    settings: Settings, *, everything: bool
) -> list[tuple[RunRecord, AttemptRecord | None, int | None]]:
    """The runs of the last session, with the newest attempt and the memory of each.

    Only those that have not ended, unless `everything` is asked for. Raises Failure.
    """
    with open_journal(settings) as journal:
        session = None if journal is None else journal.last_session()
        runs = [] if journal is None or session is None else journal.runs(session=session.id)
        unfinished = [run for run in runs if not run.state.terminal]
        memory: Mapping[str, int | None] = {}
        if session is not None and unfinished:
            memory = _memory(settings, session)
        return [
            (run, newest(journal.attempts(run.id)), memory.get(run.job))
            for run in (runs if everything else unfinished)
            if journal is not None
        ]


def containers_of(settings: Settings, now: float) -> list[Listed]:
    """The containers of `run -d`, and those of `run`, oldest first. Raises Failure."""
    for each in unreadable_of(settings):
        click.echo(f"pocker: {each.why}", err=True)
    own = settings.detached
    # In this order: who is just being left is among the others before he is not among these.
    rows = attended_rows(own.directories, now)
    entries = entries_of(settings)
    attended = [row for row in rows if row.entry.id not in entries]
    if not entries:
        return attended
    with open_journal(own) as journal:
        session = None if journal is None else journal.last_session()
        unfinished = [] if journal is None else journal.unfinished_runs()
        memory: Mapping[str, int | None] = {}
        if session is not None and unfinished:
            memory = _memory(own, session)
        paused = paused_jobs(own) if memory else ()
        listed = []
        for entry in entries.values():
            run = None if journal is None else journal.last_run(entry.id)
            if run is None and entry.container is not None:
                listed.append(row_of(own.directories, entry, now))  # its user has just left it
                continue
            attempts = [] if journal is None or run is None else journal.attempts(run.id)
            listed.append(
                Listed(
                    entry=entry,
                    run=run,
                    attempt=newest(attempts),
                    memory=memory.get(entry.id),
                    paused=entry.id in paused,
                    now=now,
                )
            )
        return sorted(listed + attended, key=lambda each: each.entry.created)


def _filtered(
    containers: Sequence[Listed], everything: bool, wanted: Mapping[str, Sequence[str]]
) -> list[Listed]:
    """Those to be shown; filters with one key add up, those with several must all be met.

    Raises Failure for one before or since which the others shall be, if there is none.
    """
    everything = everything or not wanted.keys().isdisjoint(("status", "exited"))
    own = {key: values for key, values in wanted.items() if key not in ("since", "before")}
    places = range(len(containers))
    for value in wanted.get("since", ()):
        places = range(max(places.start, _place(containers, value) + 1), places.stop)
    for value in wanted.get("before", ()):
        places = range(places.start, min(places.stop, _place(containers, value)))
    return [
        each
        for each in (containers[place] for place in places)
        if (everything or each.state not in ("exited", "created"))
        and all(any(each.matches(key, v) for v in values) for key, values in own.items())
    ]


def _place(containers: Sequence[Listed], word: str) -> int:
    """That of the container with this name, id or beginning of an id. Raises Failure."""
    entries = [each.entry for each in containers]
    for place, entry in enumerate(entries):
        if word in (entry.name, entry.id):
            return place
    found = [place for place, entry in enumerate(entries) if word and entry.id.startswith(word)]
    if len(found) != 1:
        raise Failure(f"no such container: {word}{did_you_mean(word, [e.name for e in entries])}")
    return found[0]


def _show_tables(
    settings: Settings, jobs: Sequence[Row], containers: Sequence[Row], *, sized: bool
) -> None:
    """Each kind that there is; where nothing is, the headers tell of which there was any."""
    colour = wants_colour(sys.stdout)
    added = (listing.SIZE,) if sized else ()
    tables = []
    told = bool(jobs) or (not containers and _has_session(settings))
    if told:
        tables.append(format_table((*joblisting.HEADERS, *added), jobs, colour=colour))
    if containers or not told:
        tables.append(format_table((*listing.HEADERS, *added), containers, colour=colour))
    click.echo("\n\n".join(tables))


def _has_session(settings: Settings) -> bool:
    """Whether there ever was an `up`."""
    with open_journal(settings) as journal:
        return journal is not None and journal.last_session() is not None


def _memory(settings: Settings, session: SessionRecord) -> Mapping[str, int | None]:
    """What each job uses now, as only its supervisor can tell."""
    if holder(settings.directories.state) is None:
        click.echo(
            f"pocker: the supervisor (pid {session.pid}) is gone, and this is the last that it"
            f" wrote down: {_TAKES_UP.get(session.project, _JOBS).format(session.file)}",
            err=True,
        )
        return {}
    # Only where there is somebody to ask is there any need for the means to do so.
    from supervisor.api import ControlClient, ControlError

    try:
        return ControlClient(settings.places.socket).memory()
    except ControlError:
        return {}  # just starting, or just ending: the journal has all the rest
