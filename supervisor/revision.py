"""What differs between two readings of a jobs file, and what a running attempt is made of. Pure.

The digest of a definition leaves out what has its default, so a later version of this program that
knows more keys has the same digest for the same file, and takes no job for a changed one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import Attribute, fields, frozen, has

from supervisor.jobspec import JobSpec

LATER_KEYS = frozenset(
    {
        "allow_failure", "backoff", "depends_on", "env_file", "forward_signals", "keep_runs",
        "labels", "restart", "retries", "success_codes",
    }
)  # fmt: skip
"""What only counts before or after an attempt, so that no running one is ended for it.

The variables of an env_file are among those of the job."""


@frozen(kw_only=True)
class Revision:
    """The names of the jobs that are new, gone or defined in another way, in file order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        parts = (("new", self.added), ("removed", self.removed), ("changed", self.changed))
        named = [f"{kind}: {', '.join(names)}" for kind, names in parts if names]
        return "; ".join(named) or "no job has changed"


def compare(old: Mapping[str, JobSpec], new: Mapping[str, JobSpec]) -> Revision:
    """What becomes of the jobs."""
    return Revision(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
    )


def definition(job: JobSpec) -> str:
    """A digest of all that an attempt of this job is made of."""
    made_of = {key: value for key, value in _given(job).items() if key not in LATER_KEYS}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _given(value: Any) -> dict[str, object]:
    """The fields of an attrs instance that do not have their defaults."""
    return {
        each.name: _plain(getattr(value, each.name))
        for each in fields(type(value))
        if getattr(value, each.name) != _default(each, value)
    }


def _default(field: Attribute[Any], instance: object) -> object:
    make = getattr(field.default, "factory", None)
    if make is None:
        return field.default
    return make(instance) if getattr(field.default, "takes_self", False) else make()


def _plain(value: object) -> object:
    if has(type(value)):
        return _given(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
