"""`pocker run -d`: a container that is supervised, and outlives whoever asked for it."""

from __future__ import annotations

import secrets
import time
from functools import partial

from attrs import evolve

from runtime.container import Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError
from runtime.rootfs.writable import keep_layer
from runtime.spec import ContainerSpec, OverlayRootfs, Terminal
from runtime.volumes.store import VolumeStore
from supervisor.api import ControlClient
from supervisor.cli.failure import START_FAILED, Failure, describe_os_error
from supervisor.cli.finding import has_ended_run, has_run
from supervisor.cli.records import open_journal
from supervisor.cli.removal import ask_or_fail, remove, tidy_up
from supervisor.cli.settings import Settings
from supervisor.cli.standby import begin_serving, is_served
from supervisor.cli.wanted import Wanted, name_volumes
from supervisor.detached.attended import attended_names
from supervisor.detached.reading import job_of
from supervisor.detached.roster import Entry, Roster
from supervisor.images import image_of
from supervisor.problems import JobsFileError
from supervisor.runorder import by_option, check_lasting, lasting_table, order_spec
from supervisor.states import Reason


def detach(settings: Settings, wanted: Wanted) -> str:
    """Write it down and start it; returns its id. Raises ContainerError, OrderError or Failure.

    Where it cannot be started nothing is left of it.
    """
    # That it is to be removed in the end is written down later: what was removed at once could not
    # tell why it had not started.
    identifier = write_down(settings, evolve(wanted, remove=False)).id
    try:
        _confirm(settings, identifier)
    except BaseException:
        remove(settings, identifier, volumes=True)
        raise
    if wanted.remove:
        _roster(settings).remove_in_the_end(identifier)
        if has_ended_run(settings.detached, identifier):
            tidy_up(settings)
    return identifier


def write_down(settings: Settings, wanted: Wanted, *, begun: bool = True) -> Entry:
    """Make it known, after a look at all that can be wrong with it."""
    Runtime.require_rights()
    settings.directories.prepare()
    settings.detached.directories.prepare()
    image = image_of(wanted.job, settings.directories)
    job, volumes = name_volumes(wanted.job, image)
    table = lasting_table(wanted.table, job, image)
    check_lasting(table)
    spec = order_spec(
        job,
        wanted.name or secrets.token_hex(6),
        secrets.token_hex(6),
        image=image,
        terminal=Terminal() if wanted.job.tty else None,
        stdin=False,
    )

    def make(identifier: str, name: str) -> Entry:
        return Entry(
            id=identifier,
            name=name,
            created=time.time(),
            remove=wanted.remove,
            begun=begun,
            job={"hostname": identifier, **table},
            image=None if image is None else image.target.digest,
            volumes=volumes,
        )

    own = settings.detached.directories
    entry = _roster(settings).add(wanted.name, make, partial(attended_names, own))
    try:
        _make_kept(settings.detached.directories, entry.id, spec)
    except BaseException:
        remove(settings, entry.id, volumes=True)
        raise
    return entry


def _make_kept(directories: Directories, identifier: str, spec: ContainerSpec) -> None:
    """What it writes to, and what lies below, stays from now on. Raises ContainerError."""
    store = VolumeStore.of(directories)
    for volume in spec.volumes:
        if not volume.is_path:
            store.ensure(volume.source)
    if not isinstance(spec.rootfs, OverlayRootfs):
        return
    layer, config = directories.kept_layer(identifier), spec.image_config
    try:
        keep_layer(layer, spec.rootfs.lower, directories, config)
    except OSError as error:
        raise ContainerError(f"make container: {describe_os_error(error)}") from error


def start_again(settings: Settings, entry: Entry) -> None:
    """Start one that was only created, or has ended. Raises Failure; then it stays as it is."""
    try:
        job_of(entry, _roster(settings).path)
    except JobsFileError as error:
        raise Failure(str(error), code=START_FAILED) from error
    if not has_run(settings.detached, entry.id):
        _roster(settings).begin(entry.id)
    else:
        _begin_again(settings, entry.id)
    _confirm(settings, entry.id)


def _begin_again(settings: Settings, identifier: str) -> None:
    """Ask the supervisor for another run, or have one that begins with it."""
    while not (is_served(settings) and ask_or_fail(settings, lambda c: c.start(identifier))):
        if begin_serving(settings, [identifier]):
            return


def _confirm(settings: Settings, identifier: str) -> None:
    """Return once its command has been executed. Raises Failure if it could not be."""

    def try_it(client: ControlClient) -> None:
        client.reload()
        client.wait_until_tried(identifier)

    while not (is_served(settings) and ask_or_fail(settings, try_it)):
        if has_ended_run(settings.detached, identifier):
            break
        if not is_served(settings):
            begin_serving(settings)
    with open_journal(settings.detached) as journal:
        run = None if journal is None else journal.last_run(identifier)
        attempts = [] if journal is None or run is None else journal.attempts(run.id)
    if attempts and attempts[-1].reason is Reason.START_ERROR:
        detail = by_option(attempts[-1].detail)
        raise Failure(detail, code=attempts[-1].exit_code or START_FAILED)


def _roster(settings: Settings) -> Roster:
    return Roster.of(settings.detached.directories)
