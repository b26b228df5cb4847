"""`pocker exec`: commands beside those of containers that run."""

from __future__ import annotations

import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.security.bounding import bounding_set
from runtime.security.capabilities import to_mask
from tests.integration.cli.pocker import PATIENCE, Pocker, read_until, wait_until
from tests.integration.cli.screen import screen

pytestmark = pytest.mark.root


@pytest.fixture
def running(pocker: Pocker) -> Iterator[subprocess.Popen[str]]:
    """Give a container called `one`."""
    process = pocker.start(
        "run", "--name", "one", "-e", "A=a", "-w", "/tmp", "-h", "box", "--ulimit", "nofile=77",
        "--init", "host", "sh", "-c", "echo on; exec sleep 1000",
    )  # fmt: skip
    read_until(process, "on")
    yield process
    assert process.poll() is None, "it was disturbed"
    process.terminate()
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_a_command_has_what_the_container_has(
    pocker: Pocker, running: subprocess.Popen[str]
) -> None:
    """Its name, variables, directory, limits and processes; a privileged one may do more."""
    script = "hostname; echo $A $B; pwd; ulimit -n; cat /proc/1/comm"
    out = pocker.stdout("exec", "-e", "B=b", "one", "sh", "-c", script)
    assert out.splitlines() == ["box", "a b", "/tmp", "77", "init"]
    out = pocker.stdout("exec", "--privileged", "one", "cat", "/proc/self/status")
    status = dict(line.split(":\t") for line in out.splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == to_mask(bounding_set())
    assert status["Seccomp"] == "0"


def test_who_and_where_can_be_said(pocker: Pocker, running: subprocess.Popen[str]) -> None:
    """By name or number, and anywhere in its root."""
    out = pocker.stdout("exec", "-u", "nobody", "-w", "/usr", "one", "sh", "-c", "id -u; pwd")
    assert out.splitlines() == ["65534", "/usr"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["one", "sh", "-c", "exit 7"], 7, ""),
        (["one", "sh", "-c", "kill -TERM $$"], 143, ""),
        (["one", "absent"], 127, "pocker: command not found: absent\n"),
        (["one", "/etc/passwd"], 126, "pocker: cannot execute /etc/passwd: permission denied\n"),
        (["two", "true"], 1, "pocker: no such container: two\n"),
        (["one"], 1, "pocker: missing argument 'COMMAND...'; see 'pocker exec --help'\n"),
        (
            ["--userr", "one", "true"],
            125,
            'pocker: unknown flag: --userr; did you mean "--user"?\n',
        ),
        (["-u", "nope", "one", "true"], 126, "pocker: --user: no user 'nope' in the container's"),
        (["-w", "tmp", "one", "true"], 125, "pocker: --workdir: 'tmp' is not an absolute path\n"),
        (["-it", "one", "true"], 1, "pocker: the input device is not a TTY\n"),
    ],
)
def test_exit_codes_are_those_of_run(
    pocker: Pocker,
    running: subprocess.Popen[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    """The command's own, or why there was none; the container goes on."""
    ended = pocker.run("exec", *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(message)
    assert ended.stderr.count("\n") == bool(message)


def test_input_and_output_are_exact(pocker: Pocker, running: subprocess.Popen[str]) -> None:
    """Byte for byte, to the end."""
    content = bytes(range(256)) * 4000
    command = pocker.command("exec", "-i", "one", "cat")
    ended = subprocess.run(command, input=content, capture_output=True, check=True)
    assert (ended.stdout, ended.stderr) == (content, b"")


def test_a_terminal_of_its_own(pocker: Pocker, running: subprocess.Popen[str]) -> None:
    """In raw mode while the command runs, as before in the end."""
    command = pocker.command("exec", "-it", "-e", "PS1=ready> ", "one", "sh")
    with screen(command, rows=31, columns=97, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        shell.read_until("ready> ")
        assert termios.tcgetattr(shell.terminal) != before
        shell.type("stty size\n")
        shell.read_until("31 97\n")
        shell.type("exit 5\n")
        assert shell.process.wait(PATIENCE) == 5
        assert termios.tcgetattr(shell.terminal) == before


def test_a_killed_client_gives_the_terminal_back(
    pocker: Pocker, running: subprocess.Popen[str]
) -> None:
    """And its command is hung up."""
    command = pocker.command("exec", "-it", "-e", "PS1=ready> ", "one", "sh")
    with screen(command, rows=24, columns=80, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        shell.read_until("ready> ")
        shell.process.kill()
        wait_until(lambda: termios.tcgetattr(shell.terminal) == before)
    processes = "for p in /proc/[0-9]*; do cat $p/comm; done"
    wait_until(lambda: "sh\nsh\n" not in pocker.run("exec", "one", "sh", "-c", processes).stdout)


def test_a_job_is_a_container_too(pocker: Pocker) -> None:
    """By the name that `ps` shows, while its supervisor goes on with it."""
    file = pocker.file('[jobs.a]\nimage = "host"\ncommand = "echo on; read x </dev/zero"\n')
    process = pocker.start("up", file)
    wait_until(lambda: pocker.states() == {"a": "running"})
    assert pocker.stdout("exec", "test-a-", "sh", "-c", "cat /proc/1/comm") == "init\n"
    assert pocker.run("down", "--now").returncode == 0
    assert process.wait(PATIENCE) != 0


def test_one_that_nobody_waits_for(
    pocker: Pocker, running: subprocess.Popen[str], tmp_path: Path
) -> None:
    """With -d it goes on by itself, also when it writes; it has the variables of files."""
    (tmp_path / "variables").write_text("WORD=one\n")
    script = "while [ ! -e /tmp/go ]; do sleep 0.05; done; echo lost; echo $WORD > /tmp/done"
    shell = ("one", "sh", "-c", script)
    left = pocker.run("exec", "-dit", "--env-file", str(tmp_path / "variables"), *shell)
    assert (left.returncode, left.stdout, left.stderr) == (0, "", "")
    pocker.stdout("exec", "one", "touch", "/tmp/go")
    wait_until(lambda: pocker.run("exec", "one", "cat", "/tmp/done").stdout == "one\n")
    assert pocker.run("exec", "-d", "one", "absent").returncode == 127
