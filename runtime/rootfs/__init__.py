"""What a container's root is made of, and what is read from it before it exists."""

from runtime.rootfs.host import HostView, host_view
from runtime.rootfs.identity import Identity, resolve_identity
from runtime.rootfs.layers import read_from_layers

__all__ = ["HostView", "Identity", "host_view", "read_from_layers", "resolve_identity"]
