"""The program around the commands: its help, its options, and what it says when it is misused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import click
import pytest

import supervisor.entry
from supervisor.cli.misuse import OWN
from supervisor.cli.program import SECTIONS, program
from tests.supervisor.cli.calling import call, refusals

COMMANDS = [name for section in SECTIONS.values() for name in section]


def test_the_help_lists_all_commands_in_their_sections() -> None:
    """Whoever asks for help sees each command once, among those that it belongs to."""
    text = call("--help").stdout
    places = [text.index(f"\n{title}:\n") for title in SECTIONS]
    assert places == sorted(places)
    for name in COMMANDS:
        assert len(re.findall(rf"^  {name} ", text, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """Each has a help of its own, under both names of the option; `run -h` is Docker's."""
    with program.make_context("pocker", ["ps"]) as context:
        command = program.get_command(context, name)
    assert isinstance(command, click.Command)
    long = call(name, "--help")
    assert name in ("run", "create") or long == call(name, "-h")
    assert long.code == 0
    assert long.stdout.startswith(f"Usage: pocker {name} ")
    assert (command.help or "").split()[0] in long.stdout


@pytest.mark.parametrize("words", [[], ["volume"], ["image"], ["systemd"]])
def test_a_call_without_a_command_shows_the_help(words: list[str]) -> None:
    """As Docker does it: on stderr, and with 0; so do commands that have commands below them."""
    called = call(*words)
    assert (called.code, called.stdout) == (0, "")
    assert called.stderr.startswith(f"Usage: {' '.join(['pocker', *words])} ")
    assert called.stderr.count("\n") > 5


def test_the_version_is_that_of_the_distribution() -> None:
    """It is read from what is installed."""
    assert re.fullmatch(r"pocker \d+\.\d+.*\n", call("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stat", "/tmp"], 'unknown flag: --stat; did you mean "--state"?'),
        (["--root", f"/{'r' * 90}", "ps"], "--root: /rrr"),
        (["ps", "--al"], 'unknown flag: --al; did you mean "--all"?'),
        (["ps", "-ax"], "unknown shorthand flag: 'x' in -x; see 'pocker ps --help'"),
        (["ps", "--format", "xml"], "--format: xml is neither table nor json nor a template"),
        (["ps", "--filter", "x"], "--filter: 'x' is not KEY=VALUE"),
        (["events", "--since", "noon"], "--since: 'noon' is neither a time such as"),
        (
            ["logs", "-n", "x", "a"],
            'invalid argument "x" for "-n, --tail" flag: not a whole number',
        ),
        (["stop", "-t", "x", "a"], 'invalid argument "x" for "-t, --timeout" flag: not a number'),
        (["run", "-c", "1", "host"], 'invalid argument "1" for "-c, --cpu-shares" flag: not in'),
        (["ps", "--all=maybe"], 'invalid argument "maybe" for "-a, --all" flag: neither true nor'),
        (["logs", "--since", "noon", "a"], "--since: 'noon' is neither a time such as"),
        (["logs", "-f", "--until", "1s", "a"], "--follow and --until exclude each other"),
        (["run", "--foo", "host"], "unknown flag: --foo; see 'pocker run --help'"),
        (["run", "-m"], "flag needs an argument: 'm' in -m"),
        (["run", "--memory"], "flag needs an argument: --memory"),
        (
            ["create", "--pull", "soon", "host"],
            'invalid argument "soon" for "--pull" flag: not one',
        ),
        (["update", "--cpus", "x", "a"], "--cpus: 'x' is not a number of cores"),
        (["images", "--filter", "x"], "--filter 'x': is not KEY=VALUE"),
        (["volume", "ls", "--foo"], "unknown flag: --foo; see 'pocker volume ls --help'"),
        (["volume", "ls", "-f", "x"], "--filter: 'x' is not KEY=VALUE"),
        (["system", "df", "--format", "x"], 'invalid argument "x" for "--format" flag: not one of'),
    ],
)
def test_a_wrong_option_is_one_line_and_dockers_code(arguments: list[str], message: str) -> None:
    """That is 125, whatever the command is."""
    assert_refused(arguments, 125, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sopt"], 'unknown command: pocker sopt; did you mean "stop"?'),
        (["xyzzy"], "unknown command: pocker xyzzy; see 'pocker --help'"),
        (["volume", "lss"], 'unknown command: pocker volume lss; did you mean "ls"?'),
        (["rm"], "missing argument 'CONTAINER...'; see 'pocker rm --help'"),
        (["run"], "missing argument 'IMAGE'; see 'pocker run --help'"),
        (["exec", "a"], "missing argument 'COMMAND...'; see 'pocker exec --help'"),
        (["ps", "x"], "got unexpected extra argument (x); see 'pocker ps --help'"),
        (["rename", "a", "b", "c"], "got unexpected extra argument (c); see"),
    ],
)
def test_a_word_too_few_or_too_many_is_one_line_and_dockers_code(
    arguments: list[str], message: str
) -> None:
    """That is 1, as for commands that are none."""
    assert_refused(arguments, 1, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check"], "missing argument 'FILE'; see 'pocker check --help'"),
        (["down", "--timeout", "soon"], "--timeout: 'soon' is not a duration"),
        (["up", "-d", "--exit-code-from", "a", "f"], "--detach and --exit-code-from exclude each"),
        (["image", "verify", "--foo"], "unknown flag: --foo; see 'pocker image verify --help'"),
        (["systemd", "status", "--foo"], "unknown flag: --foo; see 'pocker systemd status --help'"),
        *(([name, "--foo"], "unknown flag: --foo") for name in sorted(OWN) if " " not in name),
    ],
)
def test_misuse_of_what_docker_does_not_have_is_exit_code_2(
    arguments: list[str], message: str
) -> None:
    """As a mistake in a jobs file is."""
    assert_refused(arguments, 2, message)


