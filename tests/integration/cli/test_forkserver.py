"""`run` and `exec` beside a supervisor of `run -d`: forks of a warm interpreter do the work."""

from __future__ import annotations

import array
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.forkserver import protocol
from supervisor.lock import holder
from tests.integration.cli.pocker import PATIENCE, Pocker, has_gone, read_until, wait_until
from tests.integration.cli.screen import screen

pytestmark = pytest.mark.root


@pytest.fixture
def served(pocker: Pocker) -> Pocker:
    """Give a program with a container `kept` that a supervisor looks after."""
    pocker.stdout("run", "-d", "--name", "kept", "host", "sleep", "10000")
    return pocker


def _watched(
    served: Pocker,
    *words: str,
    before: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> tuple[str, bool]:
    """What a command writes, and whether a fork has done it: then it imports no command line."""
    command = served.command(*words)
    command[1:1] = ["-X", "importtime"]
    ended = subprocess.run(
        [*before, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **(variables or {})},
        cwd=served.top,
        timeout=PATIENCE,
        check=True,
    )
    return ended.stdout, "supervisor.cli" not in ended.stderr


def _server_of(served: Pocker) -> int:
    """The server's pid: the child of the supervisor that is called like it."""
    supervisor = holder(served.directories.detached.state)
    assert supervisor is not None
    (server,) = (
        child
        for child in _children(supervisor)
        if b"supervisor.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    )
    return server


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _fork_of(served: Pocker) -> int:
    """The only one there is."""
    (fork,) = _children(_server_of(served))
    return fork


def test_a_fork_does_it_as_the_caller_would(served: Pocker) -> None:
    """With its variables, its directory, its priority and its limits."""
    (served.top / "here").mkdir()
    (served.top / "here/file").write_text("found\n")
    script = "cat /there/file; echo $A; nice; ulimit -c"
    words = ["run", "-e", "A", "-v", "./here:/there", "host", "sh", "-c", script]
    before = ["nice", "-n", "3", "prlimit", "--core=4096:8192"]
    out, forked = _watched(served, *words, before=before, variables={"A": "of mine"})
    assert (out.splitlines(), forked) == (["found", "of mine", "3", "8"], True)
    words = ["exec", "-e", "A", "kept", "sh", "-c", "echo $A; cat /proc/1/comm"]
    out, forked = _watched(served, *words, variables={"A": "too"})
    assert (out.splitlines(), forked) == (["too", "init"], True)


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        (["unshare", "--uts"], {}),
        (["nohup"], {}),
        (["setpriv", "--bounding-set=-sys_boot"], {}),
        (["setarch", "--addr-no-randomize"], {}),
        (["chrt", "--batch", "0"], {}),
        (["ionice", "--class", "idle"], {}),
        ([], {"PYTHONHASHSEED": "1"}),
    ],
)
def test_whoever_is_too_different_does_it_alone(
    served: Pocker, before: list[str], variables: dict[str, str]
) -> None:
    """In its namespaces, signals, rights or personality, its scheduling, or as other code."""
    assert _watched(served, "exec", "kept", "echo", "on") == ("on\n", True)
    out, forked = _watched(served, "exec", "kept", "echo", "on", before=before, variables=variables)
    assert (out, forked) == ("on\n", False)


def test_a_descriptor_that_is_named_is_the_callers(served: Pocker) -> None:
    """Only it has what /dev/fd/N is in its words."""
    (served.top / "variables").write_text("A=of mine\n")
    with open(served.top / "variables") as file:
        number = file.fileno()
        ended = subprocess.run(
            served.command("run", "--env-file", f"/dev/fd/{number}", "host", "sh", "-c", "echo $A"),
            pass_fds=[number],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ended.stdout, ended.stderr) == ("of mine\n", "")


def test_nothing_is_in_use_afterwards(served: Pocker, tmp_path: Path) -> None:
    """A file system that a command was begun in can be taken away as soon as it has ended."""
    for _ in range(10):
        subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], check=True)
        try:
            command = served.command("exec", "kept", "true")
            subprocess.run(command, cwd=tmp_path, check=True)
            ended = subprocess.run(["umount", tmp_path], capture_output=True, check=False)
        finally:
            subprocess.run(["umount", "--lazy", tmp_path], capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr


def test_a_command_ends_as_its_fork_does(served: Pocker) -> None:
    """With its code; killed when it was killed; and told of refusals in the same words."""
    assert served.run("exec", "kept", "sh", "-c", "exit 7").returncode == 7
    ended = served.run("run", "host", "absent")
    assert (ended.returncode, ended.stderr) == (127, "pocker: command not found: absent\n")
    process = served.start("run", "host", "sh", "-c", "echo on; sleep 1000")
    read_until(process, "on")
    os.kill(_fork_of(served), signal.SIGKILL)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: not _containers_of_run(served))


def _containers_of_run(served: Pocker) -> list[str]:
    return os.listdir(f"{served.directories.detached.root}/attended")


def test_signals_reach_the_command(served: Pocker) -> None:
    """Those that it handles, and a stop from the keyboard, which holds the fork as well."""
    script = "trap 'echo one' USR1; trap 'exit 9' TERM; echo on; while :; do sleep 0.05; done"
    process = served.start("run", "host", "sh", "-c", script)
    read_until(process, "on")
    process.send_signal(signal.SIGUSR1)
    read_until(process, "one")
    fork = _fork_of(served)
    process.send_signal(signal.SIGTSTP)
    wait_until(lambda: _state(process.pid) == _state(fork) == "T")
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: "T" not in (_state(process.pid), _state(fork)))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 9


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_a_killed_client_leaves_nothing(served: Pocker) -> None:
    """Its fork is killed with it, and what that leaves is removed as always."""
    process = served.start("run", "host", "sh", "-c", "echo on; sleep 1000")
    read_until(process, "on")
    fork = _fork_of(served)
    process.kill()
    wait_until(lambda: has_gone(fork))
    wait_until(lambda: not _containers_of_run(served))


