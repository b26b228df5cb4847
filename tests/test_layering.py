"""The shape of the source tree: imports go down only, decisions are pure, files stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

TOP = Path(__file__).parent.parent
PACKAGES = ("runtime", "supervisor")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE_NAMES = ("common", "helpers", "utils")

PURE = (
    "runtime.cgroups.changes",
    "runtime.cgroups.devicefilter",
    "runtime.cgroups.division",
    "runtime.cgroups.layout",
    "runtime.cgroups.settings",
    "runtime.cgroups.usage",
    "runtime.errors",
    "runtime.execspec",
    "runtime.images.changes",
    "runtime.images.config",
    "runtime.images.document",
    "runtime.images.image",
    "runtime.images.layerpath",
    "runtime.images.linkwalk",
    "runtime.images.manifest",
    "runtime.images.naming",
    "runtime.images.ownernote",
    "runtime.images.reference",
    "runtime.images.startup",
    "runtime.images.tarheader",
    "runtime.images.tarstream",
    "runtime.limits",
    "runtime.mountinfo",
    "runtime.nearest",
    "runtime.owners",
    "runtime.plan.build",
    "runtime.plan.credentials",
    "runtime.plan.joining",
    "runtime.plan.mounts",
    "runtime.plan.step",
    "runtime.registry.address",
    "runtime.registry.answer",
    "runtime.registry.authchange",
    "runtime.registry.authfile",
    "runtime.registry.challenge",
    "runtime.registry.retry",
    "runtime.registry.settings",
    "runtime.rootfs.identity",
    "runtime.security.capabilities",
    "runtime.security.customprofile",
    "runtime.security.masks",
    "runtime.security.profile",
    "runtime.security.profiledocument",
    "runtime.security.sysctls",
    "runtime.spec",
    "runtime.units",
    "runtime.volumes.naming",
    "supervisor.cli.copypath",
    "supervisor.cli.filters",
    "supervisor.cli.happenings",
    "supervisor.cli.image.wording",
    "supervisor.cli.moments",
    "supervisor.cli.manpage",
    "supervisor.cli.misuse",
    "supervisor.cli.overview",
    "supervisor.cli.samples",
    "supervisor.cli.templatefunctions",
    "supervisor.cli.templateparts",
    "supervisor.cli.system.shares",
    "supervisor.cli.truth",
    "supervisor.cli.volume.filtering",
    "supervisor.conflicts",
    "supervisor.anonymous",
    "supervisor.containerspec",
    "supervisor.envfile",
    "supervisor.faults",
    "supervisor.health",
    "supervisor.healthplan",
    "supervisor.isolation",
    "supervisor.jobsfile",
    "supervisor.jobspec",
    "supervisor.kinds",
    "supervisor.logs.events",
    "supervisor.logs.journald.entry",
    "supervisor.logs.lines",
    "supervisor.logs.pace",
    "supervisor.logs.query",
    "supervisor.logs.records",
    "supervisor.logs.render",
    "supervisor.logs.terminal",
    "supervisor.mounts",
    "supervisor.ordering",
    "supervisor.policies",
    "supervisor.positions",
    "supervisor.problems",
    "supervisor.registriesfile",
    "supervisor.resources",
    "supervisor.restart",
    "supervisor.revision",
    "supervisor.runorder",
    "supervisor.states",
    "supervisor.structuring",
    "supervisor.substitution",
    "supervisor.systemd.entry",
    "supervisor.systemd.status",
    "supervisor.systemd.units",
    "supervisor.values",
)
"""Modules that only decide: values in, values out, the same on every machine."""

INPUT_OUTPUT = (
    "asyncio", "ctypes", "fcntl", "glob", "http", "httpx", "hypercorn", "io", "logging", "mmap",
    "os", "pathlib.Path", "select", "selectors", "shutil", "socket", "sqlite3", "ssl",
    "starlette", "structlog", "subprocess", "tempfile", "threading", "time", "trio",
    "urllib.request",
)  # fmt: skip
"""What those may not import. Clocks and random numbers are handed to them."""


@frozen(kw_only=True)
class Source:
    """A Python file of the project."""

    path: Path
    tree: ast.Module
    lines: int

    @property
    def module(self) -> str:
        """Its dotted name; a package has that of its directory."""
        return ".".join(self.path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")

    def imports(self) -> Iterator[tuple[str, str]]:
        """All that it imports, as (module, name); the name is empty for a whole module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{self.path}: relative import"
                yield from ((node.module, alias.name) for alias in node.names)

    def uses(self, dotted: str) -> bool:
        """Tell whether it imports a module or name, or anything inside it."""
        return any(f"{'.'.join(used)}.".startswith(f"{dotted}.") for used in self.imports())


def _read(path: Path) -> Source:
    text = path.read_text()
    return Source(path=path, tree=ast.parse(text), lines=text.count("\n"))


SOURCES = [
    _read(path)
    for directory in (*PACKAGES, "tests", "bench")
    for path in sorted((TOP / directory).rglob("*.py"))
]
MODULES = {source.module: source for source in SOURCES}


def _of(package: str) -> list[Source]:
    return [source for source in SOURCES if source.path.is_relative_to(TOP / package)]


def test_the_runtime_does_not_know_the_supervisor() -> None:
    """The lower layer works without the upper one."""
    assert [source.module for source in _of("runtime") if source.uses("supervisor")] == []


def test_one_module_calls_the_kernel() -> None:
    """The C extension has a single door, so that one fake can stand for all of it."""
    users = {
        source.module
        for package in PACKAGES
        for source in _of(package)
        if source.uses("runtime._native")
    }
    assert users <= {"runtime.kernel"}


@pytest.mark.parametrize("name", PURE)
def test_decisions_are_pure(name: str) -> None:
    """It does no input or output, and takes from a module that does classes and constants only."""
    source = MODULES[name]
    functions = [
        f"{module}.{taken}"
        for module, taken in source.imports()
        if module in MODULES and module not in PURE and not taken[:1].isupper()
    ]
    calls = {
        node.func.id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert [module for module in INPUT_OUTPUT if source.uses(module)] == []
    assert functions == []
    assert not calls & {"input", "open", "print"}


def test_files_are_short() -> None:
    """A file that outgrows the limit holds two ideas."""
    assert {s.module: s.lines for s in SOURCES if s.lines > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """A function can be read without scrolling."""
    lengths = {
        f"{source.module}.{node.name}": node.end_lineno - node.lineno + 1
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def test_files_are_named_after_what_they_hold() -> None:
    """No file is called after the fact that others use it."""
    assert [s.module for s in SOURCES if set(s.module.split(".")) & set(VAGUE_NAMES)] == []