OF_DOCKER = {
    "tty", "rm", "name", "memory", "memory-swap", "cpus", "cpuset-cpus", "cpu-shares",
    "interactive", "pids-limit", "volume", "mount", "tmpfs", "env", "env-file", "workdir", "user",
    "entrypoint", "read-only", "cap-add", "cap-drop", "privileged", "security-opt", "ulimit",
    "hostname", "sysctl", "device", "network", "add-host", "init", "restart", "stop-signal",
    "label", "health-cmd", "health-interval", "health-timeout", "health-retries",
    "stop-timeout", "health-start-period", "log-driver", "log-opt", "pull",
}  # fmt: skip


@pytest.mark.parametrize("name", ["run", "create"])
def test_dockers_options_of_containers(name: str) -> None:
    """A container is made by the same options, whether it is started at once or not."""
    with program.make_context("pocker", ["ps"]) as context:
        command = program.get_command(context, name)
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    assert {f"--{option}" for option in OF_DOCKER} <= options
    assert ("--detach" in options) == (name == "run")


def assert_refused(arguments: list[str], expected: int, message: str) -> None:
    """It is said in one line that names the program what is wrong."""
    code, (line,) = refusals(*arguments)
    assert code == expected
    assert line.startswith(f"pocker: {message}")
    assert not line.endswith(".")


def test_module_and_script_are_the_same_program() -> None:
    """`python -m supervisor` and `pocker` run the same function."""
    (script,) = entry_points(group="console_scripts", name="pocker")
    assert script.load() is supervisor.entry.enter
    shown = subprocess.run(
        [sys.executable, "-m", "supervisor", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == call("--version").stdout


BUSY = """
import sys
from concurrent.futures import ThreadPoolExecutor
from supervisor.cli import program
from supervisor.forkserver import bond
worker = ThreadPoolExecutor(1)
def main():
    worker.submit(lambda: print("done", sys.stdin.read(), flush=True))
    print("ends")
    return 3
program.main = main
bond.tell = lambda code: print("told", code, flush=True)
program.enter()
"""


def test_what_a_thread_has_left_to_do_is_done_before_the_end() -> None:
    """The process waits for it, tells its exit code only then, and has it all the same."""
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ends\n"
        process.stdin.close()
        assert process.stdout.read() == "done \ntold 3\n"
    assert process.returncode == 3


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_a_closed_standard_stream_is_not_taken_for_another_file(
    descriptor: int, tmp_path: Path
) -> None:
    """Where stdin, stdout or stderr is closed, no file that is opened later gets its number."""
    program = (
        "import os, sys; from supervisor.cli import main; code = main(sys.argv[1:]);"
        "links = [os.readlink(f'/proc/self/fd/{number}') for number in range(3)];"
        f"open({str(tmp_path / 'links')!r}, 'w').write(links[{descriptor}]); sys.exit(code)"
    )
    shell = f'exec {sys.executable} -c "$0" --state {tmp_path} ps {descriptor}>&-'
    subprocess.run(["sh", "-c", shell, program], check=True, capture_output=True)
    assert (tmp_path / "links").read_text() == "/dev/null"


def test_a_reader_that_has_gone_ends_the_program_quietly() -> None:
    """As with any other program in a pipe: nothing is said, and the code is that of SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        command = [sys.executable, "-m", "supervisor", "--help"]
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_output_that_cannot_be_written_is_an_error() -> None:
    """A full disk is named, and is not a success."""
    shell = f"{sys.executable} -m supervisor --help >/dev/full; echo $?"
    ended = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "pocker: no space left on device\n")


def test_a_mistake_in_the_program_is_no_failed_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told with its place, and with a code of its own, so that systemd begins again."""
    monkeypatch.setattr("supervisor.cli.check.read_jobs", lambda *_: 1 // 0)
    called = call("check", "jobs.toml")
    assert called.code == 70
    assert "ZeroDivisionError" in called.stderr


def test_a_shell_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands at first, then the options of the command, each with what it means."""
    monkeypatch.setenv("_POCKER_COMPLETE", "zsh")
    monkeypatch.setenv("COMP_LINE", "pocker ren")
    assert call().stdout == "plain\trename\tGive a container another name.\n"
    monkeypatch.setenv("COMP_LINE", "pocker ps --no")
    assert call().stdout == "plain\t--no-trunc\tShow commands in full.\n"


def test_versions() -> None:
    """For people and for programs."""
    assert [line.split()[0] for line in call("version").stdout.splitlines()] == [
        "PART", "version", "python", "kernel", "architecture",
    ]  # fmt: skip
    document = json.loads(call("version", "--format", "json").stdout)
    assert document["version"] == version("pocker-supervisor")
