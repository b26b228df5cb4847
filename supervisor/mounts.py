"""What of the host, and of memory, a job sees in its file tree, and how it is written.

Nothing here looks at the host. Sources are made absolute, ``..`` is taken out of them as it
stands in the text (Docker does the same), and targets can never be outside the job's root.
"""

from __future__ import annotations

import posixpath
from typing import Annotated

from attrs import frozen

from runtime.spec import names_volume
from supervisor.kinds import FileMode, Flag, Kind, MountSource, MountTarget, Propagation, Size


@frozen(kw_only=True)
class Volume:
    """A file or directory of the host, or a volume, that the job sees at `target`."""

    target: MountTarget
    """Where the job sees it."""
    source: MountSource | None = None
    """What the job sees.

    A path must exist; a named volume is made where there is none of that name, and stays. Unset: a
    volume of the attempt's own, which goes with it.
    """
    read_only: Flag = False
    """Whether the job may only read it."""
    nocopy: Flag = False
    """Whether a new volume is empty.

    Unset: it begins with what the image has at `target`.
    """
    propagation: Propagation = "rprivate"
    """Whether the job sees what the host mounts later below a path of its: with `rslave` it does.

    The path must be on a mount that is shared (`mount --make-shared`) or a slave itself.
    """


@frozen(kw_only=True)
class Tmpfs:
    """An empty file system in memory at `target`."""

    target: MountTarget
    """Where it is mounted."""
    size: Size | None = None
    """How much it can hold.

    Unset: half of the machine's memory.
    """
    mode: FileMode = 0o1777
    """Permissions of its top directory."""
    noexec: bool = False
    """Whether no program may be executed that lies in it."""


@frozen(kw_only=True)
class Device:
    """A device of the host that the job may use; `access` is a subset of ``rwm``."""

    source: str
    target: str
    access: str = "rwm"


Volumes = Annotated[tuple[Volume, ...], Kind("list of `SRC:DST[:ro|rw]`, `DST` or tables", Volume)]
TmpfsMounts = Annotated[
    tuple[Tmpfs, ...], Kind("list of `PATH[:size=SIZE,mode=MODE,noexec]` or tables", Tmpfs)
]
Devices = Annotated[tuple[Device, ...], Kind("list of `/dev/x[:/dev/y[:rwm]]`")]


def host_path(base: str, text: str) -> str:
    """A path on the host that may be relative to the directory `base`, made absolute."""
    if not text:
        raise ValueError("is empty, not a path")
    if text == "~" or text.startswith("~/"):
        raise ValueError(f"{text!r}: '~' is not replaced; write ${{HOME}}, or an absolute path")
    # normpath keeps a double slash at the start, which has no meaning on Linux.
    return "/" + posixpath.normpath(posixpath.join(base, text)).lstrip("/")


def is_marked_path(text: str) -> bool:
    """Whether a text says itself that it is a path: ``/x``, ``./x``, ``../x``, ``.`` or ``..``."""
    return text.startswith("/") or text.partition("/")[0] in (".", "..")


def mount_source(base: str, text: str) -> str:
    """A path on the host that says itself that it is one, or the name of a volume."""
    if text[:1] in ("", "~") or is_marked_path(text):
        return host_path(base, text)
    if not names_volume(text):
        short = ", which has two characters at least" if len(text) == 1 else ""
        raise ValueError(
            f"{text!r} is not the name of a volume{short};"
            f" write './{text}' for a path beside the file"
        )
    return text


def absolute_path(text: str) -> str:
    """A path that is absolute and stays where it says."""
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is not an absolute path")
    if ".." in text.split("/"):
        raise ValueError(f"{text!r} contains '..'")
    return "/" + posixpath.normpath(text).lstrip("/")


