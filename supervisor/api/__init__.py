"""The control socket: HTTP over a Unix socket that only its owner can reach.

Only the client is exported: who asks a supervisor for something need not be able to be one.
"""

from supervisor.api.client import Answer, ControlClient, ControlError, Gone, NotServed

__all__ = ["Answer", "ControlClient", "ControlError", "Gone", "NotServed"]
