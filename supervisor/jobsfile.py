"""Reads jobs.toml: a checked `JobsFile`, or every problem of the file at once.

Pure: the text, the place of the file and the supervisor's environment are given. Whether the
files that jobs name exist is found out in `supervisor.sources`. Keys of ``[defaults]`` hold for
every job that does not set them itself; variables and labels are added to one by one.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, cast

from attrs import define, field, frozen

from runtime.errors import SpecError
from runtime.limits import Limits
from runtime.nearest import did_you_mean
from supervisor.conflicts import (
    check_dependencies,
    check_job,
    limits_of,
    may_be_healthy,
    one_of_each,
)
from supervisor.faults import REFUSALS, Fault, faults_of
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.kinds import keys_of
from supervisor.policies import Dependency, RestartPolicy
from supervisor.positions import find_positions
from supervisor.problems import JobsFileError, KeyPath, Problem, show_path
from supervisor.resources import Resources
from supervisor.structuring import Readers
from supervisor.substitution import substitute_all
from supervisor.values import expect

JOB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")

_SYNTAX_ERROR = re.compile(r"(.*) \(at (?:line ([0-9]+), column [0-9]+|end of document)\)")
_NOT_IN_PROJECT = re.compile(r"[^a-z0-9_-]")
_PROJECT_LENGTH = 50
_TABLES = ("defaults", "jobs")
_ADDED_TO = ("environment", "labels")

_OTHER_NAMES = {
    "container_name": "a job has the name of its table",
    "cpu_quota": 'did you mean "cpus"?',
    "cpu_shares": 'did you mean "cpu_weight"?',
    "mem_limit": 'did you mean "memory"?',
    "mem_reservation": 'did you mean "memory_reservation"?',
    "memswap_limit": 'did you mean "memory_swap"?',
    "network": 'did you mean "network_mode"?',
}
"""What users of Compose and Docker may look for."""


def load(text: bytes, path: str, environ: Mapping[str, str], *, shown: str = "") -> JobsFile:
    """The jobs of a file; raises JobsFileError.

    `path` is absolute; relative paths in the file start at its directory. `shown` is what
    problems call the file, if not by that path.
    """
    jobsfile, problems = read(text, path, environ, shown=shown)
    if problems:
        raise JobsFileError(problems)
    return jobsfile


def read(
    text: bytes, path: str, environ: Mapping[str, str], *, shown: str = ""
) -> tuple[JobsFile, list[Problem]]:
    """Like `load`, but what could be read beside the problems, so that more may be found.

    Raises JobsFileError only if the text is not TOML at all.
    """
    file = shown or path
    try:
        document = parse_toml(text, file)
        reader = _Reader(readers=Readers(posixpath.dirname(path), environ))
        jobsfile = reader.read(reader.substitute(document, environ), path, text)
        return jobsfile, place(reader.faults, text, file)
    except RecursionError as error:
        raise JobsFileError([Problem(file, None, "", "is nested too deeply")]) from error


def read_tables(tables: Mapping[str, object], path: str, name: str) -> JobsFile:
    """The jobs of tables that a program has written; raises JobsFileError.

    All is meant as it is written: no variables are replaced, and paths are absolute.
    """
    reader = _Reader(readers=Readers(posixpath.dirname(path), {}))
    jobsfile = reader.read({"name": name, "jobs": dict(tables)}, path, b"")
    if reader.faults:
        raise JobsFileError(
            Problem(path, None, show_path(fault.path), fault.message) for fault in reader.faults
        )
    return jobsfile


def place(faults: Iterable[Fault], text: bytes, file: str) -> list[Problem]:
    """Faults as problems of a file, in its order; one fault found in many jobs is one problem."""
    distinct = list(dict.fromkeys(faults))
    if not distinct:
        return []
    positions = find_positions(text)
    problems = []
    for fault in distinct:
        path = positions.origin(fault.path)
        problems.append(Problem(file, positions.line(path), show_path(path), fault.message))
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)


def parse_toml(text: bytes, file: str) -> dict[str, object]:
    """The document in a text; raises JobsFileError where it is not TOML."""
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        message = f"byte {text[error.start]:#04x} is not UTF-8"
        raise JobsFileError([Problem(file, line, "", message)]) from error
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX_ERROR.fullmatch(str(error))
        message, number = match.groups() if match else (str(error), None)
        line = int(number) if number else text.rstrip().count(b"\n") + 1
        message = message[:1].lower() + message[1:]
        raise JobsFileError([Problem(file, line, "", message)]) from error


@cache
def _job_keys() -> Mapping[str, Any]:
    return {**keys_of(JobSpec), **keys_of(Resources)}


@frozen
class _Table:
    """A table of keys as far as it could be read; `faulty` ones are there, but unusable."""

    values: dict[str, Any] = field(factory=dict)
    faulty: set[str] = field(factory=set)

    @property
    def restart(self) -> RestartPolicy:
        """The restart policy of a job's table."""
        policy = self.values.get("restart", RestartPolicy())
        assert isinstance(policy, RestartPolicy)
        return policy

    def over(self, defaults: _Table) -> _Table:
        """The table of a job with the defaults below it."""
        kept = one_of_each(
            self.values.keys() | self.faulty, defaults.values.keys() | defaults.faulty
        )
        values = {key: defaults.values[key] for key in defaults.values if key in kept} | self.values
        for key in _ADDED_TO:
            if key in defaults.values and key in self.values:
                values[key] = {**defaults.values[key], **self.values[key]}
        return _Table(values, self.faulty | (defaults.faulty & kept))


