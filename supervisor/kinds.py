"""The kinds of value that jobs.toml has: what may be written, and the plain type it becomes.

A field whose type is one of these kinds is a key of jobs.toml; its default and its docstring are
the key's. The reader, the messages and the reference all work from that one declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from attrs import fields, frozen, resolve_types

from runtime.spec import HostEntry


@frozen(eq=False)
class Kind:
    """What may be written in the file, in words for the reference. Each kind is only like itself.

    `table` is the class that declares the keys of the tables among the accepted forms.
    """

    text: str
    table: type | None = None


def kind_of(annotation: Any) -> Kind | None:
    """The kind of a value of this type, which may be optional; None if it is not for the file."""
    for part in (annotation, *get_args(annotation)):
        for mark in getattr(part, "__metadata__", ()):
            if isinstance(mark, Kind):
                return mark
    return None


@cache
def keys_of(cls: type) -> Mapping[str, Any]:
    """The fields of a class that are keys of jobs.toml, in order, and their types."""
    return {each.name: each.type for each in fields(resolve_types(cls)) if kind_of(each.type)}


ProjectName = Annotated[
    str, Kind("at most 50 lower-case letters, digits, `-` and `_`, a letter or digit first")
]
Flag = Annotated[bool, Kind("true or false")]
Whole = Annotated[int, Kind("whole number")]
Count = Annotated[int, Kind("whole number, 1 or more")]
Retries = Annotated[int, Kind("whole number, 0 or more")]
Factor = Annotated[float, Kind("number, 1 or more")]
Share = Annotated[float, Kind("number between 0 and 1")]
Size = Annotated[int, Kind('size: bytes, or a number with k, m, g or t, such as `"512m"`')]
SwapSize = Annotated[int, Kind("size, or -1 for no limit")]
Duration = Annotated[
    float, Kind('duration: seconds, or numbers with d, h, m, s or ms, such as `"1h30m"`')
]
HealthTest = Annotated[
    tuple[str, ...],
    Kind('string for the shell, `["CMD", "program", ...]` or `["CMD-SHELL", "string"]`'),
]
Timeout = Annotated[float, Kind("duration above zero")]
Cpus = Annotated[float, Kind("number of cores, such as 0.5")]
CpuList = Annotated[str, Kind('list of CPUs, such as `"0-3,6"`')]
Rate = Annotated[int, Kind("bytes per second, written as a size")]
Operations = Annotated[int, Kind("operations per second, 1 or more")]
PidsLimit = Annotated[int, Kind("whole number, or -1 for no limit")]
Signal = Annotated[int, Kind('name with or without SIG, or number: `"SIGINT"`, `"INT"`, 2')]
Signals = Annotated[
    tuple[int, ...],
    Kind('list of signals that a process can be told something by, such as `["USR1"]`'),
]
ExitCodes = Annotated[tuple[int, ...], Kind("list of whole numbers, 0 to 255")]
Words = Annotated[tuple[str, ...], Kind("list of strings, or one string split into words")]
Command = Annotated[tuple[str, ...], Kind("list of strings, or one string that `/bin/sh -c` runs")]
Image = Annotated[
    str,
    Kind(
        '`"host"`, an image of the store: `"busybox"`, `"NAME:TAG"`, `"NAME@DIGEST"`, a digest or'
        " id, or a directory that starts with `/`, `./` or `../`"
    ),
]
HostPath = Annotated[str, Kind("path on the host; a relative one starts at the file's directory")]
HostPaths = Annotated[tuple[str, ...], Kind("path on the host, or a list of them")]
ContainerPath = Annotated[str, Kind("absolute path in the container")]
MountSource = Annotated[
    str,
    Kind(
        "path on the host: absolute, or relative to the file's directory with `./` or `../`;"
        " or the name of a volume"
    ),
]
MountTarget = Annotated[str, Kind("absolute path in the container, not in /proc or /sys")]
DevicePath = Annotated[str, Kind("absolute path of a device")]
Environment = Annotated[Mapping[str, str], Kind("table, or list of `KEY=VALUE` and `KEY` strings")]
Labels = Annotated[Mapping[str, str], Kind("table, or list of `KEY=VALUE` and `KEY` strings")]
Hostname = Annotated[str, Kind("host name of at most 64 characters")]
ExtraHosts = Annotated[
    tuple[HostEntry, ...],
    Kind('list of `"HOST:IP"` strings, or table of host names to an address or a list of them'),
]
User = Annotated[str, Kind("`NAME|UID[:GROUP|GID]` string, or a number")]
Groups = Annotated[tuple[str, ...], Kind("list of group names and numbers")]
Capabilities = Annotated[
    tuple[str, ...], Kind('list of capability names, with or without CAP_, or `"ALL"`')
]
Sysctls = Annotated[Mapping[str, str], Kind("table of quoted names to strings or numbers")]
NetworkMode = Annotated[Literal["none", "host"], Kind('`"none"` or `"host"`')]
Propagation = Annotated[Literal["rprivate", "rslave"], Kind('`"rprivate"` or `"rslave"`')]
CgroupMode = Annotated[Literal["private", "private-rw"], Kind('`"private"` or `"private-rw"`')]
OomPolicy = Annotated[Literal["process", "group"], Kind('`"process"` or `"group"`')]
LogDriver = Annotated[Literal["file", "journald"], Kind('`"file"` or `"journald"`')]
FileMode = Annotated[int, Kind('octal string, such as `"1777"`')]
