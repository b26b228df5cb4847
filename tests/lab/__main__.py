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
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal

from attrs import evolve, frozen

from tests.lab import debian
from tests.lab.initrd import initrd
from tests.lab.machine import STATUS, Guest, GuestError, Machine
from tests.lab.shift import work

CLONE = Path(__file__).parents[2]
BUILD = CLONE / "build"
CACHE = BUILD / "lab"
PYTEST_OPTIONS = ("-o", "faulthandler_timeout=900", "-o", "cache_dir=/run/lab/pytest-cache")
CLI = "tests/integration/cli"
"""What takes longest, as it starts the most processes."""


@frozen(kw_only=True)
class Plan:
    """What is run in a guest, if nothing else is asked for, and how long that may take."""

    root: Literal["host", "systemd"]
    selection: Sequence[str]
    seconds: float


PLANS = {
    "v2-cli": Plan(root="host", selection=[CLI], seconds=2400),
    "systemd": Plan(root="systemd", selection=["tests/lab/systemd", "-m", "systemd"], seconds=1200),
    "v2": Plan(
        root="host",
        selection=["tests/integration", "tests/runtime", f"--ignore={CLI}"],
        seconds=2400,
    ),
}
"""The one that takes longest begins first, so that the others run beside it."""


def main(arguments: Sequence[str]) -> int:
    """Run the guests asked for, all without a name, and return what pytest would."""
    plans = PLANS
    if arguments and arguments[0] in PLANS:
        name, *given = arguments
        plans = {name: evolve(PLANS[name], selection=given or PLANS[name].selection)}
    elif arguments:
        _say(f"{arguments[0]} is no guest; these are: {', '.join(PLANS)}")
        return 2
    import_module("runtime")  # builds its C parts if they have changed, which no guest does
    try:
        guests = [_guest(name, plan) for name, plan in plans.items()]
    except debian.PreparationError as error:
        _say(str(error))
        return 1
    for name in plans:
        _report(name).unlink(missing_ok=True)
    _say(f"starting {', '.join(plans)}")
    # A guest has one processor, so this is what the machine can do at once.
    at_once = len(os.sched_getaffinity(0))
    tell = _tell_all if len(guests) > 1 else _tell_one
    return max([_judge(machine) for machine in work(guests, at_once, BUILD, tell)])


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


def _guest(name: str, plan: Plan) -> Guest:
    CACHE.mkdir(parents=True, exist_ok=True)
    kernel = debian.kernel(CACHE)
    python = debian.python(of_image=plan.root == "systemd")
    settings = {
        "ROOT": plan.root,
        "CLONE": str(CLONE),
        "DEBIAN_PYTHON": python or "",
        "OWN_PYTHON": sys.base_prefix,
        "ARGUMENTS": shlex.join((*PYTEST_OPTIONS, *_colour(), *plan.selection)),
        "COLUMNS": str(shutil.get_terminal_size().columns),
    }
    shares = {"clone": CLONE}
    if plan.root == "host":
        shares["host"] = Path("/")
    elif python is None:
        shares["python"] = Path(sys.base_prefix)
    return Guest(
        name=name,
        kernel=kernel.image,
        initrd=initrd(kernel.modules, settings),
        shares=shares,
        disk=debian.disk(CACHE) if plan.root == "systemd" else None,
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
    _tell_one(guest, f"{guest:>{max(map(len, PLANS))}} | {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