@define(kw_only=True)
class _Reader:
    """One reading of one file, which collects the faults of all of it.

    `unusable` holds the key paths of strings that could not be used, and of all around them.
    """

    readers: Readers
    faults: list[Fault] = field(factory=list)
    unusable: set[KeyPath] = field(factory=set)

    def substitute(
        self, document: dict[str, object], environ: Mapping[str, str]
    ) -> dict[str, object]:
        """The document with its variables replaced."""
        substituted = substitute_all(document, environ, (), self.faults)
        for fault in self.faults:
            self.unusable.update(fault.path[:end] for end in range(1, len(fault.path) + 1))
        return cast(dict[str, object], substituted)

    def read(self, document: dict[str, object], path: str, text: bytes) -> JobsFile:
        """All that can be read of the document."""
        top = self._read_keys(document, (), keys_of(JobsFile), besides=_TABLES).values
        defaults = self._read_defaults(self._table(document, ("defaults",)))
        jobs = self._table(document, ("jobs",))
        if jobs == {} and ("jobs",) not in self.unusable:
            self._fault((), "has no jobs: a job is a table [jobs.NAME]")
        tables = {name: self._read_job(jobs, name).over(defaults) for name in jobs}
        for name, table in tables.items():
            if ("jobs", name) not in self.unusable:
                self._add(check_job(table.values, table.faulty), ("jobs", name))
        self._check_dependencies(jobs, tables)
        return JobsFile(
            path=path,
            name=top.get("name") or self._name_of_directory(posixpath.dirname(path)),
            concurrency=top.get("concurrency"),
            jobs={name: _build(name, tables) for name in tables},
            text=text,
        )

    def _read_job(self, jobs: Mapping[str, object], name: str) -> _Table:
        path: KeyPath = ("jobs", name)
        if not JOB_NAME.fullmatch(name):
            self._fault(
                path,
                "is not a job name: at most 63 letters, digits, '_', '.' and '-',"
                " a letter or digit first",
            )
        return self._read_keys(self._table(jobs, path), path, _job_keys())

    def _read_defaults(self, defaults: Mapping[str, object]) -> _Table:
        if "depends_on" in defaults:
            self._fault(("defaults", "depends_on"), "has no default: it is each job's own")
        return self._read_keys(defaults, ("defaults",), _job_keys(), besides=("depends_on",))

    def _read_keys(
        self,
        table: Mapping[str, object],
        path: KeyPath,
        keys: Mapping[str, Any],
        besides: Collection[str] = (),
    ) -> _Table:
        found = _Table()
        for name, value in table.items():
            if name in besides:
                continue
            where = (*path, name)
            if name not in keys:
                self._fault(where, f"unknown key{_suggestion(name, [*keys, *besides])}")
            elif where in self.unusable:
                found.faulty.add(name)
            else:
                try:
                    found.values[name] = self.readers.read(value, keys[name])
                except REFUSALS as error:
                    found.faulty.add(name)
                    self._add(faults_of(error), where)
        return found

    def _check_dependencies(self, jobs: Mapping[str, object], tables: Mapping[str, _Table]) -> None:
        needs = {name: table.values.get("depends_on", {}) for name, table in tables.items()}
        restarts = {name: table.restart for name, table in tables.items()}
        tested = {
            name for name, table in tables.items() if may_be_healthy(table.values, table.faulty)
        }
        for name, other, message in check_dependencies(needs, restarts, tested):
            path: KeyPath = ("jobs", name, "depends_on")
            if other is not None:
                written = cast(dict[str, dict[str, object]], jobs)[name]["depends_on"]
                path = (*path, written.index(other) if isinstance(written, list) else other)
            self._fault(path, message)

    def _table(self, around: Mapping[str, object], path: KeyPath) -> dict[str, object]:
        """The table at the end of `path`, which is in `around`; an empty one in its place."""
        try:
            return cast(dict[str, object], expect(around.get(cast(str, path[-1]), {}), dict))
        except TypeError as error:
            self._fault(path, str(error))
            self.unusable.add(path)
            return {}

    def _name_of_directory(self, directory: str) -> str:
        name = _NOT_IN_PROJECT.sub("", posixpath.basename(directory).lower()).lstrip("_-")
        if not name:
            self._fault((), "needs a name: that of the directory has no letter or digit")
        return name[:_PROJECT_LENGTH]

    def _fault(self, path: KeyPath, message: str) -> None:
        self.faults.append(Fault(path, message))

    def _add(self, faults: Iterable[Fault], path: KeyPath) -> None:
        self.faults += [Fault(path + fault.path, fault.message) for fault in faults]


def _build(name: str, tables: Mapping[str, _Table]) -> JobSpec:
    """The job, with the default in the place of whatever could not be read."""
    values = tables[name].values
    own = {key: value for key, value in values.items() if key in keys_of(JobSpec)}
    own["depends_on"] = tuple(
        Dependency(job=other, condition=condition or tables[other].restart.awaited)
        for other, condition in values.get("depends_on", {}).items()
        if other in tables
    )
    try:
        limits = limits_of(values)
    except SpecError:
        limits = Limits()
    return JobSpec(name=name, limits=limits, **own)


def _suggestion(name: str, known: Collection[str]) -> str:
    if name in _OTHER_NAMES:
        return f"; {_OTHER_NAMES[name]}"
    return did_you_mean(name, known)
