"""The initial file system of a guest: a cpio archive of files, directories and nothing else.

It is made anew for each start, so it also carries what differs from one start to the next.
"""

from __future__ import annotations

import gzip
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

GUEST = Path(__file__).parent / "guest"
BUSYBOX = Path("/bin/busybox")
EMPTY_DIRECTORIES = ("bin", "dev", "lab", "modules", "proc")
DIRECTORY = 0o040755
EXECUTABLE = 0o100755


def initrd(modules: Iterable[Path], settings: Mapping[str, str]) -> bytes:
    """Pack a guest's first program, the kernel modules in the order of their loading, its settings.

    Settings are shell variables to the guest.
    """
    files = {
        "init": (GUEST / "init").read_bytes(),
        "bin/busybox": BUSYBOX.read_bytes(),
        "lab/settings": "".join(f"{k}={shlex.quote(v)}\n" for k, v in settings.items()).encode(),
        "lab/tests": (GUEST / "tests").read_bytes(),
        "lab/lab.service": (GUEST / "lab.service").read_bytes(),
    }
    names = []
    for module in modules:
        names.append(module.name)
        files[f"modules/{module.name}"] = module.read_bytes()
    files["modules/order"] = "".join(f"{name}\n" for name in names).encode()
    entries = [_entry(name, DIRECTORY, b"") for name in EMPTY_DIRECTORIES]
    entries += [_entry(name, EXECUTABLE, data) for name, data in files.items()]
    return gzip.compress(b"".join(entries) + _entry("TRAILER!!!", 0, b""), 1)


def _entry(name: str, mode: int, data: bytes) -> bytes:
    """Make one entry of the format that Documentation/driver-api/early-userspace calls newc."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    return _padded(b"070701" + b"".join(b"%08X" % field for field in fields) + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
