"""`pocker up`: runs the jobs of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import click

from supervisor.cli import background, candidates
from supervisor.cli.echo import Echo
from supervisor.cli.foreground import Display, Ended, Order, Silence, carry_out
from supervisor.cli.image.provision import Policy, provide
from supervisor.cli.jobs import read_jobs
from supervisor.cli.outcome import exit_code, summarise
from supervisor.cli.ownlog import configure_own_log
from supervisor.cli.settings import Settings
from supervisor.cli.terminal import is_animated, wants_colour
from supervisor.images import require_images
from supervisor.jobspec import JobSpec
from supervisor.lock import holder
from supervisor.service import Book, Means
from supervisor.systemd.activation import CONTROL, passed_descriptors
from supervisor.systemd.liaison import Liaison
from supervisor.systemd.notify import Notifier
from supervisor.volumeusers import users_of_volumes

_STDOUT = 1


@click.command
@click.option("-d", "--detach", is_flag=True, help="Run in the background; print the pid.")
@click.option(
    "--exit-code-from",
    "decisive",
    metavar="JOB",
    help="Exit with the exit code of this job; 1 if it has none.",
)
@click.option(
    "--cgroup",
    metavar="GROUP",
    help="Put the jobs' control groups into this one of cgroup v2, which is ours to rule; relative"
    " to the supervisor's own.",
)
@click.option(
    "--pull",
    type=click.Choice(("missing", "always", "never")),
    default="never",
    show_default=True,
    help="When to bring images from their registries before anything starts.",
)
@click.option("--ready-fd", type=int, hidden=True)
@click.argument("file", shell_complete=candidates.files)
@click.argument("jobs", nargs=-1, metavar="[JOB]...", shell_complete=candidates.jobs_of_file)
@click.pass_obj
def command(
    settings: Settings,
    *,
    file: str,
    jobs: Sequence[str],
    detach: bool,
    decisive: str | None,
    cgroup: str | None,
    pull: Policy,
    ready_fd: int | None,
) -> int:
    """Run the jobs of FILE, or some JOBs and all that they need, until all have ended.

    The exit code is 0 if every job succeeded that is not allowed to fail, 1 if not, 2 for a
    mistake in FILE, 125 if nothing could be started, 130 or 143 after Ctrl-C or SIGTERM. The
    first signal stops all jobs, those first that depend on others; a second one kills. SIGQUIT
    ends only the supervisor: the next one takes the jobs up. A service manager that wants to be
    told of its state is told.
    """
    if detach and decisive is not None:
        raise click.UsageError("--detach and --exit-code-from exclude each other")
    passed = passed_descriptors(os.environ)
    means = _means(settings, cgroup, passed.get(CONTROL))
    have = partial(provide, settings, policy=pull, stream=sys.stderr)
    if ready_fd is not None:
        with background.reporting_to(ready_fd) as ready:
            order = _order(means, file, jobs, decisive, have)
            configure_own_log(settings, "info")
            ended = carry_out(order, Silence(), ready)
        return exit_code(ended.endings, signal=ended.signal)
    order = _order(means, file, jobs, decisive, have)
    if detach:
        return _leave(settings, os.path.abspath(file), jobs, cgroup)
    notifier = Notifier.from_environment(os.environ)
    if notifier is not None:
        configure_own_log(settings, "info")
        with closing(notifier):
            liaison = Liaison(notifier)
            ended = carry_out(order, liaison, liaison.ready)
        return exit_code(ended.endings, signal=ended.signal, decisive=decisive)
    live = is_animated(sys.stdout)
    # The table shows what the log would say.
    configure_own_log(settings, "warning" if live else "info")
    ended = _watch_or_carry_out(settings, order, live=live)
    stream = sys.stdout if live else sys.stderr
    click.echo(summarise(ended.endings.values(), colour=wants_colour(stream)), file=stream)
    return exit_code(ended.endings, signal=ended.signal, decisive=decisive)


def _leave(settings: Settings, file: str, jobs: Sequence[str], cgroup: str | None) -> int:
    group = [] if cgroup is None else ["--cgroup", cgroup]
    pid = background.start(settings, ["up", *group], [file, *jobs], settings.places.own_log)
    click.echo(f"supervisor running, pid {pid}")
    return 0


def _watch_or_carry_out(settings: Settings, order: Order, *, live: bool) -> Ended:
    """Attach to an `up` of the same file that runs already, or be it."""
    if holder(settings.directories.state) is not None:
        # Only who finds another supervisor pays for looking at it.
        from supervisor.cli.attached import attach, served_session

        session = served_session(settings, order)
        if session is not None:
            return Ended(endings=attach(settings, order, session, live=live), signal=None)
    return carry_out(order, _display(order, live=live), lambda: None)


def _means(settings: Settings, cgroup: str | None, descriptor: int | None) -> Means:
    return Means(
        directories=settings.directories,
        cgroup=cgroup,
        descriptor=descriptor,
        volume_users=partial(users_of_volumes, settings.directories),
    )


def _order(
    means: Means,
    file: str,
    jobs: Sequence[str],
    decisive: str | None,
    have: Callable[[JobSpec], None],
) -> Order:
    """What is to be run; `have` brings the image of a job."""
    named = [*jobs] if decisive is None else [*jobs, decisive]
    jobsfile = read_jobs(file, named)
    order = Order(jobsfile=jobsfile, names=jobs, means=means, book=Book.of(jobsfile))
    if decisive is not None and decisive not in order.jobs:
        raise click.UsageError(f"--exit-code-from {decisive}: this job is not among those to run")
    for name in order.jobs:
        have(jobsfile.jobs[name])
    require_images(jobsfile, order.jobs, means.directories, shown=file)
    return order


def _display(order: Order, *, live: bool) -> Display:
    if not live:
        return Echo(_STDOUT, order.jobs, terminal=sys.stdout.isatty())
    # Only a terminal pays for rich.
    from supervisor.cli.live import LiveTable

    return LiveTable()
