"""What a container leaves to the commands that join it, and the plan by which they do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

from runtime.errors import SpecError
from runtime.execspec import ExecSpec, dump_inherited, load_inherited
from runtime.plan import Step, encode
from runtime.plan.joining import NAMESPACES, joining_plan
from runtime.rootfs import Identity
from runtime.spec import ContainerSpec, Terminal
from tests.runtime.test_plan_order import SPECS

NOBODY = Identity(uid=65534, gid=65534, groups=(7,), home="/")


@given(SPECS)
def test_a_command_gets_what_the_container_has(spec: ContainerSpec) -> None:
    """Whatever the container asked for is the same in the document that lies beside it."""
    joining = load_inherited(dump_inherited(spec), ("true",))
    for name in (
        "environment", "working_dir", "user", "groups", "hostname", "ulimits", "capabilities",
        "no_new_privileges", "seccomp", "seccomp_profile", "umask",
    ):  # fmt: skip
        assert getattr(joining, name) == getattr(spec, name)
    assert (joining.command, joining.terminal, joining.stdin) == (("true",), None, False)


@given(SPECS)
def test_the_document_holds_nothing_else(spec: ContainerSpec) -> None:
    """Neither where the host keeps things nor what the first command was."""
    assert len(json.loads(dump_inherited(spec))) == 11


@given(SPECS)
def test_nothing_is_visible_inside_before_it_is_confined(spec: ContainerSpec) -> None:
    """Joined at once; then a process of the container's, whose credentials are those of others."""
    joining = evolve(load_inherited(dump_inherited(spec), ("true",)), terminal=spec.terminal)
    plan = joining_plan(joining, NOBODY, b"12345678")
    names = [step.name for step in plan]
    assert plan[:3] == (Step("session"), Step("keyring"), Step("join", (NAMESPACES,)))
    assert names[3 : names.index("process")] == ["terminal"] * (spec.terminal is not None)
    assert names[names.index("process") + 1] == "session"
    assert names[-2:] == ["chdir", "exec"]
    assert encode(plan)


def test_the_console_stays_the_containers() -> None:
    """A second terminal is not put in its place."""
    spec = ExecSpec(command=("sh",), terminal=Terminal(rows=1, columns=2))
    (step,) = [step for step in joining_plan(spec, NOBODY, b"") if step.name == "terminal"]
    assert step.arguments == (65534, 1, 2, 0, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"command": ()}, "command"),
        ({"command": ("a", "b\0")}, r"command\[1\]"),
        ({"working_dir": "tmp"}, "working_dir"),
        ({"environment": {"A=B": "c"}}, "environment"),
        ({"environment": {"A": "\0"}}, "environment"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], field: str) -> None:
    """By the name of the field, before anything is started."""
    with pytest.raises(SpecError, match=f"^{field}: "):
        evolve(ExecSpec(command=("true",)), **changes)


def test_a_terminal_has_a_size_that_the_kernel_can_keep() -> None:
    """It has 16 bits for each side."""
    with pytest.raises(SpecError, match=r"terminal\.columns: 65536"):
        Terminal(rows=1, columns=65536)
