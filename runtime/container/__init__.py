"""One container: made, started, watched, ended and removed without a trace."""

from runtime.container.container import Container
from runtime.container.exit import Exit
from runtime.container.runtime import Runtime

__all__ = ["Container", "Exit", "Runtime"]
