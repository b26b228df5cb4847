"""The control socket: HTTP over a Unix socket that only its owner can reach."""

from supervisor.api.client import ControlClient, ControlError
from supervisor.api.server import serve_control

__all__ = ["ControlClient", "ControlError", "serve_control"]
