"""Which volumes are meant by filters, whose keys are Docker's. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import click

from runtime.volumes.store import DRIVER, StoredVolume
from supervisor.cli.filters import read_filters

_KEYS = ("dangling", "driver", "label", "name")


def read_volume_filters(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The values by their keys. Raises UsageError."""
    wanted = read_filters(texts, _KEYS)
    for value in wanted.get("dangling", ()):
        if value not in ("true", "false"):
            raise click.UsageError(f"--filter: 'dangling={value}' is neither true nor false")
    return wanted


def matches(
    volume: StoredVolume, wanted: Mapping[str, Sequence[str]], used: Collection[str]
) -> bool:
    """Whether every filter lets it through; of several with one key one will do.

    `used` are the names of those that somebody uses.
    """
    return all(
        any(_matches(volume, key, value, volume.name in used) for value in values)
        for key, values in wanted.items()
    )


def _matches(volume: StoredVolume, key: str, value: str, used: bool) -> bool:
    if key == "dangling":
        return used == (value == "false")
    if key == "driver":
        return value == DRIVER
    if key == "name":
        return value in volume.name
    label, equals, text = value.partition("=")
    return label in volume.labels and (not equals or volume.labels[label] == text)
