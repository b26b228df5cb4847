"""What images cost: unpacking beside tar, pulling beside skopeo and umoci, committing.

    python -m bench.images [--rounds N]

The image has 10,000 files of 20 KiB. Its registry is Debian's docker-registry on loopback. Nothing
is removed before the end: ext4 is slow to reuse the inodes of files that were deleted just now.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import trio
from attrs import frozen

from bench.contest import Contender, report, take_turns
from bench.peers import find_program, run_quietly
from runtime.images.committing import commit_layer
from runtime.images.importing import import_archive
from runtime.images.layers import Layers
from runtime.images.store import ImageStore
from runtime.images.tarstream import UnpackLimits

DIRECTORIES = 100
FILES = 100
FILE_BYTES = 20 << 10
CHANGED = 1000
LARGE_BYTES = 1 << 30
CREATED = "2024-01-01T00:00:00Z"


@frozen(kw_only=True)
class Ground:
    """Where it is measured; `number` tells one round's directories from another's."""

    top: Path
    number: Iterator[int]

    def fresh(self, name: str) -> str:
        """Name a directory that is not there yet."""
        return str(self.top / f"{name}-{next(self.number)}")

    def archive(self, *, packed: bool) -> str:
        """The image's only layer."""
        return str(self.top / ("layer.tar.gz" if packed else "layer.tar"))


def prepare(ground: Ground) -> None:
    """Make the archives. Half of what is in a file can be compressed, as in a real image."""
    source = random.Random(1)
    tree = ground.top / "tree"
    for directory in range(DIRECTORIES):
        (tree / str(directory)).mkdir(parents=True)
        for file in range(FILES):
            half = FILE_BYTES // 2
            (tree / str(directory) / str(file)).write_bytes(source.randbytes(half) + bytes(half))
    run_quietly([find_program("tar"), "-C", str(tree), "-cf", ground.archive(packed=False), "."])
    with open(ground.archive(packed=True), "wb") as packed:
        subprocess.run(["gzip", "-6c", ground.archive(packed=False)], stdout=packed, check=True)


def empty_store(ground: Ground) -> ImageStore:
    """A store in a state directory of its own."""
    state = ground.fresh("state")
    os.mkdir(state, 0o700)
    return ImageStore(state)


def imported(ground: Ground, name: str, *, packed: bool) -> ImageStore:
    """A store with the image in it."""
    store = empty_store(ground)
    with open(ground.archive(packed=packed), "rb") as file:
        pieces = iter(partial(file.read, 1 << 20), b"")
        import_archive(store, pieces, names=[name], created=CREATED)
    return store


def unpacking(ground: Ground, *, packed: bool) -> Contender:
    """Ours, in process: the blob is in the store, its digest is verified, the tree made durable."""
    store = imported(ground, "app", packed=packed)
    image = store.find("app")

    async def start() -> float:
        directory = ground.fresh("layers")
        os.mkdir(directory)
        layers = Layers(directory, store.blobs, UnpackLimits())
        begin = time.perf_counter()
        layers.ensure(image.manifest.layers, image.configuration.diff_ids)
        return time.perf_counter() - begin

    return Contender("ours", start)


def tarring(ground: Ground, name: str, options: str, *, packed: bool) -> Contender:
    """GNU tar, which verifies nothing and leaves its files to the page cache."""

    async def start() -> float:
        directory = ground.fresh("tar")
        os.mkdir(directory)
        begin = time.perf_counter()
        run_quietly(["tar", "-C", directory, options, ground.archive(packed=packed)])
        return time.perf_counter() - begin

    return Contender(name, start)


