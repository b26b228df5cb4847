"""An image of the store as a value. Pure."""

from __future__ import annotations

from attrs import field, frozen

from runtime.images.config import Configuration, ImageConfig
from runtime.images.manifest import Descriptor, Manifest


@frozen(kw_only=True)
class Image:
    """An image of the store. `layers` are directories, topmost first, once they are unpacked."""

    names: tuple[str, ...]
    """Its references, in full; none where it has lost its last one."""
    target: Descriptor
    """What `index.json` names: a manifest, or an index of several platforms."""
    manifest: Manifest
    id: str
    """The digest of its configuration."""
    configuration: Configuration
    layers: tuple[str, ...] = ()

    @property
    def config(self) -> ImageConfig:
        """How its containers start."""
        return self.configuration.config


@frozen(kw_only=True)
class Damaged:
    """An image whose documents are not what they should be: it has names, and can be removed."""

    names: tuple[str, ...]
    target: Descriptor
    problem: str

    def __str__(self) -> str:
        return f"image {', '.join(self.names) or self.target.digest} is damaged: {self.problem}"


@frozen
class Survey:
    """All images of a store."""

    images: list[Image] = field(factory=list)
    damaged: list[Damaged] = field(factory=list)
