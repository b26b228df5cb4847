"""What client and server say to each other. Imports nothing that costs anything.

A request is one text behind its length, with the descriptors of the client beside it; its parts
are bytes without NUL, as the kernel has them. The answer is one byte.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS = frozenset({"exec", "run"})
"""The commands that are worth it."""
_VALUED = frozenset({"--root", "--state", "--log-level", "--log-format"})
"""Options in front of the command's name."""

_ABOUT_FILES = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables that make Python write another way, and do the same."""

LENGTH_BYTES = 4
MAX_REQUEST = 16 << 20
"""Bytes; the kernel lets a program have 6 MiB of arguments and variables."""
DESCRIPTORS = 4
"""Standard input, output, error, and the working directory."""
DESCRIPTOR_BYTES = 4

PATIENCE = 10.0
"""Seconds for a server to begin and to fork; importing takes a client less."""

REFUSED = b"r"
READY = b"o"
"""With a pidfd of the fork beside it."""
GO = b"g"


def address(root: str) -> str:
    """The Unix socket of the server that belongs to this runtime directory."""
    return f"{root}/detached/fork.sock"


def root_of(words: Sequence[str], default: str) -> str | None:
    """The runtime directory that these arguments speak of, if their command is one for us."""
    root = default
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return os.path.abspath(root) if word in COMMANDS else None
        option, equals, value = word.partition("=")
        if option not in _VALUED:
            return None
        value = value if equals else next(rest, "")
        if option == "--root":
            root = value
    return None


def interpreter() -> bytes:
    """What has to be the same in both: other code would do other things."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    encodings = [sys.getfilesystemencoding(), sys.stdout.encoding]
    names = {name for name in os.environ if name.startswith("PYTHON")} - _ABOUT_FILES
    variables = [f"{name}={os.environ[name]}" for name in sorted(names)]
    return os.fsencode("\n".join([sys.executable, package, *encodings, *variables]))


def encode(words: Sequence[bytes], environment: Mapping[bytes, bytes], umask: int) -> bytes:
    """The text of a request. Pure, but for the length in front of it."""
    parts = [
        interpreter(),
        str(umask).encode(),
        str(len(words)).encode(),
        *words,
        *(name + b"=" + value for name, value in environment.items()),
    ]
    text = b"\0".join(parts)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def decode(text: bytes) -> tuple[bytes, int, list[bytes], list[bytes]]:
    """The interpreter, the umask, the words and the variables of a request. Raises ValueError."""
    kind, umask, count, *rest = text.split(b"\0")
    return kind, int(umask), rest[: int(count)], rest[int(count) :]
