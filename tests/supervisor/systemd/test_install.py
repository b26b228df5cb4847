"""`pocker systemd` writes, enables and removes; a program stands for systemctl."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.supervisor.cli.calling import Call, call

pytestmark = pytest.mark.root

SYSTEMCTL = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
*--version*) echo "systemd 252 (252.38-1~deb12u1)"; exit 0;;
*show*) printf '%s\\n' ActiveState=active SubState=running MainPID=7 UnitFileState=enabled \\
    'StatusText=1 running, 0 waiting, 0 failed' Result=success ControlGroup=/pocker.slice/x;;
*{refused}*) echo "Access denied" >&2; exit 4;;
esac
"""
UNITS = ["pocker-jobs.service", "pocker.service", "pocker.socket"]


class Machine:
    """A user's service manager; no unit of the machine's own is touched by a test."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        self.log = top / "calls"
        self.units = top / "config/systemd/user"
        self.file = top / "jobs.toml"
        self.file.write_text('[jobs.a]\nimage = "host"\ncommand = "true"\n')
        (top / "bin").mkdir()
        (top / "run/systemd").mkdir(parents=True)
        self.refuse("nothing")
        monkeypatch.setenv("PATH", f"{top}/bin:{os.environ['PATH']}")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(top / "config"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(top / "run"))

    def refuse(self, verb: str) -> None:
        """Let systemctl refuse this from now on."""
        program = self.top / "bin/systemctl"
        program.write_text(SYSTEMCTL.format(log=self.log, refused=verb))
        program.chmod(0o755)

    def call(self, *arguments: str) -> Call:
        """Run `pocker systemd`."""
        return call(
            "--root", f"{self.top}/root", "--state", f"{self.top}/state", "systemd", *arguments
        )

    def asked(self) -> list[str]:
        """What systemctl was asked to do, but not what it was only asked."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        return [each for each in calls if "--version" not in each and "show" not in each]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Give a manager without any unit."""
    return Machine(tmp_path, monkeypatch)


def test_install_writes_the_units_and_enables_the_service(machine: Machine) -> None:
    """The units are there before systemd is asked for anything, and nothing is started."""
    called = machine.call("install", str(machine.file), "--user")
    assert (called.code, called.stderr) == (0, "")
    assert sorted(path.name for path in machine.units.iterdir()) == UNITS
    assert machine.asked() == ["--user daemon-reload", "--user enable pocker.service"]


def test_install_now_restarts_what_runs(machine: Machine) -> None:
    """The same command starts it first and upgrades it later; a restart does both."""
    for _ in range(2):
        assert machine.call("install", str(machine.file), "--user", "--now").code == 0
    assert machine.asked().count("--user restart pocker.service") == 2


def test_a_file_with_mistakes_is_not_installed(machine: Machine) -> None:
    """The mistakes are shown, and nothing is written."""
    machine.file.write_text("[jobs.a]\ncomand = 1\n")
    called = machine.call("install", str(machine.file), "--user")
    assert called.code == 2
    assert "comand" in called.stderr
    assert not machine.units.exists()


def test_another_file_is_not_replaced(machine: Machine) -> None:
    """The jobs of the first one may be running."""
    machine.call("install", str(machine.file), "--user")
    other = machine.top / "other.toml"
    other.write_text(machine.file.read_text())
    called = machine.call("install", str(other), "--user")
    assert (called.code, called.stderr) == (
        1,
        f"pocker: pocker.service runs {machine.file}: `pocker systemd uninstall` comes first\n",
    )


@pytest.mark.parametrize("verb", ["install", "uninstall", "status"])
def test_a_unit_of_somebody_else_is_left_alone(machine: Machine, verb: str) -> None:
    """Nobody's own pocker.service is overwritten or removed."""
    machine.units.mkdir(parents=True)
    (machine.units / "pocker.service").write_text("[Service]\n")
    file = [str(machine.file)] if verb == "install" else []
    called = machine.call(verb, *file, "--user")
    assert called.code == 1
    assert "was not written by `pocker systemd install`" in called.stderr
    assert (machine.units / "pocker.service").read_text() == "[Service]\n"