def mount_target(text: str) -> str:
    """A path in a container at which something may be mounted."""
    target = absolute_path(text)
    if target == "/":
        raise ValueError("the root itself cannot be a mount target")
    if is_of_the_kernel(target):
        raise ValueError(f"{text!r}: nothing may be mounted in /proc or /sys")
    return target


def is_of_the_kernel(target: str) -> bool:
    """Whether an absolute path is in a file system of the kernel's own."""
    return target.split("/")[1] in ("proc", "sys")


def split_volume(text: str) -> dict[str, object]:
    """The table that ``DST``, ``SRC:DST``, ``SRC:DST:ro`` or ``SRC:DST:rw`` is short for."""
    parts = text.split(":")
    if len(parts) == 1 and text.startswith("/"):
        return {"target": text}
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(
            f"{text!r} is neither an absolute path nor SRC:DST, SRC:DST:ro or SRC:DST:rw"
        )
    modes = parts[2].split(",") if len(parts) == 3 else []
    for mode in modes:
        check_propagation(mode)
        if not any(mode in alternatives for alternatives in _MODES):
            raise ValueError(
                f"{text!r}: the mode {mode!r} is neither ro nor rw nor nocopy nor rslave"
            )
    for alternatives in _MODES:
        given = [mode for mode in alternatives if mode in modes]
        if len(given) > 1:
            raise ValueError(f"{text!r}: {' and '.join(given)} exclude each other")
    return {
        "source": parts[0],
        "target": parts[1],
        "read_only": "ro" in modes,
        "nocopy": "nocopy" in modes,
        "propagation": "rslave" if "rslave" in modes else "rprivate",
    }


_MODES = (
    ("ro", "rw"),
    ("nocopy",),
    ("z", "Z"),
    ("rprivate", "private", "rslave"),
    ("consistent", "cached", "delegated"),
)
"""What Docker has behind the target. `z` and the last three change nothing: no container has an
SELinux label of its own, and files are those of the host themselves."""


def check_propagation(word: str) -> None:
    """Refuse a propagation of mounts that no container has. Raises ValueError."""
    if word == "slave":
        raise ValueError("slave: write rslave, which is so for the mounts below as well")
    if word in ("rshared", "shared"):
        raise ValueError(f"{word}: mounts are not passed on out of a container")


def split_tmpfs(text: str) -> dict[str, object]:
    """The table that ``PATH``, or ``PATH:size=64m,mode=1777,noexec``, is short for.

    Docker's other options are taken where they say what is so in any case.
    """
    target, colon, options = text.partition(":")
    table: dict[str, object] = {"target": target}
    for option in options.split(",") if colon else ():
        name, equals, value = option.partition("=")
        if option == "noexec":
            table[option] = True
        elif name in ("size", "mode") and equals:
            table[name] = value
        elif option not in ("rw", "exec", "nosuid", "nodev"):
            known = "size=SIZE, mode=MODE, noexec, exec, rw, nosuid, nodev"
            raise ValueError(f"{text!r}: the option {option!r} is none of {known}")
    return table


def parse_mode(text: str) -> int:
    """Permissions in octal, as chmod(1) takes them."""
    if not text or len(text) > 5 or not set(text) <= set("01234567") or int(text, 8) > 0o7777:
        raise ValueError(f"{text!r} is not an octal mode such as '1777'")
    return int(text, 8)


def parse_device(text: str) -> Device:
    """The device of ``/dev/x``, ``/dev/x:/dev/y`` or ``/dev/x:/dev/y:rwm``."""
    source, *rest = text.split(":")
    if len(rest) > 2:
        raise ValueError(f"{text!r} is not SRC, SRC:DST or SRC:DST:ACCESS")
    access = rest[1] if len(rest) == 2 else "rwm"
    if not access or not set(access) <= set("rwm") or len(set(access)) != len(access):
        raise ValueError(f"{text!r}: the access {access!r} is not made of r, w and m")
    target = mount_target(rest[0] if rest else source)
    return Device(source=absolute_path(source), target=target, access=access)
