"""Which image a name means, and what becomes of the entries of `index.json` when names change.

Pure. An entry has one name or none; an image with several names has as many entries. An image that
loses its last name to another one stays under its digest, as Docker's `<none>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve

from runtime.errors import ImageError
from runtime.images.manifest import Descriptor
from runtime.images.reference import DEFAULT_TAG, DIGEST, Reference, parse_reference
from runtime.nearest import did_you_mean

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{2,64})")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")


def name_of(entry: Descriptor) -> str | None:
    """The reference of an entry, in full."""
    return entry.annotations.get(REF_NAME)


def names_in(entries: Sequence[Descriptor], digest: str) -> tuple[str, ...]:
    """All names that an image has among these entries."""
    names = (name_of(entry) for entry in entries if entry.digest == digest)
    return tuple(name for name in names if name is not None)


def with_names(
    entries: Sequence[Descriptor], image: Descriptor, names: Sequence[str]
) -> list[Descriptor]:
    """The entries once `names`, in full, mean `image`; without names it is only kept."""
    result = [entry for name in names for entry in (_called(image, name),)]
    lost = [entry for entry in entries if name_of(entry) in names]
    result = [entry for entry in entries if entry not in lost] + result
    if not names:
        lost = [image]
    digests = {entry.digest for entry in result}
    for entry in lost:
        if entry.digest not in digests:
            result.append(_called(entry, None))
            digests.add(entry.digest)
    if names:
        result = [e for e in result if e.digest != image.digest or name_of(e) is not None]
    return result


def without(
    entries: Sequence[Descriptor], digest: str, names: Sequence[str] | None
) -> list[Descriptor]:
    """The entries without these names of an image; None for all of it."""
    return [
        entry
        for entry in entries
        if entry.digest != digest or (names is not None and name_of(entry) not in names)
    ]


def _called(entry: Descriptor, name: str | None) -> Descriptor:
    return evolve(entry, annotations={} if name is None else {REF_NAME: name}, platform=None)


def by_reference(entries: Sequence[Descriptor], text: str) -> list[Descriptor]:
    """The entries that a reference means; none where `text` is not one."""
    try:
        reference = parse_reference(text)
    except ImageError:
        return []
    if reference.digest is None:
        return [entry for entry in entries if name_of(entry) == str(reference)]
    return [entry for entry in entries if _is_digest_of(entry, reference)]


def _is_digest_of(entry: Descriptor, reference: Reference) -> bool:
    name = name_of(entry)
    if name is None:
        return False
    own = parse_reference(name)
    # The manifest for another platform has the name of the index that it was chosen from.
    return own.name == reference.name and reference.digest in {entry.digest, own.digest}


def nearest_to(text: str, entries: Sequence[Descriptor]) -> str:
    """As `did_you_mean`: which name of these entries may have been meant."""
    return did_you_mean(_familiar(text), familiar_names(entries))


def familiar_names(entries: Sequence[Descriptor]) -> list[str]:
    """The names of these entries as people write them."""
    names = (name_of(entry) for entry in entries)
    return [_familiar(name) for name in names if name is not None]


def _familiar(text: str) -> str:
    try:
        return parse_reference(text).familiar.removesuffix(f":{DEFAULT_TAG}")
    except ImageError:
        return text


def id_prefix(text: str) -> str | None:
    """The digest, or the beginning of one, that `text` is; None where it is neither."""
    if DIGEST.fullmatch(text):
        return text
    match = _PREFIX.fullmatch(text)
    return None if match is None else f"sha256:{match[1]}"


def is_image_name(text: str) -> bool:
    """Whether an image may be called so."""
    if DIGEST.fullmatch(text) or _IDENTIFIER.fullmatch(text):
        return True
    try:
        parse_reference(text)
    except ImageError:
        return False
    return True
