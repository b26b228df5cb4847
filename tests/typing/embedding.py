"""A program that embeds the runtime, as its author's type checker sees it.

It is checked and never run: by lint with trio's own types, by `just typing-check` with the stubs
of trio-typing.
"""

from __future__ import annotations

import signal
import sys
from typing import assert_type

import trio

from runtime.cgroups import Usage
from runtime.container import Container, Exit, Runtime
from runtime.directories import Directories
from runtime.errors import ContainerError, StartError
from runtime.limits import Limits
from runtime.spec import ContainerSpec, HostRootfs, Tmpfs, Volume


def describe() -> ContainerSpec:
    """Every part of a specification is a plain value with a type of its own."""
    return ContainerSpec(
        id="nightly",
        command=("sh", "-c", "sort /data/in >/data/out"),
        rootfs=HostRootfs(),
        environment={"LC_ALL": "C"},
        volumes=(Volume(source="/srv/data", target="/data"),),
        tmpfs=(Tmpfs(target="/scratch"),),
        limits=Limits(memory=64 << 20, cpus=0.5),
        user="1000:1000",
    )


async def stop_later(container: Container, seconds: float) -> None:
    """A container may be signalled from another task of the same nursery."""
    await trio.sleep(seconds)
    container.signal(signal.SIGTERM)


async def run(spec: ContainerSpec) -> Exit:
    """A container is an async context manager, and waiting for it can be cancelled."""
    runtime = Runtime.open(Directories("/run/nightly", "/var/lib/nightly"))
    try:
        async with runtime.container(spec) as container, trio.open_nursery() as nursery:
            assert_type(container, Container)
            await container.start()
            nursery.start_soon(stop_later, container, 60)
            with trio.move_on_after(90):
                ended = await container.wait()
                assert_type(ended, Exit)
                nursery.cancel_scope.cancel()
                return ended
            container.kill()
            return await container.wait()
    finally:
        runtime.close()


def main() -> int:
    """The outcome is a value, and a start that failed is an exception with the shell's code."""
    try:
        ended = trio.run(run, describe())
    except StartError as error:
        assert_type(error.code, int)
        return error.code
    except ContainerError as error:
        sys.stderr.write(f"{error}\n")
        return 125
    assert_type(ended.code, int | None)
    assert_type(ended.signal, int | None)
    assert_type(ended.usage, Usage)
    return 128 + ended.signal if ended.signal is not None else ended.code or 0
