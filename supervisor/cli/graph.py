"""`pocker graph`: what comes before what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from supervisor.cli import candidates
from supervisor.cli.format import format_option, print_json
from supervisor.cli.jobs import read_jobs
from supervisor.jobspec import JobSpec
from supervisor.ordering import graph_of, levels, to_dot, to_text


@click.command
@click.argument("file", shell_complete=candidates.files)
@format_option("text", "dot", "json")
def command(file: str, form: str) -> None:
    """Show the order of the jobs of FILE; jobs with the same number may run side by side.

    `dot` is the language of Graphviz: pocker graph FILE --format dot | dot -Tsvg
    """
    jobs = read_jobs(file).jobs
    match form:
        case "dot":
            click.echo(to_dot(jobs))
        case "json":
            print_json(list(_documents(jobs)))
        case _:
            click.echo(to_text(jobs))


def _documents(jobs: Mapping[str, JobSpec]) -> Iterator[Mapping[str, Any]]:
    for number, level in enumerate(levels(graph_of(jobs)), 1):
        for name in level:
            needs = [
                {"job": need.job, "condition": need.condition} for need in jobs[name].depends_on
            ]
            yield {"job": name, "level": number, "depends_on": needs}
