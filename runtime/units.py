"""Sizes, durations, core counts and rates as people write them, and back for tables.

Every parser returns a plain number or raises a ValueError that quotes what was given and says
what is accepted. Nothing here rounds up: a fraction of a byte is dropped, as Docker does.
"""

from __future__ import annotations

import math
import re
import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgtp])(?:i?b)?|b)?", re.IGNORECASE)
_DURATION = re.compile(
    "".join(rf"(?:(?P<{unit}>[0-9]+(?:\.[0-9]+)?){unit})?" for unit in ("d", "h", "m", "s"))
    + r"(?:(?P<ms>[0-9]+(?:\.[0-9]+)?)ms)?(?:(?P<us>[0-9]+(?:\.[0-9]+)?)us)?"
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")

_MICROSECONDS = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
    "us": 1,
}
_POWERS = "kmgtp"
_DECIMALS = ("B", "kB", "MB", "GB", "TB", "PB")
_LARGEST = 2**63 - 1
"""The kernel keeps sizes in signed 64-bit numbers."""

_SIZE_FORM = "use bytes, or a number with k, m, g or t, such as 512k or 1.5g"
_DURATION_FORM = "use seconds, or numbers with d, h, m, s, ms or us, such as 90s or 1h30m"
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_MOST_CPUS = 65_536
_CPUS_FORM = "use a number of cores, such as 0.5 or 2"

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxlong = 60


def _quote(value: object) -> str:
    return _shortened.repr(value)


def _exactly(number: str) -> Fraction:
    from fractions import Fraction  # with decimal, a large module for a rare need

    return Fraction(number)


def parse_size(value: object) -> int:
    """Bytes of a Docker size: ``10m``, ``1.5g``, ``10MB`` and ``10MiB`` (all powers of 1024)."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        number, unit = match.groups()
        if unit is None and "." in number:
            raise ValueError(f"{_quote(value)} is not a size: {_SIZE_FORM}")
        power = _POWERS.index(unit.lower()) + 1 if unit else 0
        size = math.floor(_exactly(number) * 1024**power)
    else:
        raise ValueError(f"{_quote(value)} is not a size: {_SIZE_FORM}")
    if not 0 <= size <= _LARGEST:
        raise ValueError(f"{_quote(value)} is not a size between 0 and {_LARGEST} bytes")
    return size


def parse_rate(value: object) -> int:
    """Bytes per second: a size, with or without ``/s`` after it, above zero."""
    text = value.removesuffix("/s") if isinstance(value, str) else value
    try:
        rate = parse_size(text)
    except ValueError as error:
        raise ValueError(
            f"{_quote(value)} is not a rate: {_SIZE_FORM}, with or without /s"
        ) from error
    if rate == 0:
        raise ValueError(f"{_quote(value)} is not a rate: it must be above zero")
    return rate


def parse_duration(value: object) -> float:
    """Seconds of ``90s``, ``1h30m``, ``250ms``, ``2d``, or of a plain number of seconds."""
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        parts = match.groupdict()
        exact = sum(
            _exactly(number) * _MICROSECONDS[unit] for unit, number in parts.items() if number
        )
        # A number of a thousand digits has no float at all.
        seconds = float(exact / 1_000_000) if exact <= _LARGEST * 1_000_000 else math.inf
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if abs(value) <= _LARGEST else math.inf
    else:
        raise ValueError(f"{_quote(value)} is not a duration: {_DURATION_FORM}")
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{_quote(value)} is not a duration: it must be finite and not negative")
    return seconds


def parse_cpus(value: object) -> float:
    """A number of cores, which may be a fraction: ``0.5`` is half of one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        cpus = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        cpus = float(value) if abs(value) <= _LARGEST else math.inf
    else:
        raise ValueError(f"{_quote(value)} is not a number of cores: {_CPUS_FORM}")
    if not (math.isfinite(cpus) and cpus > 0):
        raise ValueError(
            f"{_quote(value)} is not a number of cores: it must be finite and above zero"
        )
    return cpus


def parse_cpu_list(text: str) -> frozenset[int]:
    """The numbers of a list of CPUs or memory nodes in the kernel's form, such as ``0-3,6``."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = _RANGE.fullmatch(part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, _MOST_CPUS)
        if not first <= last < _MOST_CPUS:
            raise ValueError(f"{_quote(text)} is not a list of CPUs such as '0-3,6'")
        numbers.update(range(first, last + 1))
    return frozenset(numbers)


def format_size(size: int) -> str:
    """A size for a table: ``512B``, ``10MiB``, ``1.5GiB``; `parse_size` reads it back."""
    number, unit = float(size), "B"
    for prefix in _POWERS:
        # 1023.95 and above would be shown as 1024.0 of the smaller unit.
        if number < 1023.95:
            break
        number, unit = number / 1024, f"{prefix.upper()}iB"
    return f"{number:.1f}".removesuffix(".0") + unit


def format_decimal(size: int) -> str:
    """Three or four digits and a decimal unit, as Docker shows most sizes: ``4.86MB``."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_DECIMALS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g}{_DECIMALS[unit]}" if value < 999.5 else f"{value:.4g}{_DECIMALS[unit]}"


def format_duration(seconds: float) -> str:
    """A duration for a table: ``250ms``, ``1.5s``, ``1m30s``, ``2h05m``, ``3d4h``.

    `parse_duration` reads it back, to the precision that is shown.
    """
    if seconds < 0.0005:
        return "0s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s" if rest else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h" if hours else f"{days}d"
