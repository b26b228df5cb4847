"""Manifests and indexes, of OCI and of Docker's schema 2, as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from runtime.errors import ImageError
from runtime.images.document import Object, check_digest, parse, take, take_list, take_texts

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)
CONFIG_TYPES = (OCI_CONFIG, DOCKER_CONFIG)

Packing: TypeAlias = Literal["", "gzip", "zstd"]

_LAYER_TYPES: Mapping[str, Packing] = {
    OCI_LAYER: "",
    f"{OCI_LAYER}+gzip": "gzip",
    f"{OCI_LAYER}+zstd": "zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": "",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar": "",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
}

_MAX_LAYERS = 499
_MAX_SIZE = 1 << 50


@frozen(kw_only=True)
class Platform:
    """What an image was built for, in Go's words."""

    architecture: str
    os: str = "linux"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@frozen(kw_only=True)
class Descriptor:
    """Names a blob: what it is, which bytes, and how many."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(factory=dict)
    platform: Platform | None = None

    @classmethod
    def read(cls, document: Object) -> Descriptor:
        """From its JSON. Raises ImageError."""
        size = take(document, "size", int, -1)
        if not 0 <= size <= _MAX_SIZE:
            raise ImageError(f"size: {size} is not one")
        platform = take(document, "platform", dict, {})
        return cls(
            media_type=take(document, "mediaType", str, ""),
            digest=check_digest(take(document, "digest", str, "")),
            size=size,
            annotations=take_texts(document, "annotations"),
            platform=_platform(platform) if platform else None,
        )

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        result: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.annotations:
            result["annotations"] = dict(self.annotations)
        if self.platform is not None:
            result["platform"] = {
                "architecture": self.platform.architecture,
                "os": self.platform.os,
                **({"variant": self.platform.variant} if self.platform.variant else {}),
            }
        return result


@frozen(kw_only=True)
class Manifest:
    """One image for one platform. `layers` are in the order of the file: the lowest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    def document(self) -> Mapping[str, object]:
        """The file."""
        return {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.document(),
            "layers": [layer.document() for layer in self.layers],
        }


@frozen(kw_only=True)
class Index:
    """The same image for several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]

    def document(self) -> Mapping[str, object]:
        """The file."""
        return {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [each.document() for each in self.manifests],
        }


def packing_of(descriptor: Descriptor) -> Packing:
    """How a layer of this type is compressed. Raises ImageError."""
    if descriptor.media_type not in _LAYER_TYPES:
        raise ImageError(
            f"layer {descriptor.digest}: {descriptor.media_type[:100]!r} is no supported media type"
        )
    return _LAYER_TYPES[descriptor.media_type]


def read_manifest(data: bytes, media_type: str, digest: str) -> Manifest | Index:
    """A manifest or an index, as `media_type` says which. Raises ImageError.

    The bytes must be what their digest says already. What could be taken for either is refused:
    two readers would see two images behind one digest.
    """
    what = f"manifest {digest}"
    document = parse(data, what)
    try:
        _check_kind(document, media_type)
        if media_type in INDEX_TYPES:
            return _index(document, media_type)
        if media_type in MANIFEST_TYPES:
            return _manifest(document, media_type)
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from error
    raise ImageError(f"{what}: media type {media_type[:100]!r} is not supported")


def _check_kind(document: Object, media_type: str) -> None:
    inner = take(document, "mediaType", str, media_type)
    if inner != media_type:
        raise ImageError(f"says that it is {inner[:100]!r}, but was called {media_type[:100]!r}")
    if take(document, "schemaVersion", int, 0) != 2:
        raise ImageError("schemaVersion is not 2")


def _index(document: Object, media_type: str) -> Index:
    if "layers" in document or "config" in document or "fsLayers" in document:
        raise ImageError("is an index and a manifest at once")
    entries = take_list(document, "manifests", dict)
    return Index(
        media_type=media_type, manifests=tuple(Descriptor.read(entry) for entry in entries)
    )


def _manifest(document: Object, media_type: str) -> Manifest:
    if "manifests" in document or "fsLayers" in document:
        raise ImageError("is a manifest and an index at once")
    config = Descriptor.read(take(document, "config", dict, {}))
    if config.media_type not in CONFIG_TYPES:
        raise ImageError(f"config: {config.media_type[:100]!r} is not that of an image")
    layers = tuple(Descriptor.read(entry) for entry in take_list(document, "layers", dict))
    if len(layers) > _MAX_LAYERS:
        raise ImageError(f"has {len(layers)} layers; overlay takes {_MAX_LAYERS}")
    for layer in layers:
        packing_of(layer)
    return Manifest(media_type=media_type, config=config, layers=layers)


def _platform(document: Object) -> Platform:
    return Platform(
        architecture=take(document, "architecture", str, ""),
        os=take(document, "os", str, ""),
        variant=take(document, "variant", str, ""),
    )


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PLATFORM = re.compile(r"(?:([a-z0-9]+)/)?([a-z0-9_]+)(?:/([a-z0-9.]+))?")


def platform_of_machine(machine: str) -> Platform:
    """The platform of a machine by the name that uname(2) has for it."""
    return Platform(architecture=_ARCHITECTURES.get(machine, machine))


def parse_platform(text: str) -> Platform:
    """A platform as users write it: ``linux/arm64``, ``linux/arm/v7``, ``arm64``.

    Raises ImageError.
    """
    match = _PLATFORM.fullmatch(text.lower())
    if match is None or (match[3] and not match[1]):
        raise ImageError(f"platform {text[:100]!r} is not [OS/]ARCHITECTURE[/VARIANT]")
    return Platform(
        os=match[1] or "linux",
        architecture=_ARCHITECTURES.get(match[2], match[2]),
        variant=match[3] or "",
    )


def choose(index: Index, wanted: Platform) -> Descriptor:
    """The manifest for a platform, the first that fits. Raises ImageError."""
    for descriptor in index.manifests:
        offered = descriptor.platform
        if offered is not None and fits(offered, wanted):
            return descriptor
    named = sorted({str(d.platform) for d in index.manifests if d.platform is not None})
    only = index.manifests[0] if len(index.manifests) == 1 else None
    if only is not None and only.platform is None:
        return only
    raise ImageError(f"there is none for {wanted}, only for {', '.join(named) or 'no platform'}")


def fits(offered: Platform, wanted: Platform) -> bool:
    """Whether what was built for one platform is what is wanted for another."""
    return (
        offered.os == wanted.os
        and offered.architecture == wanted.architecture
        and (not wanted.variant or offered.variant == wanted.variant)
    )
