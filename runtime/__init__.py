"""How to run one container: images, root, cgroups, security, processes.

The public names are loaded when they are first used, so that a command that starts no container
does not pay for what starts one.
"""

from __future__ import annotations

import importlib
import typing

if typing.TYPE_CHECKING:
    from runtime.container import Container, Execution, Exit, Runtime
    from runtime.directories import Directories
    from runtime.errors import CgroupError, ContainerError, SpecError, StartError
    from runtime.execspec import ExecSpec
    from runtime.limits import Limits
    from runtime.spec import ContainerSpec

__all__ = [
    "CgroupError",
    "Container",
    "ContainerError",
    "ContainerSpec",
    "Directories",
    "ExecSpec",
    "Execution",
    "Exit",
    "Limits",
    "Runtime",
    "SpecError",
    "StartError",
]

_HOMES = {
    "CgroupError": "runtime.errors",
    "Container": "runtime.container",
    "ContainerError": "runtime.errors",
    "ContainerSpec": "runtime.spec",
    "Directories": "runtime.directories",
    "ExecSpec": "runtime.execspec",
    "Execution": "runtime.container",
    "Exit": "runtime.container",
    "Limits": "runtime.limits",
    "Runtime": "runtime.container",
    "SpecError": "runtime.errors",
    "StartError": "runtime.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
