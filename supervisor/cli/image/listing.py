"""`pocker images`: what is in the store."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

import click

from runtime.images.image import Image, Survey
from runtime.nearest import did_you_mean
from runtime.units import format_decimal
from supervisor.cli.format import echo_rendered, print_json, template_option
from supervisor.cli.image.access import image_store, size_of
from supervisor.cli.image.wording import NONE, created, created_at, names_of, parse_time, short
from supervisor.cli.settings import Settings
from supervisor.cli.table import format_table
from supervisor.cli.terminal import harmless, wants_colour

_FIELDS = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "CreatedAt", "Size")
_HEADERS = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "Size": "SIZE",
}


@click.command
@click.option(
    "-a",
    "--all",
    "everything",
    is_flag=True,
    help="The same: no image here is only a part of others.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only ids.")
@click.option("--digests", is_flag=True, help="Also the digests of the manifests.")
@click.option("--no-trunc", is_flag=True, help="Whole ids.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only those: dangling=true, reference=PATTERN, label=KEY[=VALUE], before=IMAGE,"
    " since=IMAGE.",
)
@template_option("{{.Repository}}")
@click.argument("repository", required=False)
@click.pass_obj
def command(
    settings: Settings,
    *,
    everything: bool,
    quiet: bool,
    digests: bool,
    no_trunc: bool,
    filters: Sequence[str],
    form: str,
    repository: str | None,
) -> int:
    """List images, the newest first: all, or those of a REPOSITORY[:TAG].

    The exit code is 1 if one is damaged, which is told on stderr.
    """
    del everything
    now = time.time()
    with image_store(settings) as store:
        survey = store.survey()
        images = sorted(survey.images, key=_moment, reverse=True)
        tests = [_test(text, store.find) for text in filters]
        rows = [
            {
                "Repository": name.repository,
                "Tag": name.tag,
                "Digest": name.digest,
                "ID": image.id if no_trunc else short(image.id),
                "CreatedSince": created(image.configuration.created, now),
                "CreatedAt": created_at(image.configuration.created),
                "Size": format_decimal(size_of(store, image)),
            }
            for image in images
            if all_of(tests, image)
            for name in names_of(image)
            if repository is None
            or repository in (name.repository, f"{name.repository}:{name.tag}")
        ]
    if quiet:
        ids = dict.fromkeys(row["ID"] for row in rows)
        click.echo("".join(f"{identifier}\n" for identifier in ids), nl=False)
    elif form == "json":
        print_json(rows)
    elif form == "table":
        columns = [key for key in _HEADERS if digests or key != "Digest"]
        cells = [[row[key] for key in columns] for row in rows]
        headers = [_HEADERS[key] for key in columns]
        click.echo(format_table(headers, cells, colour=wants_colour(sys.stdout)))
    else:
        echo_rendered(form, rows, _HEADERS, _FIELDS)
    return _tell_damage(survey)


def _tell_damage(survey: Survey) -> int:
    for damaged in survey.damaged:
        click.echo(f"pocker: {harmless(str(damaged))}", err=True)
    return 1 if survey.damaged else 0


_Test = Callable[[Image], bool]


def all_of(tests: Sequence[_Test], image: Image) -> bool:
    """Whether an image passes every test."""
    return all(test(image) for test in tests)


def _moment(image: Image) -> float:
    return parse_time(image.configuration.created) or 0.0


def _test(text: str, find: Callable[[str], Image]) -> _Test:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--filter {text!r}: is not KEY=VALUE")
    if key == "dangling":
        if value not in ("true", "false"):
            raise click.UsageError(f"--filter {text!r}: is neither true nor false")
        return lambda image: (not image.names) == (value == "true")
    if key == "reference":
        return lambda image: any(_matches(name, value) for name in _forms(image))
    if key == "label":
        return lambda image: _has_label(image, value)
    if key in ("before", "since"):
        limit = _moment(find(value))
        if key == "before":
            return lambda image: _moment(image) < limit
        return lambda image: _moment(image) > limit
    near = did_you_mean(key, ("dangling", "reference", "label", "before", "since"))
    raise click.UsageError(f"--filter {text!r}: no such key{near}")


def _forms(image: Image) -> Iterator[str]:
    for name in names_of(image):
        if name.repository != NONE:
            yield name.repository
            yield f"{name.repository}:{name.tag}"


def _matches(name: str, pattern: str) -> bool:
    """A star does not reach over a slash."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _has_label(image: Image, text: str) -> bool:
    key, equals, value = text.partition("=")
    labels = image.config.labels
    return key in labels and (not equals or labels[key] == value)
