"""JSON documents of images, read so that everybody who reads them finds the same in them.

Pure. A key that stands there twice, a document that is too large or too deep, or one of another
kind than it is called: refused. A digest says what bytes are meant, this says what the bytes mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from runtime.errors import ImageError
from runtime.images.reference import DIGEST

MAX_DOCUMENT = 4 << 20
"""Bytes; registries refuse larger manifests too."""

Object: TypeAlias = Mapping[str, Any]
T = TypeVar("T")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ImageError("a key stands there twice")
    return result


def _constant(name: str) -> None:
    raise ImageError(f"{name} is not a number of JSON")


def parse(data: bytes, what: str) -> Object:
    """An object from its bytes; `what` names it in errors. Raises ImageError."""
    if len(data) > MAX_DOCUMENT:
        raise ImageError(f"{what} is larger than {MAX_DOCUMENT} bytes")
    try:
        value = json.loads(data, object_pairs_hook=_pairs, parse_constant=_constant)
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from error
    except RecursionError as error:
        raise ImageError(f"{what}: is nested too deep") from error
    except ValueError as error:
        raise ImageError(f"{what}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ImageError(f"{what}: is not an object")
    return value


def take(document: Object, key: str, kind: type[T], default: T) -> T:
    """The value at `key`, of this type; the default where it is absent or null."""
    value = document.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ImageError(f"{key}: {str(value)[:60]!r} is of the wrong type")
    return value


def take_list(document: Object, key: str, kind: type[T]) -> list[T]:
    """The list at `key`, each entry of this type; empty where it is absent or null."""
    values: list[Any] = take(document, key, list, [])
    for position, value in enumerate(values):
        if not isinstance(value, kind):
            raise ImageError(f"{key}[{position}]: {str(value)[:60]!r} is of the wrong type")
    return values


def take_texts(document: Object, key: str) -> dict[str, str]:
    """The object at `key` with strings for values; empty where it is absent or null."""
    values: dict[str, Any] = take(document, key, dict, {})
    for name, value in values.items():
        if not isinstance(value, str):
            raise ImageError(f"{key}.{name}: {str(value)[:60]!r} is not a string")
    return values


def check_digest(value: str) -> str:
    """The digest itself, if it is one that can be verified. Raises ImageError."""
    if not DIGEST.fullmatch(value):
        raise ImageError(f"digest {value[:100]!r} is not sha256 and 64 hexadecimal digits")
    return value


def encode(document: Object) -> bytes:
    """The one form in which documents are written: the same content has the same digest."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
