"""What client and server of the warm start say to each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.forkserver.protocol import LENGTH_BYTES, decode, encode, interpreter, root_of


@pytest.mark.parametrize(
    ("words", "root"),
    [
        (["exec", "a", "true"], "/default"),
        (["run", "--root", "/elsewhere", "host"], "/default"),
        (["--root", "/here", "run", "host"], "/here"),
        (["--root=/here", "--state", "/there", "--log-level=info", "run"], "/here"),
        (["--state", "run", "exec"], "/default"),
        (["--root", "relative", "run"], os.path.abspath("relative")),
        (["ps"], None),
        (["up", "run"], None),
        (["--help", "run"], None),
        (["--root"], None),
        ([], None),
    ],
)
def test_the_directory_is_read_off_the_words(words: list[str], root: str | None) -> None:
    """Of the commands that a fork may do, and as the command line itself will read them."""
    assert root_of(words, "/default") == root


def test_a_request_is_read_as_it_was_written() -> None:
    """Also with bytes that are no text, and with nothing."""
    words = [b"run", b"", b"\xff\n"]
    text = encode(words, {b"A": b"a=b", b"B": b""}, 0o27)
    assert int.from_bytes(text[:LENGTH_BYTES], "little") == len(text) - LENGTH_BYTES
    assert decode(text[LENGTH_BYTES:]) == (interpreter(), 0o27, words, [b"A=a=b", b"B="])


def test_the_client_imports_next_to_nothing(tmp_path: Path) -> None:
    """What it costs is what Python itself costs, but for a module or two."""
    program = (
        "import json, sys; before = set(sys.modules);"
        "from supervisor.forkserver.client import delegate;"
        f"delegate(['--root', {str(tmp_path)!r}, 'run', 'host']);"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    # Without site: an editable install brings modules that are not the program's.
    here = str(Path(__file__).parents[3])
    ended = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(ended.stdout)) <= {
        "__future__", "_signal", "_socket", "_stat", "genericpath", "os", "os.path", "posixpath",
        "stat", "supervisor", "supervisor.forkserver", "supervisor.forkserver.client",
        "supervisor.forkserver.protocol",
    }  # fmt: skip
