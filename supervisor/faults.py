"""What is refused while a value is read, before it is known where in a file the value stands.

Reading goes on after a fault wherever that makes sense, so that one look at a file finds all of
them; cattrs does the same for tables, and `faults_of` turns either kind of error into faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, fields, frozen

from runtime.errors import SpecError
from runtime.nearest import did_you_mean
from supervisor.problems import KeyPath

if TYPE_CHECKING:
    from cattrs.errors import AttributeValidationNote

K = TypeVar("K", bound=str | int)
T = TypeVar("T")


@frozen
class Fault:
    """One refused value: its key path, counted from the value that was read, and the cause."""

    path: KeyPath
    message: str


class Refused(Exception):
    """A value is refused for one or more faults at or below it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


REFUSALS = (ValueError, TypeError, SpecError, Refused, ExceptionGroup)
"""All that reading a value may raise because of the value; of a table cattrs raises a group."""


def read_each(entries: Iterable[tuple[K, object]], read: Callable[[K, object], T]) -> dict[K, T]:
    """Read every entry of a list or table; raises `Refused` with the faults of all of them."""
    values: dict[K, T] = {}
    faults: list[Fault] = []
    for key, entry in entries:
        try:
            values[key] = read(key, entry)
        except REFUSALS as error:
            faults += faults_of(error, (key,))
    if faults:
        raise Refused(faults)
    return values


def faults_of(error: BaseException, path: KeyPath = ()) -> Iterator[Fault]:
    """The faults that one of `REFUSALS` stands for, below `path`."""
    if isinstance(error, Refused):
        yield from (evolve(fault, path=path + fault.path) for fault in error.faults)
    elif isinstance(error, SpecError):
        yield Fault((*path, error.field), error.problem)
    elif isinstance(error, ValueError | TypeError):
        yield Fault(path, str(error))
    else:
        yield from _faults_of_table(error, path)


def _faults_of_table(error: BaseException, path: KeyPath) -> Iterator[Fault]:
    from cattrs import ClassValidationError, ForbiddenExtraKeysError  # it was there to raise them

    if isinstance(error, ClassValidationError):
        noted, others = error.group_exceptions()
        for inner, note in noted:
            yield from _faults_of_attribute(inner, note, path)
        for inner in others:
            yield from faults_of(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [attribute.name for attribute in fields(error.cl)]
        for name in sorted(error.extra_fields):
            yield Fault((*path, name), f"unknown key{did_you_mean(name, known)}")
    else:
        # Not about the value: a mistake in this program, which must not look like one in the file.
        raise error


def _faults_of_attribute(
    error: Exception, note: AttributeValidationNote, path: KeyPath
) -> Iterator[Fault]:
    if isinstance(error, KeyError):
        yield Fault(path, f"needs the key {note.name}")
    else:
        yield from faults_of(error, (*path, note.name))
