"""Our own start among its peers: a container from nothing to reaped, inside one trio process.

    python -m bench.start [--rounds N] [--profile]

With ``--profile`` nothing else runs, and the time is shown by function.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import trio

from bench.contest import Contender, report, take_turns
from bench.peers import REFERENCE, controllers_off_v2, floors, make_root, peers
from runtime.container import Runtime
from runtime.directories import Directories
from runtime.limits import Limits
from runtime.spec import ContainerSpec, OverlayRootfs

NAME = "supervisor, in-process"


@contextmanager
def our_own(directory: Path, root: Path) -> Iterator[Contender]:
    """All that a job gets: overlay, all namespaces, cgroups, hardening, init, output pipes."""
    # As on a usual machine: /run is in memory, the state is on a disk.
    memory = tempfile.TemporaryDirectory(prefix="pocker-bench-", dir="/dev/shm")
    runtime = Runtime.open(Directories(f"{memory.name}/run", f"{directory}/state"))
    numbers = count()

    async def start() -> float:
        begin = time.perf_counter()
        spec = ContainerSpec(
            id=f"bench-{next(numbers)}",
            command=("/bin/true",),
            rootfs=OverlayRootfs((str(root),)),
            hostname="bench",
            limits=Limits(memory=64 << 20),
        )
        async with runtime.container(spec) as container:
            await container.start()
            ended = await container.wait()
        assert ended.code == 0, ended
        return time.perf_counter() - begin

    try:
        yield Contender(NAME, start)
    finally:
        runtime.close()
        memory.cleanup()


async def _repeat(contender: Contender, rounds: int) -> None:
    for _ in range(rounds):
        await contender.start()


def main() -> None:
    """Measure and print a table, or a profile."""
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="pocker-bench-")
        directory = Path(stack.enter_context(scratch))
        if not chosen.profile:
            # Before our own cgroups: they are to lie on the hierarchies of a usual machine.
            stack.enter_context(controllers_off_v2())
        root = make_root(directory / "busybox")
        own = stack.enter_context(our_own(directory, root))
        if chosen.profile:
            profile = cProfile.Profile()
            profile.runcall(trio.run, _repeat, own, chosen.rounds)
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
            return
        contenders = [*floors(directory, root, stack), own, *peers(directory, root)]
        times = trio.run(take_turns, contenders, chosen.rounds)
    print(*report(times, REFERENCE), sep="\n")


if __name__ == "__main__":
    main()
