"""What is public: the names in a package's ``__all__``, and each of them explained."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
INITS = [path for name in ("runtime", "supervisor") for path in (TOP / name).rglob("__init__.py")]
EXPORTING = [
    ".".join(path.parent.relative_to(TOP).parts)
    for path in sorted(INITS)
    if any(
        isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for node in ast.parse(path.read_text()).body
    )
]
"""Packages that take names out of their modules for others to use."""


@pytest.mark.parametrize("name", EXPORTING)
def test_a_package_lists_what_it_exports(name: str) -> None:
    """``__all__`` holds all public names that are there, each once, and no other."""
    package = importlib.import_module(name)
    for key in package.__all__:
        getattr(package, key)  # some are loaded when they are first used
    public = {
        key
        for key, value in vars(package).items()
        if not key.startswith("_") and not inspect.ismodule(value) and key != "annotations"
    }
    assert sorted(package.__all__) == sorted(public)


@pytest.mark.parametrize("name", EXPORTING)
def test_every_export_is_explained(name: str) -> None:
    """Whoever asks for help on a public class or function gets an answer."""
    package = importlib.import_module(name)
    values = {key: getattr(package, key) for key in package.__all__}
    mute = [
        key
        for key, value in values.items()
        if (inspect.isclass(value) or inspect.isroutine(value)) and not value.__doc__
    ]
    assert mute == []
