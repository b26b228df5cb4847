"""`pocker run` in the foreground: like a command of the user's own, and nothing is left of it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import termios
from pathlib import Path

import pytest

from tests.integration.cli.pocker import PATIENCE, Pocker, wait_until
from tests.integration.cli.screen import Screen, screen

pytestmark = pytest.mark.root


@pytest.fixture
def image(busybox: Path, pocker: Pocker) -> str:
    """Give a busybox root that containers get a private copy of."""
    return str(busybox)


def shown(pocker: Pocker, *arguments: str) -> str:
    """What a command in a container writes, which must succeed."""
    return pocker.stdout("run", *arguments)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("true",), 0, ""),
        (("sh", "-c", "exit 7"), 7, ""),
        (("sh", "-c", "sh -c 'kill -9 $$' 2>/dev/null; exit $?"), 137, ""),
        (("absent",), 127, "pocker: command not found: absent\n"),
        (("/etc/passwd",), 126, "pocker: cannot execute /etc/passwd: permission denied\n"),
    ],
)
def test_the_exit_code_is_the_commands(
    pocker: Pocker, image: str, words: tuple[str, ...], code: int, message: str
) -> None:
    """Or says, as in a shell, why there was none."""
    ended = pocker.run("run", "--rm", image, *words)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", message)


def test_a_signal_that_ends_it_is_in_the_code(pocker: Pocker, image: str) -> None:
    """128 more than its number."""
    ended = pocker.run("run", "--init", image, "sh", "-c", "kill -TERM $$")
    assert ended.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bogus"], "unknown flag: --bogus; see"),
        (["--pid-limit", "9"], 'unknown flag: --pid-limit; did you mean "--pids-limit"?'),
        (["-m", "10x"], "--memory: '10x' is not a size"),
        (["--memory-swap", "1g"], "--memory-swap: needs a memory limit beside it"),
        (["-v", "a/b:/x"], "--volume or --mount: 'a/b' is not the name of a volume"),
        (["-v", "/absent:/x"], "--volume or --mount: source /absent does not exist"),
        (["--cap-add", "NET_ADMINS"], "--cap-add: "),
        (["-u", "absent"], "--user: no user 'absent'"),
        (["--device", "/dev/absent"], "--device: source /dev/absent does not exist"),
        (["--ulimit", "nofile"], "--ulimit: 'nofile' is not NAME=VALUE"),
        (["--env-file", "/absent"], "--env-file: /absent: no such file"),
        (["--network", "bridge"], "--network: "),
        (["--name", "../x"], "--name: '../x' is not a name"),
        (["--mount", "type=bind,target=/x"], "--mount: "),
    ],
)
def test_bad_options_start_nothing(
    pocker: Pocker, image: str, options: list[str], message: str
) -> None:
    """One line that names the option, and Docker's code for it."""
    ended = pocker.run("run", *options, image, "true")
    assert (ended.returncode, ended.stdout) == (125, "")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_options_reach_the_container(pocker: Pocker, image: str, tmp_path: Path) -> None:
    """Each is seen from inside."""
    (tmp_path / "in").write_text("from the host\n")
    (tmp_path / "variables").write_text("A=file\nB=file\n")
    script = (
        "cat /v/in; (echo x >/v/new) 2>/dev/null || echo read-only; echo $A $B $C; pwd; id -u;"
        " id -G; hostname; ulimit -n; cat /proc/sys/net/core/somaxconn;"
        " mount | grep -c 'on /t type tmpfs';"
        " echo there >/w/there; (: >/root-file) 2>/dev/null || echo read-only root"
    )
    out = shown(
        pocker,
        "-v", f"{tmp_path}:/v:ro", "--mount", f"type=bind,src={tmp_path},dst=/w", "--tmpfs", "/t",
        "-e", "A=option", "-e", "C=c d", "--env-file", str(tmp_path / "variables"),
        "-w", "/tmp", "-u", "0:7", "--group-add", "9", "-h", "box", "--ulimit", "nofile=77:99",
        "--sysctl", "net.core.somaxconn=55", "--read-only", image, "sh", "-c", script,
    )  # fmt: skip
    assert out.splitlines() == [
        "from the host", "read-only", "option file c d", "/tmp", "0", "7 9", "box", "77", "55", "1",
        "read-only root",
    ]  # fmt: skip
    assert (tmp_path / "there").read_text() == "there\n"


