"""Commands run in this process, as `main` runs them."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from attrs import frozen

from supervisor.cli import main
from supervisor.cli.attend import FORWARDED


@frozen
class Call:
    """What a command has returned and written."""

    code: int
    stdout: str
    stderr: str


def call(*arguments: str) -> Call:
    """Run a command that starts nothing."""
    out, err = _stream(), _stream()
    with _own_signals(), redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return Call(code, _content(out), _content(err))


@contextmanager
def _own_signals() -> Iterator[None]:
    """Take back what a command does to signals, as the end of its process would."""
    before = {number: signal.getsignal(number) for number in FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def refusals(*arguments: str) -> tuple[int, Sequence[str]]:
    """The exit code and the lines of a command that must not write to stdout."""
    called = call(*arguments)
    assert called.stdout == ""
    return called.code, called.stderr.splitlines()


def imported_by(*arguments: str, after: Sequence[str] = ()) -> set[str]:
    """The modules that a command imports in a process of its own which has some already."""
    program = "".join(f"import {module}; " for module in after) + (
        "import json, sys; before = set(sys.modules); from supervisor.cli import main;"
        "main(sys.argv[1:]); print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