def test_a_terminal_is_the_forks(served: Pocker) -> None:
    """Its size, raw mode while a command runs, and how it was before, also after a kill."""
    command = served.command("run", "-it", "-e", "PS1=ready> ", "host", "sh")
    with screen(command, rows=31, columns=97, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        shell.read_until("ready> ")
        assert _fork_of(served)
        assert termios.tcgetattr(shell.terminal) != before
        shell.type("stty size\n")
        shell.read_until("31 97\n")
        shell.resize(20, 50)
        shell.process.send_signal(signal.SIGWINCH)  # as the kernel does to who has the terminal
        shell.type("until stty size | grep '20 50'; do :; done\n")
        shell.read_until("20 50\n")
        shell.process.kill()
        wait_until(lambda: termios.tcgetattr(shell.terminal) == before)
    wait_until(lambda: not _containers_of_run(served))


def test_nobody_waits_for_a_supervisor_that_was_killed(served: Pocker) -> None:
    """Its forks go on, but nobody takes them for a server."""
    script = "trap 'exit 9' TERM; echo on; while :; do sleep 0.05; done"
    process = served.start("run", "host", "sh", "-c", script)
    read_until(process, "on")
    supervisor, server = holder(served.directories.detached.state), _server_of(served)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: has_gone(server))
    with pytest.raises(ConnectionRefusedError), _connected(served):
        pass
    assert _watched(served, "exec", "kept", "echo", "on") == ("on\n", False)
    process.terminate()
    assert process.wait(PATIENCE) == 9


def test_another_server_comes_after_one_that_died(served: Pocker) -> None:
    """When there is somebody for it to serve."""
    assert _watched(served, "exec", "kept", "echo", "on") == ("on\n", True)
    first = _server_of(served)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: has_gone(first))
    assert _watched(served, "exec", "kept", "echo", "on") == ("on\n", True)
    assert _server_of(served) != first


def test_it_goes_with_its_supervisor(served: Pocker) -> None:
    """But a fork that works goes on to its end; commands do without it afterwards."""
    process = served.start("run", "-i", "host", "sh", "-c", "echo on; sleep 0.5; echo more")
    read_until(process, "on")
    server = _server_of(served)
    assert served.run("rm", "-f", "kept").returncode == 0
    wait_until(lambda: has_gone(server))
    assert not Path(protocol.address(served.directories.root)).exists()
    assert process.wait(PATIENCE) == 0
    assert _watched(served, "run", "host", "echo", "on") == ("on\n", False)


def test_it_stays_with_a_supervisor_that_does(pocker: Pocker) -> None:
    """Without any container, before the first and after the last, until it is asked to end."""
    supervisor = pocker.start("serve", "--stay")
    wait_until(lambda: Path(protocol.address(pocker.directories.root)).exists())
    assert _watched(pocker, "run", "host", "echo", "on") == ("on\n", True)
    pocker.stdout("run", "-d", "--rm", "--name", "c", "host", "sleep", "10000")
    assert pocker.stdout("stop", "-t", "0", "c") == "c\n"
    assert _watched(pocker, "run", "host", "echo", "on") == ("on\n", True)
    assert holder(pocker.directories.detached.state) == supervisor.pid
    supervisor.terminate()
    assert supervisor.wait(PATIENCE) == 128 + signal.SIGTERM


@contextmanager
def _connected(served: Pocker) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(protocol.address(served.directories.root))
        yield connection


def test_nothing_is_done_without_the_word(served: Pocker) -> None:
    """A client that has gone before it said it did not want it."""
    made = served.top / "made"
    words = ["--root", served.directories.root, "--state", served.directories.state,
             "run", "-v", f"{served.top}:/top", "host", "touch", "/top/made"]  # fmt: skip
    code = (
        "import sys; from supervisor.forkserver import client; import _socket, os;"
        "made = _socket.socket(_socket.AF_UNIX); made.connect(sys.argv[1]);"
        "assert client.ask(made, [os.fsencode(word) for word in sys.argv[2:]]) is not None;"
        "print('ready', flush=True); sys.stdin.read(1) and made.send(b'g') and made.recv(1)"
    )
    command = [sys.executable, "-c", code, protocol.address(served.directories.root), *words]
    for word, happens in (("", False), ("g", True)):
        ended = subprocess.run(command, input=word, capture_output=True, text=True, check=True)
        assert ended.stdout == "ready\n"
        assert made.exists() == happens


@pytest.mark.parametrize(
    "request_", [b"", b"\xff" * 8, (1 << 30).to_bytes(4, "little"), b"\4\0\0\0a\0b\0"]
)
def test_nonsense_is_refused(served: Pocker, request_: bytes) -> None:
    """And the next one is served."""
    descriptors = array.array("i", [0, 1, 2, 0])
    for beside in ([(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)], []):
        with _connected(served) as connection:
            connection.sendmsg([request_ or b"\0"], beside)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) in (protocol.REFUSED, b"")
    assert _watched(served, "exec", "kept", "echo", "on") == ("on\n", True)
