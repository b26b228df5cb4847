"""`pocker info`: the program, the machine, and what there is on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click

from runtime.invoker import invoking_user
from runtime.usernamespace import has_subordinate_ids
from supervisor.cli import overview
from supervisor.cli.format import echo_rendered
from supervisor.cli.image.access import image_store
from supervisor.cli.program import DISTRIBUTION
from supervisor.cli.ps import containers_of, jobs_of
from supervisor.cli.records import paused_jobs
from supervisor.cli.settings import Settings


@click.command
@click.option(
    "--format", "form", metavar="FORMAT", help="json, or a template such as '{{.ServerVersion}}'."
)
@click.pass_obj
def command(settings: Settings, form: str | None) -> None:
    """Show what the program and the machine are, and how many containers and images there are.

    What is missing for some options is told on stderr.
    """
    told = overview.document(_facts(settings))
    if form is None:
        click.echo("\n".join(overview.lines(told)))
        for text in told["Warnings"]:
            click.echo(f"WARNING: {text}", err=True)
        return
    echo_rendered("{{json .}}" if form == "json" else form, [told])


def _facts(settings: Settings) -> overview.Facts:
    from runtime.errors import StartError
    from runtime.security.bounding import bounding_set
    from runtime.security.libseccomp import version as libseccomp_version

    directories = settings.directories
    layout, controllers, counts_swap = _cgroups()
    try:
        libseccomp: str | None = libseccomp_version()
    except StartError:
        libseccomp = None
    with image_store(settings) as store:
        images = len({entry.digest for entry in store.entries()})
    return overview.Facts(
        version=version(DISTRIBUTION),
        kernel=platform.release(),
        system=_system(),
        architecture=platform.machine(),
        name=platform.node(),
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        layout=layout,
        controllers=controllers,
        counts_swap=counts_swap,
        libseccomp=libseccomp,
        overlay="overlay" in Path("/proc/filesystems").read_text().split(),
        filesystem=_filesystem(directories.state),
        capabilities=bounding_set(),
        is_root=invoking_user() == 0,
        has_other_ids=invoking_user() == 0 or has_subordinate_ids(),
        runtime=directories.root,
        state=directories.state,
        image_store=directories.image_store,
        states=_states(settings),
        images=images,
    )


def _cgroups() -> tuple[str, frozenset[str], bool]:
    """Their layout, the controllers by their names on v2, and whether swap can be limited."""
    from runtime.cgroups import Cgroups
    from runtime.errors import CgroupError

    try:
        cgroups = Cgroups.open()
    except CgroupError:
        return "", frozenset(), False
    try:
        return cgroups.layout.kind, cgroups.controllers(), cgroups.counts_swap()
    finally:
        cgroups.close()


def _filesystem(path: str) -> str:
    """The kind that a directory lies on, which need not be there yet."""
    place = os.path.realpath(path)
    mounts = overview.mounts(Path("/proc/self/mountinfo").read_text())
    while place not in mounts and place != "/":
        place = os.path.dirname(place)
    return mounts.get(place, "")


def _states(settings: Settings) -> Sequence[str]:
    """Of all containers, in Docker's words; those of jobs go when they have ended."""
    running = [
        run.job
        for run, attempt, _ in jobs_of(settings, everything=False)
        if attempt is not None and attempt.ended is None
    ]
    paused = paused_jobs(settings) if running else ()
    jobs = ["paused" if job in paused else "running" for job in running]
    return [*jobs, *(each.state for each in containers_of(settings, time.time()))]


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