def test_dockers_spelling_is_understood(pocker: Pocker, image: str, tmp_path: Path) -> None:
    """Short options, other names, both signs of equality, and a name alone in a file."""
    (tmp_path / "variables").write_text("A='1'\nPOCKER_TOLD\nPOCKER_UNTOLD\n")
    command = pocker.command(
        "run", "-c", "512", "--net", "none", "--security-opt", "no-new-privileges=false",
        "--tmpfs", "/t:rw,noexec,size=1m", "--env-file", str(tmp_path / "variables"), image,
        "sh", "-c", "env | grep -E '^(A|POCKER)'; mount | grep -c 'on /t .*noexec';"
        " grep NoNewPrivs /proc/self/status",
    )  # fmt: skip
    ended = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "POCKER_TOLD": "told"},
    )  # fmt: skip
    assert ended.stdout.split() == ["A='1'", "POCKER_TOLD=told", "1", "NoNewPrivs:", "0"]


def test_it_may_be_asked_for_in_a_directory_that_is_gone(
    pocker: Pocker, image: str, tmp_path: Path
) -> None:
    """Only who names a path relative to that hears of it, and of which."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone}; rmdir {gone}; exec "$@"'
    codes = {}
    for options in ((), ("-v", "./a:/a")):
        command = pocker.command("run", *options, image, "echo", "hi")
        called = subprocess.run(
            ["sh", "-c", script, "sh", *command],
            check=False, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        codes[options] = called.returncode
        gone.mkdir(exist_ok=True)
    assert codes == {(): 0, ("-v", "./a:/a"): 125}
    assert "/proc/self/cwd/a" in called.stderr


def test_each_has_a_machine_of_its_own(pocker: Pocker, image: str) -> None:
    """It is process 1, what it changes is not in the next one, and its name stays inside."""
    script = "hostname other; hostname; echo $$; touch /made; ls /made"
    out = shown(pocker, "--cap-add", "SYS_ADMIN", image, "sh", "-c", script)
    assert out.splitlines() == ["other", "1", "/made"]
    assert shown(pocker, image, "sh", "-c", "ls /made 2>/dev/null || echo none") == "none\n"
    assert os.uname().nodename != "other"


def test_memory_that_is_not_there_is_told(pocker: Pocker, image: str) -> None:
    """The kernel's kill has its name, and the code of the signal."""
    ended = pocker.run(
        "run", "-m", "10m", "--memory-swap", "10m", image, "sh", "-c", "tail /dev/zero; exit $?"
    )
    assert ended.returncode == 137
    assert "OOMKilled: a process killed for want of memory (limit 10MiB)" in ended.stderr


def test_input_is_exact(pocker: Pocker, image: str, tmp_path: Path) -> None:
    """Every byte of a file or a pipe arrives, in order, and the end behind the last."""
    content = os.urandom(1 << 20) * 33 + b"odd"
    (tmp_path / "content").write_bytes(content)
    command = pocker.command("run", "-i", image, "sha256sum")
    with (tmp_path / "content").open("rb") as file:
        from_file = subprocess.run(command, stdin=file, capture_output=True, check=True)
    from_pipe = subprocess.run(command, input=content, capture_output=True, check=True)
    expected = hashlib.sha256(content).hexdigest().encode()
    assert from_file.stdout.split()[0] == from_pipe.stdout.split()[0] == expected


