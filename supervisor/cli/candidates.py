"""What a shell may complete a word with: containers, jobs, images and files.

The user is still typing, so nothing is ever said: where a name cannot be found out, there is none.
Whatever is needed to look is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

from runtime.errors import ContainerError
from supervisor.cli.failure import Failure
from supervisor.cli.settings import Settings

Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_UNKNOWN = (ContainerError, Failure, OSError, ValueError)
"""Why names may not be known: no rights, nothing there yet, a file that is just being written."""


def _completer(names: Callable[[click.Context], Iterable[str]]) -> Completer:
    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        given: Collection[str] = context.params.get(parameter.name or "") or ()
        found: list[str] = []
        with suppress(*_UNKNOWN):
            found += names(context)
        return [
            CompletionItem(name)
            for name in dict.fromkeys(found)
            if name.startswith(incomplete) and name not in given
        ]

    return complete


def _settings(context: click.Context) -> Settings:
    return Settings.of(**context.find_root().params)


def _running(settings: Settings) -> set[str]:
    """The jobs that have not ended."""
    from supervisor.cli.records import open_journal

    with open_journal(settings) as journal:
        return set() if journal is None else {run.job for run in journal.unfinished_runs()}


def _kept(context: click.Context, wanted: Callable[[bool], bool]) -> list[str]:
    """The containers of `run` of which `wanted` says so, told whether each runs."""
    from supervisor.cli.finding import all_containers

    settings = _settings(context)
    running = _running(settings.detached)
    return [
        found.name
        for found in all_containers(settings)
        if wanted(found.attended or found.job in running)
    ]


def _jobs(context: click.Context) -> list[str]:
    from supervisor.cli.records import open_journal

    with open_journal(_settings(context)) as journal:
        return [] if journal is None else journal.job_names()


def _images(context: click.Context) -> list[str]:
    from runtime.images.naming import familiar_names
    from runtime.images.store import ImageStore

    return familiar_names(ImageStore(_settings(context).directories.image_store).entries())


def _volumes(context: click.Context) -> list[str]:
    from runtime.volumes.store import VolumeStore

    return VolumeStore.of(_settings(context).directories).names()


def _jobs_of_file(context: click.Context) -> list[str]:
    import tomllib

    from supervisor.sources import read_file

    jobs = tomllib.loads(read_file(context.params["file"]).decode()).get("jobs")
    return [*jobs] if isinstance(jobs, dict) else []


kept = _completer(lambda context: _kept(context, lambda _: True))
"""Containers of `run -d`."""
ended = _completer(lambda context: _kept(context, lambda running: not running))
"""Those of them that do not run."""
running = _completer(
    lambda context: [
        *_kept(context, lambda running: running),
        *sorted(_running(_settings(context))),
    ]
)
"""Containers and jobs that run."""
rooted = _completer(
    lambda context: [
        *_kept(context, lambda _: True),
        *sorted(_running(_settings(context))),
    ]
)
"""Containers, which have a root of their own also when they do not run, and jobs that run."""
known = _completer(lambda context: [*_kept(context, lambda _: True), *_jobs(context)])
"""Containers and jobs."""
everything = _completer(
    lambda context: [
        *_kept(context, lambda _: True),
        *_jobs(context),
        *_images(context),
        *_volumes(context),
    ]
)
"""Containers, jobs, images and volumes."""
images = _completer(_images)
"""Images of the store."""
roots = _completer(lambda context: [*_images(context), "host"])
"""What a container can be made of, beside a directory."""
volumes = _completer(_volumes)
"""Named volumes."""
jobs_of_file = _completer(_jobs_of_file)
"""The jobs of the file that was named before."""


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, which the shell knows itself."""
    return [CompletionItem(incomplete, type="file")]


def directories(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Directories, which it knows as well."""
    return [CompletionItem(incomplete, type="dir")]
