"""What the small Docker costs its user, beside podman: whole processes, from call to end.

    python -m bench.cli [--rounds N]

pocker is measured as `pip install` puts it in place, and as the clone has it: an editable install,
which looks at each start whether something is to be built again. podman is Debian's, with the OCI
runtime and the storage that it chooses. Both have an image of the same busybox root and no network.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trio
from attrs import frozen

from bench.contest import Contender, Times, report, take_turns
from bench.peers import controllers_off_v2, find_program, make_root, run_quietly, timed

IMAGE = "localhost/bench-busybox"
CLONE = Path(__file__).parent.parent
EDITABLE, INSTALLED, PODMAN, PYTHON = "pocker, editable", "pocker", "podman", "python -c pass"


RUN_WORDS = ("run", "--network", "none")


@frozen
class Engine:
    """A program with directories of its own, as the first words of its command line."""

    name: str
    words: Sequence[str]
    run_words: Sequence[str] = RUN_WORDS

    def contender(self, *arguments: str) -> Contender:
        """A command that is timed from call to reaped."""
        return _contender(self.name, [*self.words, *arguments])

    def run(self, *arguments: str) -> str:
        """Carry out a command; returns what it writes."""
        return run_quietly([*self.words, *arguments])


def _contender(name: str, command: Sequence[str]) -> Contender:
    async def start() -> float:
        return timed(command)

    return Contender(name, start)


def install(directory: Path) -> Path:
    """Install the clone as its users do, but for what it needs: that is taken from here."""
    wheels = directory / "wheels"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(wheels), str(CLONE)]
    run_quietly([*pip, *build])
    venv = directory / "venv"
    run_quietly([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    (wheel,) = wheels.iterdir()
    # By today's pip: the scripts of older ones import `re`, which takes as long as all of ours.
    run_quietly([*pip, "--python", str(venv), "install", "pip"])
    own = [str(venv / "bin/python"), *pip[1:]]
    run_quietly([*own, "install", "--no-deps", str(wheel)])
    here = sysconfig.get_path("purelib")
    there = sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)})
    (Path(there) / "needed.pth").write_text(f"{here}\n")
    return venv / "bin/pocker"


@contextmanager
def running(engine: Engine) -> Iterator[str]:
    """A container that sleeps, for commands to join; gives its name."""
    name = "bench-sleeper"
    engine.run(*engine.run_words, "-d", "--name", name, IMAGE, "sleep", "10000")
    try:
        yield name
    finally:
        engine.run("rm", "-f", name)


def prepare(directory: Path) -> list[Engine]:
    """All engines, with the image in the two stores."""
    archive = directory / "root.tar"
    run_quietly(["tar", "-C", str(make_root(directory / "root")), "-cf", str(archive), "."])
    own = ["--root", str(directory / "run"), "--state", str(directory / "state")]
    engines = [
        Engine(INSTALLED, [str(install(directory)), *own]),
        Engine(EDITABLE, [str(Path(sysconfig.get_path("scripts")) / "pocker"), *own]),
        Engine(
            PODMAN,
            [
                *(find_program("podman"), "--cgroup-manager", "cgroupfs"),
                *("--root", str(directory / "podman"), "--runroot", str(directory / "podman-run")),
            ],
            # Its usual limits are higher than root itself may go on some machines.
            [*RUN_WORDS, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"],
        ),
    ]
    pocker, _, podman = engines
    pocker.run("import", str(archive), IMAGE)
    podman.run("import", str(archive), IMAGE)
    return engines


def measure(engines: Sequence[Engine], rounds: int) -> Iterator[tuple[str, str, Times]]:
    """Title, reference and times of each table."""

    def times(contenders: Sequence[Contender]) -> Times:
        return trio.run(take_turns, contenders, rounds)

    pocker, _, podman = engines
    runs = [each.contender(*each.run_words, "--rm", IMAGE, "true") for each in engines]
    yield "run --rm, no supervisor", PODMAN, times(runs)
    with running(pocker) as name, running(podman):
        yield "run --rm", PODMAN, times(runs)
        yield "exec", PODMAN, times([each.contender("exec", name, "true") for each in engines])
        installed = Path(pocker.words[0]).with_name("python")
        python = _contender(PYTHON, [str(installed), "-c", "pass"])
        for word in ("ps", "--help"):
            contenders = [each.contender(word) for each in engines]
            yield word, PYTHON, times([*contenders, python])


def main() -> None:
    """Measure in turns and print a table for each command."""
    parser = argparse.ArgumentParser(prog="python -m bench.cli", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="pocker-bench-")
        directory = Path(stack.enter_context(scratch))
        stack.enter_context(controllers_off_v2())
        engines = prepare(directory)
        for title, reference, times in measure(engines, rounds):
            print(*report(times, reference, title), sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
