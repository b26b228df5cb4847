"""Reads a jobs file and looks at what it names on the host: the input and output around the reader.

Only regular files of bounded size are read, and opening one never waits: a fifo, a device or an
endless file is an error like any other.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import evolve

from runtime.spec import names_volume
from supervisor.envfile import parse_env_file
from supervisor.faults import Fault
from supervisor.jobsfile import place, read
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.policies import SecurityOptions
from supervisor.problems import JobsFileError, KeyPath, Problem

MAX_BYTES = 4 << 20


def open_jobsfile(path: Path, environ: Mapping[str, str]) -> JobsFile:
    """The jobs of a file, with the variables of env_files and seccomp profiles that it names.

    Raises JobsFileError with all that is wrong, sources that do not exist included.
    """
    shown = str(path)
    try:
        text = read_file(path)
    except (OSError, ValueError) as error:
        raise JobsFileError([Problem(shown, None, "", _cause(error))]) from error
    jobsfile, problems = read(text, os.path.abspath(path), environ, shown=shown)
    problems += check_sources(jobsfile, shown=shown)
    for add in (add_env_files, add_profiles):
        jobsfile, more = add(jobsfile, shown=shown)
        problems += more
    if problems:
        raise JobsFileError(
            sorted(problems, key=lambda problem: (problem.file != shown, problem.line or 0))
        )
    return jobsfile


def read_file(path: Path | str) -> bytes:
    """The bytes of a regular file; raises OSError, or ValueError for what is not one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES >> 20} MiB")
    return content


def check_sources(jobsfile: JobsFile, *, shown: str = "") -> list[Problem]:
    """What the jobs name on the host that is not there, or not of the right kind."""
    faults = [
        Fault(("jobs", name, *path), message)
        for name, job in jobsfile.jobs.items()
        for path, source, is_right in _sources(job)
        if (message := _check(source, is_right))
    ]
    return place(faults, jobsfile.text, shown or jobsfile.path)


def _sources(job: JobSpec) -> Iterator[tuple[KeyPath, str, _Wanted]]:
    if job.image is not None and job.image.startswith("/"):
        yield ("image",), job.image, _DIRECTORY
    if job.rootfs is not None:
        yield ("rootfs",), job.rootfs, _DIRECTORY
    for position, volume in enumerate(job.volumes):
        if volume.source is not None and not names_volume(volume.source):
            yield ("volumes", position), volume.source, _ANYTHING
    for position, device in enumerate(job.devices):
        yield ("devices", position), device.source, _DEVICE
    for position, limit in enumerate(job.limits.io):
        yield ("io", position, "device"), limit.device, _BLOCK_DEVICE


_Wanted = tuple[Callable[[int], bool], str]
_ANYTHING: _Wanted = (lambda _: True, "")
_DIRECTORY: _Wanted = (stat.S_ISDIR, "a directory")
_BLOCK_DEVICE: _Wanted = (stat.S_ISBLK, "a block device")
_DEVICE: _Wanted = (lambda mode: stat.S_ISBLK(mode) or stat.S_ISCHR(mode), "a device")


def _check(source: str, wanted: _Wanted) -> str | None:
    is_right, name = wanted
    try:
        mode = os.stat(source).st_mode
    except OSError as error:
        return f"{source}: {_cause(error)}"
    return None if is_right(mode) else f"{source}: is not {name}"


def add_env_files(jobsfile: JobsFile, *, shown: str = "") -> tuple[JobsFile, list[Problem]]:
    """The jobs with the variables of their env_files below their own, and what was wrong.

    A problem inside an env_file names that file and its line.
    """
    faults: list[Fault] = []
    problems: list[Problem] = []
    jobs = {}
    for name, job in jobsfile.jobs.items():
        variables: dict[str, str] = {}
        for position, path in enumerate(job.env_file):
            key: KeyPath = ("jobs", name, "env_file", position)
            try:
                variables |= parse_env_file(read_file(path).decode(), path)
            except JobsFileError as error:
                problems += error.problems
            except (OSError, ValueError) as error:
                faults.append(Fault(key, f"{path}: {_cause(error)}"))
        jobs[name] = evolve(job, environment={**variables, **job.environment})
    placed = place(faults, jobsfile.text, shown or jobsfile.path)
    return evolve(jobsfile, jobs=jobs), placed + list(dict.fromkeys(problems))


def add_profiles(jobsfile: JobsFile, *, shown: str = "") -> tuple[JobsFile, list[Problem]]:
    """The jobs with the seccomp profiles that they name, and what was wrong with those."""
    faults: list[Fault] = []
    jobs = {}
    for name, job in jobsfile.jobs.items():
        try:
            jobs[name] = evolve(job, security_opt=with_profile(job.security_opt))
        except ValueError as error:
            jobs[name] = job
            faults.append(Fault(("jobs", name, "security_opt"), str(error)))
    return evolve(jobsfile, jobs=jobs), place(faults, jobsfile.text, shown or jobsfile.path)


def with_profile(options: SecurityOptions) -> SecurityOptions:
    """The options with the content of the file that they name, from now on without the file.

    Raises ValueError with the file, the place in it and the cause.
    """
    path = options.seccomp_file
    if path is None:
        return options
    from runtime.security.profiledocument import compact_profile  # only who has one pays for it

    try:
        profile = compact_profile(read_file(path).decode())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {_cause(error)}") from error
    return evolve(options, seccomp_file=None, seccomp_profile=profile)


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error)