@contextmanager
def registry(ground: Ground) -> Iterator[str]:
    """Run a registry on loopback; gives its address."""
    config = ground.top / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {ground.top}/registry}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    process = subprocess.Popen(
        [find_program("docker-registry"), "serve", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
    )
    assert process.stderr is not None
    line = next(line for line in process.stderr if "listening on" in line)
    try:
        yield line.partition("listening on ")[2].split('"')[0]
    finally:
        process.kill()
        process.wait()


def pocker(state: str, *arguments: str) -> list[str]:
    """The words of a command."""
    return [sys.executable, "-m", "supervisor", "--state", state, *arguments]


def push(store: ImageStore, name: str, address: str) -> str:
    """Put an image into the registry; returns its name there."""
    there = f"{address}/{name}:latest"
    store.tag(store.find(name), there)
    run_quietly(pocker(str(Path(store.root).parent), "push", there))
    return there


def pulling(ground: Ground, reference: str) -> Contender:
    """`pocker pull` as a whole process; it unpacks what it brings."""

    async def start() -> float:
        begin = time.perf_counter()
        run_quietly(pocker(ground.fresh("pull"), "pull", "-q", reference))
        return time.perf_counter() - begin

    return Contender("pocker pull", start)


def by_peers(ground: Ground, reference: str) -> Contender:
    """The two processes that are wanted for the same without us."""

    async def start() -> float:
        layout, bundle = ground.fresh("layout"), ground.fresh("bundle")
        begin = time.perf_counter()
        run_quietly(
            ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{reference}",
             f"oci:{layout}:a"]
        )  # fmt: skip
        run_quietly(["umoci", "unpack", "--image", f"{layout}:a", bundle])
        return time.perf_counter() - begin

    return Contender("skopeo copy, umoci unpack", start)


def peak_memory(command: list[str]) -> int:
    """The most bytes that a command has in memory at once."""
    nothing = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=nothing)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, command
    return usage.ru_maxrss << 10


def commit_seconds(ground: Ground) -> float:
    """Seconds to make an image of a writable layer with many changed files."""
    store = imported(ground, "base", packed=True)
    upper = ground.fresh("upper")
    os.mkdir(upper)
    for number in range(CHANGED):
        Path(upper, f"changed-{number}").write_bytes(random.Random(number).randbytes(FILE_BYTES))
    begin = time.perf_counter()
    commit_layer(store, upper, store.resolve("base"), names=["changed"], created=CREATED)
    return time.perf_counter() - begin


def large(ground: Ground) -> ImageStore:
    """A store with an image `large` of one file that cannot be compressed."""
    tree = ground.top / "large"
    tree.mkdir()
    with (tree / "data").open("wb") as file:
        for _ in range(LARGE_BYTES >> 20):
            file.write(os.urandom(1 << 20))
    archive = str(ground.top / "large.tar")
    run_quietly(["tar", "-C", str(tree), "-cf", archive, "."])
    store = empty_store(ground)
    with open(archive, "rb") as opened:
        import_archive(
            store, iter(partial(opened.read, 1 << 20), b""), names=["large"], created=CREATED
        )
    return store


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _contest(title: str, rounds: int, *contenders: Contender) -> None:
    times = trio.run(take_turns, contenders, rounds)
    for line in report(times, contenders[0].name, title):
        _say(line)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.images", description="time images")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="pocker-bench-")
        ground = Ground(top=Path(stack.enter_context(scratch)), number=count())
        prepare(ground)
        tar = tarring(ground, "tar -x", "-xpf", packed=False)
        _contest("unpack, plain", rounds, tar, unpacking(ground, packed=False))
        tar = tarring(ground, "tar -xz", "-xpzf", packed=True)
        _contest("unpack, gzip", rounds, tar, unpacking(ground, packed=True))
        address = stack.enter_context(registry(ground))
        reference = push(imported(ground, "app", packed=True), "app", address)
        peers = by_peers(ground, reference)
        _contest("pull and unpack", rounds, peers, pulling(ground, reference))
        seconds = sorted(commit_seconds(ground) for _ in range(rounds))
        _say(f"commit of {CHANGED} changed files: {seconds[rounds // 2]:.2f} s")
        reference = push(large(ground), "large", address)
        peak = peak_memory(pocker(ground.fresh("pull"), "pull", "-q", reference))
        _say(f"pull of a layer of {LARGE_BYTES >> 20} MiB: {peak >> 20} MiB of memory at most")


if __name__ == "__main__":
    main()
