"""What other programs, and a C program that makes the system calls alone, need for one start.

All of them run ``/bin/true`` of the same busybox root: in new namespaces, with memory and pids
limited where the program can do that, from call to reaped.

    python -m bench.peers [--rounds N] [--groups]

With ``--groups`` it is the C program alone that is measured, each time without one group of its
system calls: what is missing from the whole is what the kernel charges for that group.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import trio

from bench.contest import Contender, report, take_turns
from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.security.seccomp import compile_filter

FLOOR_SOURCE = Path(__file__).with_name("floor.c")
REFERENCE = "C floor"
APPLETS = ("true", "sh", "sleep", "cat", "echo")
GROUPS = "cgroups network dev sysfs cgroupfs devpts shm mqueue masks identity privileges"
MOUNT_POINTS = ("dev", "etc", "proc", "sys", "tmp")


class PeerError(Exception):
    """A program that is to be measured is missing or failed."""


def make_root(directory: Path) -> Path:
    """Fill a directory with Debian's static busybox and the mount points of a root."""
    busybox = find_program("busybox")
    for name in ("bin", *MOUNT_POINTS):
        (directory / name).mkdir(parents=True)
    shutil.copy(busybox, directory / "bin/busybox")
    for applet in APPLETS:
        (directory / "bin" / applet).symlink_to("busybox")
    return directory


def floors(directory: Path, root: Path, stack: ExitStack) -> list[Contender]:
    """The C program with all that a job gets, without a PID 1 of its own, and with the least.

    Their processes end with `stack`.
    """
    full = _floor_command(directory, root)
    return [
        _floor(REFERENCE, [*full, "--init"], stack),
        _floor(f"{REFERENCE}, no init", full, stack),
        _floor(f"{REFERENCE}, minimal", [*full, "--minimal"], stack),
    ]


def floors_without(directory: Path, root: Path, stack: ExitStack) -> list[Contender]:
    """The C program with all that a job gets, and once more without each group of steps."""
    full = [*_floor_command(directory, root), "--init"]
    return [
        _floor(REFERENCE, full, stack),
        *(_floor(f"without {name}", [*full, "--skip", name], stack) for name in GROUPS.split()),
    ]


def peers(directory: Path, root: Path) -> list[Contender]:
    """crun, runc and bubblewrap; each has a copy of the root that it may write to."""
    found = []
    for name in ("crun", "runc"):
        bundle = make_bundle(directory / name, root, "/bin/true")
        numbers = count()
        state = str(directory / f"{name}-state")
        command = [find_program(name), "--root", state, "run", "--bundle", str(bundle)]

        async def start(command: list[str] = command, numbers: Iterator[int] = numbers) -> float:
            return timed([*command, f"pocker-bench-{os.getpid()}-{next(numbers)}"])

        found.append(Contender(f"{name} run", start))
    bubble = [find_program("bwrap"), "--unshare-all", "--bind", str(root), "/", "--proc", "/proc"]

    async def start_bubble() -> float:
        return timed([*bubble, "--dev", "/dev", "/bin/true"])

    return [*found, Contender("bwrap", start_bubble)]


@contextmanager
def controllers_off_v2() -> Iterator[None]:
    """Keep all controllers off the v2 mount of a hybrid machine: crun refuses it otherwise.

    They are mounted as a v1 hierarchy meanwhile, and go back to v2 when that is unmounted.
    """
    top = Path("/sys/fs/cgroup")
    controllers = top / "unified/cgroup.controllers"
    free = controllers.read_text().split() if controllers.exists() else []
    mounted = []
    try:
        for name in free:
            point = top / name
            point.mkdir()
            mounted.append(point)
            run_quietly([find_program("mount"), "-t", "cgroup", "-o", name, "cgroup", str(point)])
        yield
    finally:
        for point in mounted:
            if point.is_mount():
                run_quietly([find_program("umount"), str(point)])
            point.rmdir()


def _floor_command(directory: Path, root: Path) -> list[str]:
    program = directory / "floor"
    source = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(FLOOR_SOURCE)]
    run_quietly([find_program("gcc"), *source])
    seccomp = directory / "filter"
    seccomp.write_bytes(compile_filter(DEFAULT_CAPABILITIES))
    return [
        *(str(program), "--lower", str(root)),
        *("--scratch", str(directory), "--seccomp", str(seccomp)),
    ]


def _floor(name: str, command: Sequence[str], stack: ExitStack) -> Contender:
    # One process for all starts: what a fresh one pays for its own pages is not the kernel's price.
    process = stack.enter_context(
        subprocess.Popen(
            [*command, "--requests"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    )
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None

    async def start() -> float:
        requests.write("\n")
        requests.flush()
        answer = answers.readline()
        if not answer:
            raise PeerError(f"{' '.join(command)}: failed, exit status {process.wait()}")
        microseconds: float = json.loads(answer)["us"]
        return microseconds / 1e6

    return Contender(name, start)


def make_bundle(directory: Path, root: Path, *command: str) -> Path:
    """The bundle that ``runc spec`` makes, for a command without a terminal, with two limits."""
    shutil.copytree(root, directory / "rootfs", symlinks=True)
    run_quietly([find_program("runc"), "spec", "--bundle", str(directory)])
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(terminal=False, args=command)
    config["root"]["readonly"] = False
    resources = config["linux"]["resources"]
    resources.update(memory={"limit": 64 << 20}, pids={"limit": 2048})
    path.write_text(json.dumps(config))
    return directory


def find_program(name: str) -> str:
    """The path of an installed program. Raises PeerError."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise PeerError(f"{name} is not installed")
    return found


def run_quietly(command: Sequence[str]) -> str:
    """Run a command to its end; returns what it writes. Raises PeerError where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerError(
            f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


def timed(command: Sequence[str]) -> float:
    """Seconds from the call to the reaped process; its output goes to nobody.

    It blocks the event loop: nothing else is to run meanwhile.
    """
    files = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    begin = time.perf_counter()
    pid = os.posix_spawn(
        command[0], [*command], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, file_actions=files
    )
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        run_quietly(command)  # once more, to see what it says
        raise PeerError(f"{' '.join(command)}: failed once")
    return seconds


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers", description="time container starts"
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--groups", action="store_true")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="pocker-bench-")
        directory = Path(stack.enter_context(scratch))
        stack.enter_context(controllers_off_v2())
        root = make_root(directory / "busybox")
        if chosen.groups:
            contenders = floors_without(directory, root, stack)
        else:
            contenders = [*floors(directory, root, stack), *peers(directory, root)]
        times = trio.run(take_turns, contenders, chosen.rounds)
    sys.stdout.writelines(f"{line}\n" for line in report(times, REFERENCE))


if __name__ == "__main__":
    main()
