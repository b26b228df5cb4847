"""Which volumes are meant by filters, whose keys are Docker's. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runtime.nearest import did_you_mean
from runtime.volumes.store import DRIVER, StoredVolume

_KEYS = ("dangling", "driver", "label", "name")


def matches(volume: StoredVolume, filters: Sequence[str], used: Collection[str]) -> bool:
    """Whether every filter lets it through; of several with one key one will do.

    `used` are the names of those that somebody uses. Raises ValueError for a filter that is none.
    """
    wanted: dict[str, list[bool]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not KEY=VALUE")
        if key not in _KEYS:
            raise ValueError(f"{text!r}: no such key{did_you_mean(key, _KEYS)}")
        wanted.setdefault(key, []).append(_matches(volume, key, value, volume.name in used))
    return all(map(any, wanted.values()))


def _matches(volume: StoredVolume, key: str, value: str, used: bool) -> bool:
    if key == "dangling":
        if value not in ("true", "false"):
            raise ValueError(f"'dangling={value}' is neither true nor false")
        return used == (value == "false")
    if key == "driver":
        return value == DRIVER
    if key == "name":
        return value in volume.name
    label, equals, text = value.partition("=")
    return label in volume.labels and (not equals or volume.labels[label] == text)
