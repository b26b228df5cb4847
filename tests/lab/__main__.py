"""``./just lab``: runs the tests in guests that are what the machine at hand is not.

The guest ``v2`` has Debian's kernel, pure cgroup v2 and the host's own files; ``systemd`` is a
whole Debian with systemd. Both test the clone as it stands, with the Python of its .venv.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from tests.lab import debian
from tests.lab.initrd import initrd
from tests.lab.machine import STATUS, Guest, GuestError, boot

CLONE = Path(__file__).parents[2]
BUILD = CLONE / "build"
CACHE = BUILD / "lab"
PYTEST_OPTIONS = ("-o", "faulthandler_timeout=900", "-o", "cache_dir=/run/lab/pytest-cache")


@frozen(kw_only=True)
class Plan:
    """What is run in a guest, if nothing else is asked for, and how long that may take."""

    selection: Sequence[str]
    needs_disk: bool
    seconds: float


PLANS = {
    "v2": Plan(selection=("tests/integration", "tests/runtime"), needs_disk=False, seconds=1500),
    "systemd": Plan(selection=("tests/lab/systemd", "-m", "systemd"), needs_disk=True, seconds=900),
}


def main(arguments: Sequence[str]) -> int:
    """Run the guests asked for, all without a name, and return what pytest would."""
    names = list(PLANS)
    if arguments and arguments[0] in PLANS:
        names, arguments = [arguments[0]], arguments[1:]
    return max([_run(name, arguments) for name in names])


def _run(name: str, arguments: Sequence[str]) -> int:
    plan = PLANS[name]
    try:
        guest = _guest(name, plan, arguments or plan.selection)
        _say(f"starting the guest {name}")
        start = time.monotonic()
        results = boot(guest, BUILD / f"lab-{name}.console", plan.seconds)
    except (debian.PreparationError, GuestError) as error:
        _say(str(error))
        return 1
    if "junit.xml" in results:
        (BUILD / f"lab-{name}.xml").write_bytes(results["junit.xml"])
    status = int(results[STATUS])
    _say(f"{name}: exit code {status} after {time.monotonic() - start:.0f} s")
    return status


def _guest(name: str, plan: Plan, arguments: Sequence[str]) -> Guest:
    CACHE.mkdir(parents=True, exist_ok=True)
    kernel = debian.kernel(CACHE)
    settings = {
        "GUEST": name,
        "CLONE": str(CLONE),
        "PYTHON": sys.base_prefix,
        "ARGUMENTS": shlex.join((*PYTEST_OPTIONS, *_colour(), *arguments)),
        "COLUMNS": str(shutil.get_terminal_size().columns),
        "CI": os.environ.get("CI", ""),
    }
    shares = {"clone": CLONE}
    if plan.needs_disk:
        if sys.version_info[:2] != debian.IMAGE_PYTHON and sys.base_prefix == "/usr":
            raise debian.PreparationError(f"{sys.executable} is not the Python of {debian.SUITE}")
        shares["python"] = Path(sys.base_prefix)
    else:
        shares["host"] = Path("/")
    return Guest(
        kernel=kernel.image,
        initrd=initrd(kernel.modules, settings),
        shares=shares,
        disk=debian.disk(CACHE) if plan.needs_disk else None,
    )


def _colour() -> Sequence[str]:
    return ("--color=yes" if sys.stdout.isatty() else "--color=no",)


def _say(what: str) -> None:
    print(f"lab: {what}", flush=True)  # noqa: T201 # progress is what a program prints


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
