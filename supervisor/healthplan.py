"""How a running job is tested: what it says itself put together with what its image says. Pure."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from runtime.errors import SpecError
from runtime.images.config import Healthcheck as ImageHealthcheck
from runtime.images.image import Image
from supervisor.policies import Healthcheck
from supervisor.values import read_health_test

_NANOSECONDS = 10**9
_SHELL = ("/bin/sh", "-c")
_UNTESTED = ImageHealthcheck(test=("NONE",))


@frozen(kw_only=True)
class HealthPlan:
    """How a job is tested, once it is settled; times in seconds."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0


def merged_healthcheck(
    own: Healthcheck | None, image: ImageHealthcheck | None
) -> ImageHealthcheck | None:
    """How a job and its image together say that it is tested, in an image's words.

    Docker's rule: the job's word counts key by key. Raises SpecError.
    """
    if own is None:
        return image
    if own.disable:
        return _UNTESTED
    base = image if image is not None and image != _UNTESTED else ImageHealthcheck(test=())
    changes: dict[str, Any] = {
        name: round(value * _NANOSECONDS)
        for name, value in (
            ("interval", own.interval),
            ("timeout", own.timeout),
            ("start_period", own.start_period),
            ("start_interval", own.start_interval),
        )
        if value is not None
    }
    if own.retries is not None:
        changes["retries"] = own.retries
    if own.test is not None:
        changes["test"] = _in_words(own.test)
    merged = evolve(base, **changes)
    if not merged.test:
        raise SpecError("healthcheck", "has no test, and the image has none of its own")
    return merged


def _in_words(test: tuple[str, ...]) -> tuple[str, ...]:
    """A command as an image has it."""
    if test[:2] == _SHELL and len(test) == 3:
        return ("CMD-SHELL", test[2])
    return ("CMD", *test)


def health_plan(own: Healthcheck | None, image: Image | None) -> HealthPlan | None:
    """What comes of both; None where nothing is tested. Raises SpecError."""
    merged = merged_healthcheck(own, None if image is None else image.config.healthcheck)
    if merged is None or merged.test == _UNTESTED.test:
        return None
    try:
        test = read_health_test(list(merged.test))
    except ValueError as error:
        raise SpecError("image.Healthcheck", str(error)) from error
    times: dict[str, Any] = {
        "interval": merged.interval / _NANOSECONDS,
        "timeout": merged.timeout / _NANOSECONDS,
        "start_period": merged.start_period / _NANOSECONDS,
        "start_interval": merged.start_interval / _NANOSECONDS,
        "retries": merged.retries,
    }
    return HealthPlan(test=test, **{name: value for name, value in times.items() if value > 0})
