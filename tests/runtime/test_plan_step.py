"""One step: its bytes as native/README.md describes them, and its text for people."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.kernel import PLAN_MAGIC, PLAN_STEPS, PLAN_VERSION
from runtime.plan import Step, describe, encode
from runtime.plan.step import NODEV, NOEXEC, NOSUID, RDONLY, Argument

README = Path(__file__).parent.parent.parent / "native/README.md"

U32 = st.integers(0, 2**32 - 1)
PATHS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
ARGUMENTS: dict[str, st.SearchStrategy[Argument]] = {
    "u": U32,
    "q": st.integers(0, 2**64 - 1),
    "s": PATHS,
    "b": st.binary(max_size=20),
    "v": st.lists(PATHS, max_size=4).map(tuple),
    "g": st.lists(U32, max_size=4).map(tuple),
}

SAMPLES: list[tuple[Step, str]] = [
    (Step("session"), "start a session"),
    (Step("keyring"), "join a new session keyring"),
    (Step("follow", ("/srv/in", RDONLY)), "follow the mounts of /srv/in (ro)"),
    (Step("private_mounts"), "make all mounts private"),
    (Step("cgroup_namespace"), "make a cgroup namespace"),
    (Step("hostname", ("box",)), "set the host name to box"),
    (Step("loopback"), "bring the loopback interface up"),
    (Step("join", (0x6C020000,)), "join the namespaces of the container (0x6c020000)"),
    (Step("root_bind", ("/srv/root", "/run/m")), "use /srv/root as the root"),
    (Step("root_mount", ("tmpfs", "mode=755", "/run/m")), "mount tmpfs (mode=755) as the root"),
    (
        Step("root_overlay", (("/top", "/low"), "/upper", "/work", 1, "/run/m")),
        "mount an overlay of /top /low below /upper as the root",
    ),
    (
        Step("mount", ("tmpfs", ("mode=755", "size=64m"), NOSUID, 0, "/dev")),
        "mount tmpfs at /dev (mode=755,size=64m,nosuid)",
    ),
    (Step("mount", ("mqueue", (), 0, 0, "/dev/mqueue")), "mount mqueue at /dev/mqueue"),
    (
        Step("bind", ("/srv/in", RDONLY | NODEV | NOEXEC, "/data")),
        "mount /srv/in at /data (ro,nodev,noexec)",
    ),
    (Step("bind", ("/srv/in", 0, "/data")), "mount /srv/in at /data"),
    (
        Step("bind_followed", ("/srv/in", 0, "/data")),
        "mount /srv/in at /data, and what is mounted there later",
    ),
    (Step("mkdir", ("/tmp", 0o1777)), "make directory /tmp (mode 1777)"),
    (Step("symlink", ("/dev/fd", "/proc/self/fd")), "link /dev/fd to /proc/self/fd"),
    (
        Step("mknod", ("/dev/null", 0o20666, 1, 3)),
        "make device /dev/null (1:3, mode 20666)",
    ),
    (Step("file", ("/etc/passwd", 0o644, b"root")), "write file /etc/passwd (mode 644)"),
    (Step("sysctl", ("/proc/sys/a/b", "1")), "write '1' to /proc/sys/a/b"),
    (
        Step("terminal", (1000, 24, 80, 1, 0)),
        "make a terminal of 24 rows and 80 columns for user 1000",
    ),
    (Step("mask", (("/proc/kcore", "/proc/keys"),)), "mask /proc/kcore /proc/keys"),
    (Step("read_only", (("/proc/sys",),)), "make read-only /proc/sys"),
    (Step("read_only_root"), "make the root read-only"),
    (Step("pivot"), "enter the new root and detach the old one"),
    (Step("init"), "start the command's process; stay as PID 1"),
    (Step("process"), "start the command's process beside this one"),
    (Step("foreground"), "take control of the terminal"),
    (Step("rlimit", (7, 10, 2**64 - 1)), "set resource limit 7 to 10:18446744073709551615"),
    (Step("umask", (0o22,)), "set the umask to 0022"),
    (Step("seccomp", (b"12345678",)), "install the seccomp program (8 bytes)"),
    (Step("bounding_set", (0x804,)), "limit the capability bounding set to 0x804"),
    (Step("groups", ((50, 100),)), "set supplementary groups 50 100"),
    (Step("groups", ((),)), "set supplementary groups none"),
    (Step("ids", (1000, 50)), "become user 1000, group 50"),
    (Step("capabilities", (0,)), "set capabilities to 0x0"),
    (Step("no_new_privileges"), "set no_new_privs"),
    (Step("chdir", ("/work",)), "enter working directory /work"),
    (Step("exec", (("sh", "-c", "exit 3"), ("A=B",))), "execute sh -c exit 3"),
]


def span(data: bytes) -> bytes:
    """Bytes behind their size."""
    return struct.pack("=I", len(data)) + data


def test_the_readme_lists_every_step_with_its_arguments() -> None:
    """The table for people and the table for the compiler agree, also in their order."""
    rows = re.findall(r"^\| `(\w+)` \| (`\w+`|none) \| .+ \|$", README.read_text(), re.MULTILINE)
    listed = {name: "" if types == "none" else types.strip("`") for name, types in rows}
    assert list(listed.items()) == [(name, types) for name, (_, types) in PLAN_STEPS.items()]
    assert [number for number, _ in PLAN_STEPS.values()] == list(range(len(PLAN_STEPS)))


def test_a_plan_is_a_header_and_its_steps() -> None:
    """Magic number, version, count and size come first; each step says what and how long it is."""
    plan = encode([Step("hostname", ("box",)), Step("pivot")])
    hostname = struct.pack("=II", PLAN_STEPS["hostname"][0], 8) + span(b"box\0")
    pivot = struct.pack("=II", PLAN_STEPS["pivot"][0], 0)
    header = struct.pack("=IIII", PLAN_MAGIC, PLAN_VERSION, 2, 16 + len(hostname + pivot))
    assert plan == header + hostname + pivot


@pytest.mark.parametrize(
    ("step", "body"),
    [
        (Step("umask", (0o22,)), struct.pack("=I", 0o22)),
        (Step("capabilities", (2**64 - 1,)), struct.pack("=Q", 2**64 - 1)),
        (Step("chdir", ("/é",)), span("/é".encode() + b"\0")),
        (Step("chdir", ("",)), span(b"\0")),
        (Step("seccomp", (b"a\0b",)), span(b"a\0b")),
        (Step("mask", (("/a", "", "/b"),)), struct.pack("=I", 3) + span(b"/a\0\0/b\0")),
        (Step("mask", ((),)), struct.pack("=I", 0) + span(b"")),
        (Step("groups", ((1, 2**32 - 2),)), span(struct.pack("=II", 1, 2**32 - 2))),
        (Step("groups", ((),)), span(b"")),
        (Step("rlimit", (7, 1, 2)), struct.pack("=IQQ", 7, 1, 2)),
    ],
)
def test_arguments_are_encoded_by_their_type(step: Step, body: bytes) -> None:
    """Each type has the one encoding that the decoder expects."""
    assert encode([step])[24:] == body


def test_names_that_are_not_utf8_come_through() -> None:
    """A path is bytes to the kernel, and Python's way to carry them is undone."""
    assert (
        encode([Step("chdir", (b"/\xff".decode("utf-8", "surrogateescape"),))])[28:] == b"/\xff\0"
    )


