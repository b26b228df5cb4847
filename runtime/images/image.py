"""An image of the store as a value. Pure."""

from __future__ import annotations

from attrs import frozen

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