def test_output_is_exact(pocker: Pocker, image: str) -> None:
    """Both streams are kept apart, whatever bytes they hold."""
    script = "cat; printf 'a\\0b' >&2"
    content = bytes(range(256)) * 10_000
    ended = subprocess.run(
        pocker.command("run", "-i", image, "sh", "-c", script),
        input=content,
        capture_output=True,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == (content, b"a\0b")


def test_signals_are_passed_on(pocker: Pocker, image: str) -> None:
    """The command decides what becomes of them."""
    script = (
        "trap 'echo usr1' USR1; trap 'echo term; exit 3' TERM; echo on;"
        " while :; do sleep 0.01; done"
    )
    process = pocker.start("run", image, "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "usr1\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "term\n"
    assert process.wait(PATIENCE) == 3


def test_who_insists_is_heard(pocker: Pocker, image: str) -> None:
    """A command that goes on all the same is killed at the third request."""
    script = "trap 'echo heard' INT; echo on; while :; do sleep 0.01; done"
    process = pocker.start("run", image, "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 137


def test_a_name_is_taken_once(pocker: Pocker, image: str) -> None:
    """And is free again when the container has gone."""
    first = pocker.start("run", "--name", "one", image, "sh", "-c", "echo on; exec sleep 1000")
    assert first.stdout is not None
    assert first.stdout.readline() == "on\n"
    second = pocker.run("run", "--name", "one", image, "true")
    assert (second.returncode, "name one is already in use" in second.stderr) == (125, True)
    first.kill()
    first.wait(PATIENCE)
    wait_until(lambda: pocker.run("run", "--name", "one", image, "true").returncode == 0)


def test_a_killed_client_leaves_nothing(pocker: Pocker, image: str) -> None:
    """Its container goes with it, although nobody else knew of it."""
    process = pocker.start("run", image, "sh", "-c", "echo on; exec sleep 1000")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.kill()
    own = pocker.directories.detached
    wait_until(lambda: not os.listdir(own.containers) and not os.listdir(f"{own.root}/attended"))


def test_a_supervisor_leaves_it_alone(pocker: Pocker, image: str) -> None:
    """An `up` on the same directories removes what nobody attends to, and this is attended."""
    process = pocker.start("run", "-i", image, "sh", "-c", "echo on; read x; echo still")
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    ended = pocker.run("up", pocker.file('[jobs.a]\nimage = "host"\ncommand = "true"\n'))
    assert ended.returncode == 0
    # Standard input was /dev/null, so it has read its end by now.
    assert process.stdout.readline() == "still\n"
    assert process.wait(PATIENCE) == 0


PROMPT = ("-e", "PS1=ready> ")


def interactive(pocker: Pocker, *arguments: str) -> list[str]:
    """The words of a command on a terminal."""
    return pocker.command("run", "-it", *PROMPT, *arguments)


def wrapped(shell: Screen) -> None:
    """Wait for the shell's first prompt."""
    shell.read_until("ready> ")


def test_a_terminal_of_its_own(pocker: Pocker, image: str) -> None:
    """Job control, raw mode, size and its changes, and the terminal as before in the end."""
    # As the leader of a session, so that it is told of a new size as by any terminal.
    command = ["setsid", "--ctty", *interactive(pocker, image, "sh")]
    with screen(command, rows=31, columns=97, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        wrapped(shell)
        assert termios.tcgetattr(shell.terminal) != before
        shell.type("tty; stty size\n")
        shell.read_until("/dev/pts/0\n31 97\n")
        shell.resize(11, 55)
        shell.type("sh -c 'while read x; do echo got-$x; stty size; done'\none\n")
        shell.read_until("got-one\n11 55\n")
        shell.type("\x1a")
        shell.read_until("Stopped")
        shell.type("fg\ntwo\n")
        shell.read_until("got-two")
        shell.type("\x03")
        shell.read_until("ready> ")
        shell.type("echo code-$?; exit 5\n")
        shell.read_until("code-130")
        assert shell.process.wait(PATIENCE) == 5
        assert termios.tcgetattr(shell.terminal) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_the_terminal_is_given_back_however_it_ends(
    pocker: Pocker, image: str, number: int
) -> None:
    """Also where the client had no time to do so, and the container is gone then."""
    command = interactive(pocker, "--init", image, "sh")
    with screen(command, rows=24, columns=80, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        wrapped(shell)
        shell.process.send_signal(number)
        shell.process.wait(PATIENCE)
        wait_until(lambda: termios.tcgetattr(shell.terminal) == before)
        root = pocker.directories.detached.root
        wait_until(lambda: not os.listdir(f"{root}/attended"))


def test_the_terminal_is_given_back_where_nothing_starts(pocker: Pocker, image: str) -> None:
    """The error can be read on it."""
    with screen(interactive(pocker, image, "absent"), rows=24, columns=80, environment={}) as shell:
        before = termios.tcgetattr(shell.terminal)
        shell.read_until("pocker: command not found: absent")
        assert shell.process.wait(PATIENCE) == 127
        assert termios.tcgetattr(shell.terminal) == before


def test_who_has_no_terminal_cannot_lend_it(pocker: Pocker, image: str) -> None:
    """-i with -t needs one, -t alone does not."""
    ended = pocker.run("run", "-it", image, "true")
    assert (ended.returncode, ended.stderr) == (1, "pocker: the input device is not a TTY\n")
    assert shown(pocker, "-t", image, "tty").strip() == "/dev/pts/0"


def test_the_lines_of_the_tutorial(pocker: Pocker, image: str) -> None:
    """As they stand there, but for -d."""
    lines = (
        (["-it", image, "sh"], "ps\n", "1 root"),
        (["-it", "-m", "10m", "--memory-swap", "10m", image, "sh"], "echo $$\n", "1\n"),
        (["-it", "-v", "/:/hostdir/root", image, "sh"], "ls /hostdir/root\n", "usr"),
    )
    for arguments, typed, seen in lines:
        command = interactive(pocker, *arguments[1:])
        with screen(command, rows=24, columns=80, environment={}) as shell:
            wrapped(shell)
            shell.type(typed)
            shell.read_until(seen)
            shell.type("exit\n")
            assert shell.process.wait(PATIENCE) == 0
    limits = ("--memory", "50m", "--cpus", "0.5", "--memory-swap", "1024m")
    out = shown(pocker, "-t", *limits, image, "ps", "ef")
    assert "ps ef" in out
