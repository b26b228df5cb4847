"""`--filter KEY=VALUE`, as several commands take it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import click

from runtime.nearest import did_you_mean


def read_filters(texts: Sequence[str], keys: Collection[str]) -> Mapping[str, Sequence[str]]:
    """The values by their keys. Raises UsageError for what is none, or of a key that is none."""
    wanted: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--filter: {text!r} is not KEY=VALUE")
        if key not in keys:
            near = did_you_mean(key, keys)
            raise click.UsageError(f"--filter: {key!r} is none of {', '.join(keys)}{near}")
        wanted.setdefault(key, []).append(value)
    return wanted
