"""The unit files: what systemd itself says of them, and what they are made of."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from supervisor.systemd.units import CONTAINERS, JOBS, SERVICE, SOCKET, Installation, unit_files

SYSTEM = Installation(
    program=("/usr/bin/python3", "-m", "supervisor"),
    file="/etc/pocker/jobs.toml",
    root="/run/pocker",
    state="/var/lib/pocker",
    runtime_base="/run",
    is_user=False,
    systemd=252,
)
OF_CONTAINERS = evolve(SYSTEM, file=None)
MOST_EXPOSED = 7.6
"""What `systemd-analyze security` says of the service; a unit with no settings has 9.6."""


class Settings(configparser.RawConfigParser):
    """Reads a unit file; names are not made lower case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def written(top: Path, installation: Installation) -> list[str]:
    """The paths of the files."""
    paths = []
    for name, text in unit_files(installation).items():
        (top / name).write_text(text)
        paths.append(str(top / name))
    return paths


def analyze(*arguments: str) -> str:
    """What systemd-analyze says, on stdout and stderr; it succeeds."""
    done = subprocess.run(
        ["systemd-analyze", *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def settings(installation: Installation, unit: str) -> Settings:
    """The settings of a unit; of several with the same name the last one."""
    parser = Settings(strict=False)
    parser.read_string(unit_files(installation)[unit])
    return parser


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """`systemd-analyze verify` is silent about all units together."""
    assert analyze("verify", *written(tmp_path, SYSTEM)) == ""


def test_systemd_finds_nothing_wrong_with_the_service_of_containers(tmp_path: Path) -> None:
    """It is one unit."""
    (path,) = written(tmp_path, OF_CONTAINERS)
    assert analyze("verify", path) == ""


def test_containers_have_from_the_service_what_they_have_from_a_shell() -> None:
    """Capabilities and calls; a restart leaves them running, and it says that it lives."""
    unit = settings(OF_CONTAINERS, CONTAINERS)
    service = unit["Service"]
    assert service["ExecStart"].endswith("--root /run/pocker --state /var/lib/pocker serve --stay")
    assert not {"CapabilityBoundingSet", "SystemCallFilter", "NoNewPrivileges"} & set(service)
    assert (service["KillSignal"], service["RestartKillSignal"]) == ("SIGTERM", "SIGQUIT")
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "30s")
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_systemd_finds_nothing_wrong_with_strange_paths(tmp_path: Path) -> None:
    """Blanks, quotes and what systemd would expand are what they are."""
    strange = evolve(
        SYSTEM,
        file='/etc/a b/100%/$x/"q"/it\'s.toml',
        root="/run/my jobs",
        state="/var/lib/my%jobs",
    )
    assert analyze("verify", *written(tmp_path, strange)) == ""
    service = settings(strange, SERVICE)
    assert service["Service"]["ExecStart"].endswith(r'''"/etc/a b/100%%/$$x/\"q\"/it's.toml"''')
    assert r'''"/etc/a b/100%%/$x/\"q\"/it's.toml"''' in service["Unit"]["RequiresMountsFor"]
    assert service["Service"]["RuntimeDirectory"] == '"my jobs"'


def test_the_service_is_as_closed_as_container_work_allows(tmp_path: Path) -> None:
    """What systemd would not be asked to take away is what containers are made with."""
    paths = dict(zip(unit_files(SYSTEM), written(tmp_path, SYSTEM), strict=True))
    levels = {}
    for unit in (SERVICE, JOBS):
        said = analyze("security", "--offline=yes", "--no-pager", paths[unit])
        (level,) = re.findall(r"exposure level for \S+: ([0-9.]+)", said)
        levels[unit] = float(level)
    assert levels[SERVICE] <= MOST_EXPOSED
    assert levels[JOBS] <= 2.0


def test_a_newer_systemd_reloads_by_signal() -> None:
    """An older one runs a command that waits and says what is wrong; the type has to be known."""
    old = settings(SYSTEM, SERVICE)["Service"]
    new = settings(evolve(SYSTEM, systemd=253), SERVICE)["Service"]
    assert (old["Type"], old["ExecReload"].split()[-1]) == ("notify", "reload")
    assert (new["Type"], new["ExecReload"].split()[-2:]) == (
        "notify-reload",
        ["check", SYSTEM.file],
    )


def test_directories_are_made_by_systemd_where_it_can() -> None:
    """Closed to others, and kept while no supervisor runs; other places are made by us."""
    service = settings(SYSTEM, SERVICE)["Service"]
    assert service["RuntimeDirectory"] == service["StateDirectory"] == "pocker"
    assert service["RuntimeDirectoryMode"] == service["StateDirectoryMode"] == "0700"
    assert service["RuntimeDirectoryPreserve"] == "yes"
    elsewhere = settings(evolve(SYSTEM, root="/srv/run", state="/srv/state"), SERVICE)["Service"]
    assert not {"RuntimeDirectory", "StateDirectory"} & set(elsewhere)


@pytest.mark.parametrize(("is_user", "target"), [(False, "multi-user"), (True, "default")])
def test_it_starts_with_the_machine_or_the_user(is_user: bool, target: str) -> None:
    """A user's manager has no multi-user.target."""
    install = settings(evolve(SYSTEM, is_user=is_user), SERVICE)["Install"]
    assert install["WantedBy"] == f"{target}.target"


def test_jobs_are_out_of_reach_of_what_is_done_to_the_service() -> None:
    """Another unit holds their control groups, and nobody restarts that one by mistake."""
    service, jobs = settings(SYSTEM, SERVICE), settings(SYSTEM, JOBS)
    assert f"--cgroup ../{JOBS} " in service["Service"]["ExecStart"]
    assert service["Service"]["Slice"] == jobs["Service"]["Slice"]
    assert JOBS in service["Unit"]["Requires"].split()
    assert jobs["Unit"]["RefuseManualStop"] == "yes"
    assert jobs["Service"]["Delegate"] == "yes"


def test_the_socket_goes_with_the_service() -> None:
    """If it outlived it, a connection would begin all jobs anew."""
    assert settings(SYSTEM, SOCKET)["Unit"]["StopWhenUnneeded"] == "yes"
    assert settings(SYSTEM, SOCKET)["Socket"]["SocketMode"] == "0600"
