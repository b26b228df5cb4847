"""Device filters in the kernel: loaded once for each list of rules, attached per group.

Loading costs about 140 us (the verifier), attaching 3 us, so loaded programs are kept. A
group holds its program by itself: it stays in force when this process ends.
"""

from __future__ import annotations

import ctypes
import os
import struct

from runtime.cgroups.devicefilter import device_program
from runtime.cgroups.syscalls import bpf
from runtime.limits import DeviceRule

_PROG_LOAD, _PROG_ATTACH, _PROG_QUERY = 5, 8, 16
_TYPE_CGROUP_DEVICE = 15
_ATTACH_CGROUP_DEVICE = 6
# Lets programs of groups above and of runtimes nested in a container run as well as ours.
_ALLOW_MULTI = 2
_MOST_KEPT = 16


class DevicePrograms:
    """The loaded programs of this process."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[DeviceRule, ...], int] = {}

    def load(self, rules: tuple[DeviceRule, ...]) -> int:
        """The descriptor of the program for `rules`; raises OSError where bpf is refused."""
        descriptor = self._loaded.get(rules)
        if descriptor is None:
            descriptor = _load(device_program(rules))
            if len(self._loaded) >= _MOST_KEPT:
                os.close(self._loaded.pop(next(iter(self._loaded))))
            self._loaded[rules] = descriptor
        return descriptor

    def close(self) -> None:
        """Forget the programs; groups keep theirs."""
        while self._loaded:
            os.close(self._loaded.popitem()[1])


def attach(program: int, group: int) -> bool:
    """Put `program` in force on a new `group`; false if the kernel does not show it there."""
    bpf(
        _PROG_ATTACH,
        _attributes("IIII", group, program, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI),
    )
    # target, type, query flags, attach flags, address of ids (not asked for), count
    answer = _attributes("IIIIQI4x", group, _ATTACH_CGROUP_DEVICE, 0, 0, 0, 0)
    bpf(_PROG_QUERY, answer)
    count: int = struct.unpack_from("<I", answer, 24)[0]
    return count == 1


def _load(code: bytes) -> int:
    instructions = ctypes.create_string_buffer(code, len(code))
    license_text = ctypes.create_string_buffer(b"MIT")
    # type, count, instructions, license, log (level, size, address), kernel version, flags, name
    attributes = _attributes(
        "IIQQIIQII16s",
        _TYPE_CGROUP_DEVICE,
        len(code) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(license_text),
        0,
        0,
        0,
        0,
        0,
        b"pocker_devices",
    )
    return bpf(_PROG_LOAD, attributes)


def _attributes(layout: str, *values: int | bytes) -> ctypes.Array[ctypes.c_char]:
    packed = struct.pack(f"<{layout}", *values)
    return ctypes.create_string_buffer(packed, len(packed))