@given(st.data())
def test_every_step_has_the_size_it_says(data: st.DataObject) -> None:
    """Steps of any kind with any arguments can be walked by their sizes alone."""
    names = data.draw(st.lists(st.sampled_from(sorted(PLAN_STEPS)), max_size=5))
    steps = [
        Step(name, tuple(data.draw(ARGUMENTS[kind]) for kind in PLAN_STEPS[name][1]))
        for name in names
    ]
    plan = encode(steps)
    magic, _, count, size = struct.unpack_from("=IIII", plan)
    assert (magic, count, size) == (PLAN_MAGIC, len(steps), len(plan))
    found, offset = [], 16
    while offset < len(plan):
        number, length = struct.unpack_from("=II", plan, offset)
        found.append(number)
        offset += 8 + length
    assert offset == len(plan)
    assert found == [PLAN_STEPS[name][0] for name in names]


def test_an_unknown_step_is_not_encoded() -> None:
    """A name that native/plan.h does not know is a mistake of the program, found at once."""
    with pytest.raises(KeyError, match="reboot"):
        encode([Step("reboot")])


@pytest.mark.parametrize("arguments", [(), ("a", "b")])
def test_a_step_takes_all_its_arguments_and_no_more(arguments: tuple[str, ...]) -> None:
    """One too few or too many would shift all that follow."""
    with pytest.raises(ValueError, match="zip"):
        encode([Step("hostname", arguments)])


def test_every_step_has_a_sample_here() -> None:
    """A new step comes with its text."""
    assert {step.name for step, _ in SAMPLES} == set(PLAN_STEPS)


@pytest.mark.parametrize(("step", "text"), SAMPLES, ids=lambda value: str(value)[:40])
def test_a_step_can_be_read(step: Step, text: str) -> None:
    """The text says what is done to what, and with which options; the sample can be encoded."""
    assert describe(step) == text
    assert encode([step])
