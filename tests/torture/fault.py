"""A fault: what goes wrong, at which call of whom. Pure.

Calls are numbered from 1 in the order in which a role makes them, those of one kind of fault
apart from those of others.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import frozen

from tests.torture.calls import CHANGING, can_fail

Role: TypeAlias = Literal["supervisor", "init", "command"]
"""`init` is the container's first process from its birth; `command` its child until it executes."""

Mode: TypeAlias = Literal["fail", "kill", "orphan", "delay"]
"""The call fails; its caller is killed in front of it; the supervisor is; it takes its time."""

ROLES: tuple[Role, ...] = ("supervisor", "init", "command")
MODES: tuple[Mode, ...] = ("fail", "kill", "orphan", "delay")


@frozen
class Fault:
    """At call `number` of `role` in a play, `mode` happens."""

    play: str
    role: Role
    mode: Mode
    number: int

    def __str__(self) -> str:
        return f"{self.play}:{self.role}:{self.mode}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read what `str` has written."""
        play, role, mode, number = text.split(":")
        (known_role,) = (each for each in ROLES if each == role)
        (known_mode,) = (each for each in MODES if each == mode)
        return cls(play, known_role, known_mode, int(number))


def counts(mode: Mode, call: str, subject: str) -> bool:
    """Whether a call is one of those that are counted for a kind of fault."""
    return can_fail(call, subject) if mode == "fail" else call in CHANGING


def modes_of(role: Role) -> tuple[Mode, ...]:
    """The kinds of fault that make sense for a role: killing the supervisor is one thing."""
    return ("fail", "kill", "delay") if role == "supervisor" else MODES
