"""`init` without a container: plans whose steps change only the process that takes them."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from attrs import frozen

from runtime.errors import StartError
from runtime.kernel import EXIT_RECORD_SIZE
from runtime.launch import (
    Handed,
    InitProgram,
    LaunchDescriptors,
    Placement,
    Streams,
    confirm_start,
    launch,
)
from runtime.plan import Step, encode
from runtime.process import ExitStatus, Process

HERE = Placement(namespaces=0, cgroup=-1, attach=())
ENVIRONMENT = ("PATH=/usr/bin:/bin",)


def command(*words: str, environment: tuple[str, ...] = ENVIRONMENT) -> Step:
    """The last step of a plan."""
    return Step("exec", (words, environment), "command")


@frozen
class Outcome:
    """How a command ended and what it said."""

    status: ExitStatus | None
    output: bytes
    record: bytes


@asynccontextmanager
async def launched(
    program: InitProgram, plan: bytes, placement: Placement = HERE, stdin: str = "/dev/null"
) -> AsyncIterator[tuple[Process, int, int, int]]:
    """Launch a plan; gives the process, its report socket, its output and its exit file."""
    read, write = os.pipe2(os.O_CLOEXEC)
    exit_file = os.memfd_create("exit", os.MFD_CLOEXEC)
    source = os.open(stdin, os.O_RDONLY | os.O_CLOEXEC)
    descriptors = LaunchDescriptors(
        streams=Streams(stdin=source, stdout=write, stderr=write), exit_record=exit_file
    )
    try:
        try:
            process, report = launch(program, plan, descriptors, placement)
        finally:
            os.close(write)
            os.close(source)
        try:
            yield process, report, read, exit_file
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()
            process.close()
            os.close(report)
    finally:
        os.close(read)
        os.close(exit_file)


async def run(program: InitProgram, steps: Sequence[Step], placement: Placement = HERE) -> Outcome:
    """Run a plan to its end. Raises StartError."""
    async with launched(program, encode(steps), placement) as (process, report, read, exit_file):
        await confirm_start(report, steps, Handed())
        output = bytearray()
        while piece := os.read(read, 65536):
            output += piece
        status = await process.wait()
        return Outcome(status, bytes(output), os.pread(exit_file, EXIT_RECORD_SIZE, 0))


async def refusal(
    program: InitProgram, *steps: Step, placement: Placement = HERE
) -> tuple[str, int]:
    """The text and the code of the error that a plan gives."""
    with pytest.raises(StartError) as error:
        await run(program, steps, placement)
    return str(error.value), error.value.code
