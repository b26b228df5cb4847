"""Containers for tests: small ones on busybox, run to their end with their output read."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import trio
from attrs import field, frozen

from runtime.container import Container, Exit, Runtime
from runtime.directories import Directories
from runtime.spec import ContainerSpec, OverlayRootfs
from tests.leaks import CLEANUP_SECONDS, observe

NAMES = f"test-{os.getpid()}-"
"""How groups begin: their names are shared with whoever else is testing on this machine."""


@frozen
class Ended:
    """How a container's command ended, and all it wrote."""

    exit: Exit
    stdout: bytes
    stderr: bytes

    @property
    def code(self) -> int | None:
        """The exit code."""
        return self.exit.code

    @property
    def text(self) -> str:
        """Standard output of a command that must have succeeded."""
        assert (self.exit.code, self.stderr) == (0, b""), self
        return self.stdout.decode()

    @property
    def lines(self) -> list[str]:
        """The same, line by line."""
        return self.text.splitlines()


@frozen
class Stage:
    """A runtime with directories of its own, and an image of some layers, topmost first."""

    runtime: Runtime
    layers: tuple[Path, ...]
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1), init=False)

    @property
    def image(self) -> Path:
        """The lowest layer, which has the programs."""
        return self.layers[-1]

    def spec(self, *command: str, **changes: Any) -> ContainerSpec:
        """A container of the image, but for `changes`; one word is a script for its shell."""
        if len(command) == 1 and " " in command[0]:
            command = ("sh", "-c", *command)
        known: dict[str, Any] = {
            "id": f"{NAMES}{next(self._numbers)}",
            "rootfs": OverlayRootfs(tuple(map(str, self.layers))),
        }
        return ContainerSpec(command=command, **known | changes)

    @asynccontextmanager
    async def started(self, *command: str, **changes: Any) -> AsyncIterator[Container]:
        """A container that runs."""
        async with self.runtime.container(self.spec(*command, **changes)) as container:
            await container.start()
            yield container

    async def run(self, *command: str, **changes: Any) -> Ended:
        """Run a container to its end. Raises StartError."""
        async with self.started(*command, **changes) as container:
            return await end_of(container)


async def end_of(container: Container) -> Ended:
    """Wait for the end of a container that runs, and read what it writes until then."""
    async with trio.open_nursery() as nursery:
        outputs: dict[str, bytes] = {}

        async def read(stream: str, pipe: int) -> None:
            outputs[stream] = await read_all(pipe)

        for stream, pipe in container.outputs():
            nursery.start_soon(read, stream, pipe)
        status = await container.wait()
    return Ended(status, outputs.get("stdout", b""), outputs.get("stderr", b""))


async def read_all(pipe: int) -> bytes:
    """All that is written until the last writer has gone."""
    content = bytearray()
    while piece := await read_some(pipe):
        content += piece
    return bytes(content)


async def read_some(pipe: int) -> bytes:
    """What is there, or nothing at the end."""
    await trio.lowlevel.wait_readable(pipe)
    return os.read(pipe, 1 << 20)


async def read_line(pipe: int) -> str:
    """One line, and no byte of what follows."""
    line = bytearray()
    while not line.endswith(b"\n"):
        await trio.lowlevel.wait_readable(pipe)
        byte = os.read(pipe, 1)
        assert byte, f"end of output after {bytes(line)!r}"
        line += byte
    return line.decode().removesuffix("\n")


async def until(condition: Callable[[], bool]) -> None:
    """Look until something is so that nobody gives notice of; it has ten seconds."""
    with trio.fail_after(10):
        while True:
            if condition():
                return
            await trio.sleep(0.001)


@contextmanager
def stage_in(directories: Directories, *layers: Path) -> Iterator[Stage]:
    """Open a runtime in these directories, and close it; nothing may be left of its containers."""
    runtime = Runtime.open(directories)
    before = _children()
    try:
        yield Stage(runtime, layers)
        assert _left_of(runtime) == []
        assert _children() <= before
    finally:
        runtime.close()


def traces() -> frozenset[str]:
    """What is on the machine because of this process, whoever else runs containers on it."""
    seen = observe()
    found = {
        f"{kind}: {name}"
        for kind in ("mount", "descriptor", "network link", "network namespace name")
        for name in seen[kind]
    }
    found.update(f"cgroup: {path}" for path in seen["cgroup"] if f"/{NAMES}" in path)
    found.update(f"process: {text}" for text in seen["process"] if _is_ours(text))
    return frozenset(found)


def left_since(before: frozenset[str]) -> list[str]:
    """The traces that were not there before and do not go; some things the kernel does later."""
    deadline = time.monotonic() + CLEANUP_SECONDS
    while True:
        left = sorted(traces() - before)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.01)


def _is_ours(process: str) -> bool:
    """Tell by its line of the observation: our child, or in one of our groups."""
    try:
        cgroup = Path(f"/proc/{process.split(maxsplit=1)[0]}/cgroup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return f"child of {os.getpid()}," in process or f"/{NAMES}" in cgroup


def _left_of(runtime: Runtime) -> list[str]:
    left = [f"group {name}" for name in runtime.cgroups.existing() if name.startswith(NAMES)]
    for place in (runtime.directories.root, runtime.directories.state):
        left += [f"{place}/containers/{name}" for name in os.listdir(f"{place}/containers")]
    return left


def _children() -> set[str]:
    # The threads of a process have children, not the process itself.
    children = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):  # a thread that has ended since
            children.update(path.read_text().split())
    return children
