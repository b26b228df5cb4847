"""What a job of the torture does: `python3 actor.py JOB`, with its parts in /torture/JOB.json.

Runs in a container on the host's own Python, so it imports nothing but the standard library. The
checker imports it as well: what an attempt writes follows from its part alone (`written`), byte
for byte. Each execution leaves a line in /out/JOB.runs and holds a lock while it lives, so that a
job that runs twice, one after the other or at once, is found out.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import random
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

STREAMS = {"stdout": 1, "stderr": 2}
LINGERER = b"~"
"""What the lines of those begin with that outlive the command."""
COUNTER = struct.Struct("=Q")
_FILLER = (b"abcdefghijklmnopqrstuvwxyz0123456789" * 128)[:4000]
_BLOCK = 64 * 1024
_PAGE = 1 << 20


def lines(count: int, longest: int, salt: int) -> Iterator[bytes]:
    """Numbered lines of varying lengths."""
    for number in range(count):
        yield b"%08d %s\n" % (number, _FILLER[: (number * 7919 + salt) % longest])


def raw(size: int, salt: int) -> bytes:
    """Any bytes: NUL, newlines, what is not UTF-8, and no newline at the end."""
    return random.Random(salt).randbytes(size).rstrip(b"\n")


def written(part: list[list[Any]], stream: str) -> Iterator[bytes]:
    """All that the command itself writes to a stream."""
    for action, *arguments in part:
        if action in ("lines", "raw") and arguments[0] == stream:
            if action == "lines":
                _, count, longest, salt, _ = arguments
                yield from lines(count, longest, salt)
            else:
                _, size, salt = arguments
                yield raw(size, salt)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write_lines(stream: str, count: int, longest: int, salt: int, pause: float) -> None:
    """A pause makes each line a write of its own; without, they come in blocks."""
    descriptor = STREAMS[stream]
    gathered = b""
    for line in lines(count, longest, salt):
        if pause:
            _write(descriptor, line)
            time.sleep(pause)
            continue
        gathered += line
        if len(gathered) > _BLOCK:
            _write(descriptor, gathered)
            gathered = b""
    _write(descriptor, gathered)


def _linger(lock: int, counters: str, stream: str, writers: int, pause: float) -> None:
    """Leave processes behind that write until somebody ends them.

    Each counts what it has written where the checker sees it: a line that is not counted yet may
    be written, one that is counted was.
    """
    for number in range(writers):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.close(lock)
                _write_on(f"{counters}.{number}", stream, number, pause)
            os._exit(0)
        os.wait()
    # Not before each of them has begun.
    while not all(Path(f"{counters}.{number}").exists() for number in range(writers)):
        time.sleep(0.001)


def _write_on(counter: str, stream: str, writer: int, pause: float) -> NoReturn:
    made = f"{counter}.new"
    Path(made).write_bytes(bytes(COUNTER.size))
    with open(made, "r+b") as file, mmap.mmap(file.fileno(), COUNTER.size) as memory:
        os.rename(made, counter)
        number = 0
        while True:
            _write(STREAMS[stream], b"%s%d %08d\n" % (LINGERER, writer, number))
            number += 1
            COUNTER.pack_into(memory, 0, number)
            time.sleep(pause)


def _grow() -> NoReturn:
    kept = []
    while True:
        kept.append(bytearray(os.urandom(_PAGE)))


def _lose_child() -> None:
    """Have a child killed for want of memory, and cope."""
    child = os.fork()
    if child == 0:
        _grow()
    os.waitpid(child, 0)


def _do(lock: int, counters: str, action: str, arguments: list[Any]) -> None:
    match action:
        case "lines":
            _write_lines(*arguments)
        case "raw":
            _write(STREAMS[arguments[0]], raw(*arguments[1:]))
        case "sleep":
            time.sleep(*arguments)
        case "linger":
            _linger(lock, counters, *arguments)
        case "grow":
            _grow()
        case "lose-child":
            _lose_child()
        case "signal":
            os.kill(os.getpid(), *arguments)
            time.sleep(600)
        case "exit":
            os._exit(*arguments)


def main(job: str) -> None:
    """Do the part of this execution; the last part is for all that follow as well."""
    parts = json.loads(Path(f"/torture/{job}.json").read_text())
    lock = os.open(f"/out/{job}.lock", os.O_RDWR | os.O_CREAT)
    runs = os.open(f"/out/{job}.runs", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(runs, b"overlap\n")
    number = os.pread(runs, 1 << 16, 0).count(b"\n")
    os.write(runs, b"run\n")
    for action, *arguments in parts[min(number, len(parts) - 1)]:
        _do(lock, f"/out/{job}.{number}", action, arguments)


if __name__ == "__main__":
    main(sys.argv[1])
