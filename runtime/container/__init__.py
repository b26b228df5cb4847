"""One container: made, started, watched, ended and removed without a trace."""

from runtime.container.container import Container
from runtime.container.execution import Execution
from runtime.container.exit import Exit
from runtime.container.prepare import preview_plan
from runtime.container.runtime import Runtime
from runtime.container.witness import Silent, Testimony

__all__ = [
    "Container",
    "Execution",
    "Exit",
    "Runtime",
    "Silent",
    "Testimony",
    "preview_plan",
]