def test_what_systemd_refuses_is_told(machine: Machine) -> None:
    """With the command and the cause; the next installation goes on from there."""
    machine.refuse("enable")
    called = machine.call("install", str(machine.file), "--user")
    assert (called.code, called.stderr) == (
        1,
        "pocker: systemctl --user enable pocker.service: Access denied\n",
    )
    machine.refuse("nothing")
    assert machine.call("install", str(machine.file), "--user").code == 0


def test_a_manager_that_does_not_run_starts_nothing(machine: Machine) -> None:
    """Refused before anything is written."""
    (machine.top / "run/systemd").rmdir()
    called = machine.call("install", str(machine.file), "--user", "--now")
    assert (called.code, called.stderr) == (1, "pocker: the service manager is not running\n")
    assert not machine.units.exists()


def test_a_machine_without_systemd_is_told_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback where systemctl is not there."""
    monkeypatch.setenv("PATH", str(machine.top / "nowhere"))
    called = machine.call("install", str(machine.file), "--user")
    assert "systemctl is not there" in called.stderr


def test_uninstall_stops_first_and_forgets(machine: Machine) -> None:
    """The jobs are stopped while the units still say how; then all three are gone."""
    machine.call("install", str(machine.file), "--user")
    machine.log.unlink()
    called = machine.call("uninstall", "--user")
    assert (called.code, called.stderr) == (0, "")
    assert list(machine.units.iterdir()) == []
    assert machine.asked() == [
        "--user disable --now pocker.service",
        "--user daemon-reload",
        "--user stop pocker-jobs.service",
    ]
    assert machine.call("uninstall", "--user").code == 1


def test_the_service_of_containers_is_one_of_its_own(machine: Machine) -> None:
    """Beside that of a file: installed, looked at and removed without it."""
    machine.call("install", str(machine.file), "--user")
    machine.log.unlink()
    called = machine.call("install", "--containers", "--user", "--now")
    assert (called.code, called.stderr) == (0, "")
    assert called.stdout.startswith("pocker-containers.service: installed in ")
    assert machine.asked() == [
        f"--user {verb}"
        for verb in (
            "daemon-reload",
            "enable pocker-containers.service",
            "restart pocker-containers.service",
        )
    ]
    assert sorted(path.name for path in machine.units.iterdir()) == [
        "pocker-containers.service", *UNITS,
    ]  # fmt: skip
    called = machine.call("status", "--containers", "--user")
    assert called.stdout.splitlines()[:2] == ["service:  active (running)", "at boot:  enabled"]
    machine.log.unlink()
    assert machine.call("uninstall", "--containers", "--user").code == 0
    assert machine.asked() == [
        "--user disable --now pocker-containers.service",
        "--user daemon-reload",
    ]
    assert sorted(path.name for path in machine.units.iterdir()) == UNITS
    called = machine.call("uninstall", "--containers", "--user")
    assert called.code == 1
    assert called.stderr.startswith("pocker: pocker-containers.service is not installed in")


@pytest.mark.parametrize("words", [[], ["--containers", "FILE"]])
def test_a_service_is_of_a_file_or_of_containers(machine: Machine, words: list[str]) -> None:
    """Not of both, and not of neither."""
    given = [word.replace("FILE", str(machine.file)) for word in words]
    called = machine.call("install", *given, "--user")
    assert (called.code, called.stderr) == (2, "pocker: it takes either FILE or --containers\n")
    assert not machine.units.exists()


def test_status_tells_what_an_administrator_asks(machine: Machine) -> None:
    """File, state, whether it starts at boot, what the jobs do; 0 while it is active."""
    machine.call("install", str(machine.file), "--user")
    called = machine.call("status", "--user")
    assert (called.code, called.stderr) == (0, "")
    assert called.stdout.splitlines() == [
        f"file:     {machine.file}",
        "service:  active (running)",
        "at boot:  enabled",
        "pid:      7",
        "jobs:     1 running, 0 waiting, 0 failed",
        "cgroups:  /pocker.slice/x",
    ]


def test_status_tells_of_units_of_another_version(machine: Machine) -> None:
    """After an upgrade, or where somebody has edited them."""
    machine.call("install", str(machine.file), "--user")
    with open(machine.units / "pocker.socket", "a") as unit:
        unit.write("# edited\n")
    called = machine.call("status", "--user")
    assert "outdated: pocker.socket:" in called.stdout
