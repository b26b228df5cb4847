"""Row 16: host-wide knobs are out of reach."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import SpecError
from tests.integration.container.stage import Stage

pytestmark = pytest.mark.root

KNOBS = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/fs/protected_symlinks",
    "/proc/sys/fs/suid_dumpable",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/kernel/profiling",
)


@pytest.fixture
def same_knobs() -> Iterator[list[str]]:
    """Compare those knobs of the host that it has."""
    present = [knob for knob in KNOBS if os.path.exists(knob)]
    readable = [
        knob for knob in present if os.access(knob, os.R_OK) and knob.startswith("/proc/sys/")
    ]
    before = {knob: read(knob) for knob in readable}
    yield present
    assert {knob: read(knob) for knob in readable} == before


def read(knob: str) -> bytes | None:
    """A knob's value; some cannot be read."""
    try:
        return Path(knob).read_bytes()
    except OSError:
        return None


@pytest.mark.parametrize("seccomp", [True, False])
async def test_no_knob_can_be_turned(stage: Stage, same_knobs: list[str], seccomp: bool) -> None:
    """Root inside a container opens none of them for writing."""
    script = "".join(f"probe open {knob} w; " for knob in same_knobs)
    ended = await stage.run(f"{script}true", seccomp=seccomp)
    answers = dict(zip(same_knobs, ended.lines, strict=True))
    assert set(answers.values()) <= {"EROFS", "EACCES"}
    assert answers["/proc/sys/kernel/core_pattern"] == "EROFS"


async def test_everything_below_is_read_only(stage: Stage) -> None:
    """Not one file of /proc/sys and /sys opens for writing, known or unknown."""
    script = """
        for place in /proc/sys /sys; do
            find $place -type f -perm -200 2>/dev/null | head -n 300
        done | while read file; do probe open $file w; done | sort | uniq -c
    """
    answers = {line.split()[1] for line in (await stage.run(script)).lines}
    assert answers <= {"EROFS", "EACCES", "EPERM"}
    assert "EROFS" in answers


async def test_no_program_format_can_be_registered(stage: Stage) -> None:
    """The file system for that is not mounted, and cannot be."""
    assert (await stage.run("probe", "mount", "binfmt_misc", "/tmp")).text == "EPERM\n"
    assert (await stage.run("ls /proc/sys/fs/binfmt_misc 2>/dev/null | wc -l")).text == "0\n"


async def test_a_namespaced_knob_is_turned_inside_only(stage: Stage, same_knobs: list[str]) -> None:
    """What was asked for holds in the container, and the host keeps its own value."""
    sysctls = {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.ip_default_ttl": "77",
        "kernel.shmmni": "123",
        "fs.mqueue.msg_max": "7",
    }
    files = " ".join(f"/proc/sys/{name.replace('.', '/')}" for name in sysctls)
    before = [Path(file).read_text() for file in files.split()]
    ended = await stage.run(f"cat {files}", sysctls=sysctls)
    assert ended.lines == list(sysctls.values())
    assert [Path(file).read_text() for file in files.split()] == before


@pytest.mark.parametrize(
    "name",
    [
        *("kernel.core_pattern", "kernel.modprobe", "vm.drop_caches", "fs.suid_dumpable"),
        *("kernel/../net.x", "net/ipv4/ip_forward", "net..ipv4", "net.ipv4.+x", "net.+ipv4"),
        *("/net.ipv4.ip_forward", "net.ipv4.ip_forward/", "..", ".", "", "net", "net.\n", "net.\0"),
        *("kernel.shmmax/../core_pattern", "fs.mqueue/../suid_dumpable", "NET.ipv4.ip_forward"),
    ],
)
def test_other_names_are_refused(stage: Stage, name: str) -> None:
    """Whatever could mean the whole machine or another path."""
    with pytest.raises(SpecError) as error:
        stage.spec("true", sysctls={name: "1"})
    assert error.value.field == "sysctls"
