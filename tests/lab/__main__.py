"""``./just lab``: runs the tests in guests that are what the machine at hand is not.

A guest is a machine with Debian's kernel and pure cgroup v2: either with the host's own files, or
a whole Debian with systemd. All test the clone as it stands, with the packages of its .venv.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from attrs import evolve, frozen

from tests.lab import debian
from tests.lab.initrd import initrd
from tests.lab.machine import STATUS, Guest, GuestError, Machine
from tests.lab.shift import work
from tests.lab.systemd.service import BOOTED

CLONE = Path(__file__).parents[2]
BUILD = CLONE / "build"
CACHE = BUILD / "lab"
PYTEST_OPTIONS = ("-o", "faulthandler_timeout=900", "-o", "cache_dir=/run/lab/pytest-cache")


@frozen(kw_only=True)
class Plan:
    """What is run in a guest, if nothing else is asked for, and how long that may take."""

    suite: str | None
    """The Debian with systemd that is its root; the host's own files, if there is none."""
    selection: Sequence[str]
    seconds: float


PARTS = 5
"""Of the tests that need a kernel, so that no guest is left with much when the others are done."""
NEED_A_KERNEL = ("tests/integration", "tests/runtime/cgroups", "tests/runtime/security")
LEFT_OUT_IN_CI = tuple(
    f"tests/integration/{name}"
    for name in (
        *("cli/test_anonymous.py", "cli/test_attended.py", "cli/test_bad_options.py"),
        *("cli/test_detached.py", "cli/test_detaching.py", "cli/test_events.py"),
        *("cli/test_forkserver.py", "cli/test_images.py", "cli/test_log_files.py"),
        *("cli/test_ps.py", "cli/test_refusals.py", "cli/test_seccomp.py"),
        *("cli/test_terminal.py", "cli/test_volumes.py", "cli/test_wait.py"),
        *("images", "logs", "registry", "rootless"),
    )
)
"""For these control groups make little difference, or none beyond what others show. CI has less
than half an hour for all guests, in which each start of Python takes seconds."""
SECONDS = 1800


def _plans() -> dict[str, Plan]:
    """What there is to run, in the order of starting: the shortest comes last."""
    left_out = LEFT_OUT_IN_CI if os.environ.get("CI") == "true" else ()
    files = sorted(
        str(file.relative_to(CLONE))
        for directory in NEED_A_KERNEL
        for file in (CLONE / directory).rglob("test_*.py")
        if not any(file.is_relative_to(CLONE / each) for each in left_out)
    )
    plans = {
        f"v2-{part + 1}": Plan(suite=None, selection=files[part::PARTS], seconds=SECONDS)
        for part in range(PARTS)
    }
    tests = ("tests/lab/systemd", "-m", "systemd")
    plans["systemd-252"] = Plan(suite="bookworm", selection=tests, seconds=SECONDS)
    # What may differ: how it starts, watches, reloads and restarts a service.
    others = (*tests, "--ignore=tests/lab/systemd/test_end.py")
    plans["systemd-257"] = Plan(suite="trixie", selection=others, seconds=SECONDS)
    return plans


def main(arguments: Sequence[str]) -> int:
    """Run the guests asked for, all without a name, and return what pytest would."""
    plans = _plans()
    if arguments:
        name, *given = arguments
        if name not in plans:
            _say(f"{name} is no guest; these are: {', '.join(plans)}")
            return 2
        plans = {name: evolve(plans[name], selection=given or plans[name].selection)}
    import_module("runtime")  # builds its C parts if they have changed, which no guest does
    for name in plans:
        _report(name).unlink(missing_ok=True)
    try:
        return max(map(_judge, _work(plans)))
    except debian.PreparationError as error:
        _say(str(error))
        return 1


def _work(plans: Mapping[str, Plan]) -> Iterator[Machine]:
    """Start the guests and give each back when it is off. Raises PreparationError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kernel = debian.kernel(CACHE)
    # A guest has one processor, so this is what the machine can do at once.
    at_once = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor() as makers:
        # Disks are made while the first guests run: that is mostly waiting for the network.
        guests = [makers.submit(_guest, name, plan, kernel) for name, plan in plans.items()]
        yield from work(
            (guest.result() for guest in guests),
            at_once,
            BUILD,
            _tell_all if len(plans) > 1 else _tell_one,
        )


def _judge(machine: Machine) -> int:
    """Keep what a guest that is off has found out; returns what pytest has."""
    name = machine.guest.name
    try:
        results = machine.results()
    except GuestError as error:
        _say(f"{name}: {error}")
        return 1
    if "junit.xml" in results:
        _report(name).write_bytes(results["junit.xml"])
    status = int(results[STATUS])
    _say(f"{name}: exit code {status} after {time.monotonic() - machine.started:.0f} s")
    return status


def _report(guest: str) -> Path:
    return BUILD / f"lab-{guest}.xml"


def _guest(name: str, plan: Plan, kernel: debian.Kernel) -> Guest:
    python = debian.python(of_image=plan.suite is not None)
    settings = {
        "ROOT": "systemd" if plan.suite else "host",
        "CLONE": str(CLONE),
        "BOOTED": BOOTED,
        "DEBIAN_PYTHON": python or "",
        "OWN_PYTHON": sys.base_prefix,
        "ARGUMENTS": shlex.join((*PYTEST_OPTIONS, *_colour(), *plan.selection)),
        "COLUMNS": str(shutil.get_terminal_size().columns),
    }
    shares = {"clone": CLONE}
    if plan.suite is None:
        shares["host"] = Path("/")
    elif python is None:
        shares["python"] = Path(sys.base_prefix)
    return Guest(
        name=name,
        kernel=kernel.image,
        initrd=initrd(kernel.modules, settings),
        shares=shares,
        disk=debian.disk(CACHE, plan.suite) if plan.suite else None,
        seconds=plan.seconds,
    )


def _colour() -> Sequence[str]:
    return ("--color=yes" if sys.stdout.isatty() else "--color=no",)


def _say(what: str) -> None:
    _tell_one("", f"lab: {what}")


def _tell_one(_: str, line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _tell_all(guest: str, line: str) -> None:
    _tell_one(guest, f"{guest:>11} | {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
