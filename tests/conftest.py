"""What all tests share: the places they work in, what they may skip, what they may not leave.

A session that leaves anything on the machine fails, and so does one in CI that skips a test which
this machine could run.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runtime.directories import Directories
from tests.leaks import (
    SESSION_VARIABLE,
    Observation,
    cgroup_mounts,
    left_behind,
    mounts,
    observe,
)

NEEDS_V1 = "needs cgroup v1"
SKIPS_ALLOWED_WITHOUT_V1 = (NEEDS_V1, "needs a v2 mount without the cpu controller")
"""Reasons, word for word, that are true in CI where all is on cgroup v2. Else there are none: CI is
root and has it all."""

_observed = pytest.StashKey[Observation]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what ``./just fuzz`` needs."""
    parser.addoption(
        "--fuzz-seconds",
        type=int,
        help="run each fuzz target this long, not for a fixed number",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers that `pytest_runtest_setup` acts on."""
    config.addinivalue_line("markers", "root: needs to be root")
    config.addinivalue_line("markers", "v1: needs a cgroup v1 hierarchy")
    config.addinivalue_line("markers", "controller(name, ...): needs these cgroup controllers")
    # How long an example takes says something about the machine's other users.
    unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("unhurried", unhurried)
    settings.load_profile("unhurried")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember what is on the machine before the first test."""
    os.environ[SESSION_VARIABLE] = str(os.getpid())
    session.config.stash[_observed] = observe()


def pytest_collection_finish() -> None:
    """Keep modules and tests out of the garbage collector's sight, which each leak check uses."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine or user cannot run."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs to be root")
    if item.get_closest_marker("v1") and not _has_v1():
        pytest.skip(NEEDS_V1)
    wanted = {name for marker in item.iter_markers("controller") for name in marker.args}
    if missing := sorted(wanted - _controllers()):
        pytest.skip(f"needs the cgroup controllers {', '.join(missing)}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session for what its tests left behind, and in CI for what they skipped."""
    problems = {"left behind by the tests": left_behind(session.config.stash[_observed])}
    if os.environ.get("CI") == "true":
        problems["skipped in CI"] = _unexpected_skips(session.config)
    for title, lines in problems.items():
        if lines:
            _fail(session, title, lines)


@pytest.fixture
def leak_check() -> Iterator[None]:
    """Fail a test that leaves anything behind; name it first, so that it is torn down last."""
    before = observe()
    yield
    if left := left_behind(before):
        pytest.fail("left behind:\n" + "\n".join(left), pytrace=False)


@pytest.fixture
def state() -> Iterator[Directories]:
    """Name directories of its own for a supervisor, not yet made; a socket's path must be short."""
    top = Path(tempfile.mkdtemp(prefix="pk-"))
    yield Directories(root=f"{top}/root", state=f"{top}/state")
    _remove(top)


@pytest.fixture(scope="session")
def busybox() -> Iterator[Path]:
    """Unpack Debian's static busybox into a root directory to be shared and not written to."""
    program = shutil.which("busybox", path="/usr/bin:/bin")
    if program is None:
        pytest.skip("needs Debian's busybox-static")
    top = Path(tempfile.mkdtemp(prefix="pk-busybox-"))
    top.chmod(0o755)
    _unpack_busybox(Path(program), top)
    yield top
    _remove(top)


def _has_v1() -> bool:
    return any(mount.kind == "cgroup" for mount in cgroup_mounts())


def _controllers() -> frozenset[str]:
    found: set[str] = set()
    for mount in cgroup_mounts():
        if mount.kind == "cgroup2":
            found.update((mount.point / "cgroup.controllers").read_text().split())
        else:
            found.update(mount.options)
    return frozenset(found)


def _reporter(config: pytest.Config) -> pytest.TerminalReporter:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    return reporter


def _unexpected_skips(config: pytest.Config) -> list[str]:
    skips = _reporter(config).stats.get("skipped", [])
    reasons = [(skip.nodeid, skip.longrepr[2].removeprefix("Skipped: ")) for skip in skips]
    allowed = () if _has_v1() else SKIPS_ALLOWED_WITHOUT_V1
    return [f"{test}: {why}" for test, why in reasons if why not in allowed]


def _fail(session: pytest.Session, title: str, lines: list[str]) -> None:
    """Add an error of the session itself to the summary and to the exit status."""
    report = pytest.TestReport(
        nodeid=title,
        location=("tests/conftest.py", None, title),
        keywords={},
        outcome="failed",
        longrepr="\n".join(lines),
        when="teardown",
    )
    _reporter(session.config).stats.setdefault("error", []).append(report)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unpack_busybox(program: Path, top: Path) -> None:
    for name in (
        "bin",
        "dev",
        "etc",
        "home",
        "proc",
        "root",
        "run",
        "sys",
        "tmp",
        "usr",
        "var",
    ):
        (top / name).mkdir()
        (top / name).chmod(0o1777 if name == "tmp" else 0o755)
    (top / "sbin").symlink_to("bin")
    (top / "usr/bin").symlink_to("../bin")
    (top / "usr/sbin").symlink_to("../bin")
    shutil.copy2(program, top / "bin/busybox")
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    for applet in set(applets.stdout.split()) - {"busybox"}:
        (top / "bin" / applet).symlink_to("busybox")
    (top / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        "user:x:1000:1000:user:/home:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/:/bin/false\n"
    )
    (top / "etc/group").write_text("root:x:0:\nstaff:x:50:user\nuser:x:1000:\nnogroup:x:65534:\n")


def _remove(top: Path) -> None:
    """Remove a tree, but never what is mounted inside it: that may be the host's own files."""
    inside = [str(mount.point) for mount in mounts() if top in mount.point.parents]
    if inside:
        pytest.fail(f"still mounted: {', '.join(inside)}; {top} is kept", pytrace=False)
    shutil.rmtree(top)
