"""`pocker cp`, `diff` and `export`: a container's own files, whether it runs or not."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from supervisor.lock import holder
from tests.integration.cli.pocker import Pocker, read_until, wait_until
from tests.integration.cli.screen import screen
from tests.runtime.images.archives import Member, archive, directory
from tests.supervisor.cli.calling import refusals

pytestmark = pytest.mark.root

HOSTILE = """
mkdir -p $(dirname {canary}); ln -s {canary} /out; ln -s {up}{canary} /up; echo on; exec sleep 1000
"""
"""Lets links lead to a directory of the host."""


def calling(pocker: Pocker, *arguments: str) -> tuple[int, Sequence[str]]:
    """How a command is refused."""
    own = pocker.directories
    return refusals("--root", own.root, "--state", own.state, *arguments)


def piped(pocker: Pocker, *arguments: str, given: bytes = b"") -> bytes:
    """What a command writes that reads this."""
    command = pocker.command(*arguments)
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def test_files_go_in_and_out(pocker: Pocker, busybox: Path) -> None:
    """Before the first start, in between, and while it runs; all of it is its own until the end."""
    given, taken = pocker.top / "given", pocker.top / "taken"
    given.mkdir()
    taken.mkdir()
    (given / "f").write_text("in\n")
    os.chown(given / "f", 5, 6)
    (given / "f").chmod(0o4711)
    script = "cat /etc/given/f; rm /etc/group; echo run >/made; exec sleep 1000"
    pocker.stdout("create", "--name", "c", str(busybox), "sh", "-c", script)
    pocker.ask("cp", str(given), "c:/etc")
    pocker.ask("cp", "-a", f"{given}/.", "c:/kept")
    pocker.stdout("start", "c")
    wait_until(lambda: pocker.ask("logs", "c") == "in\n")
    wait_until(lambda: "A /made" in pocker.ask("diff", "c"))
    pocker.ask("cp", "c:/made", str(taken))
    pocker.ask("cp", str(given / "f"), "c:/tmp/new")
    assert pocker.stdout("exec", "c", "stat", "-c", "%a %u %n", "/tmp/new", "/kept/f") == (
        "711 0 /tmp/new\n4711 5 /kept/f\n"
    )
    pocker.stdout("stop", "-t", "0", "c")
    wait_until(lambda: holder(pocker.directories.detached.state) is None)
    piped(pocker, "cp", "-", "c:/kept", given=archive(directory("x"), Member(name="x/y")))
    pocker.ask("cp", "c:/kept/.", str(taken))
    assert sorted(os.listdir(taken)) == ["f", "made", "x"]
    with tarfile.open(fileobj=io.BytesIO(piped(pocker, "cp", "c:/kept", "-"))) as tar:
        assert tar.getnames() == ["kept", "kept/f", "kept/x", "kept/x/y"]
    found = set(pocker.ask("diff", "c").splitlines())
    assert {"A /kept", "A /kept/x/y", "D /etc/group", "C /etc", "A /tmp/new"} <= found
    pocker.ask("export", "-o", f"{taken}/root.tar", "c")
    with tarfile.open(taken / "root.tar") as tar:
        names = tar.getnames()
    assert {"made", "kept/x/y", "etc/passwd", "bin/busybox"} <= {*names}
    assert "etc/group" not in names


def test_a_copy_that_is_killed_leaves_what_was_there(pocker: Pocker, busybox: Path) -> None:
    """A file takes another's place only when it is whole, and nothing lies beside it."""
    script = "mkdir /d; echo old >/d/f; echo on; exec sleep 1000"
    pocker.stdout("run", "-d", "--name", "c", str(busybox), "sh", "-c", script)
    wait_until(lambda: pocker.ask("logs", "c") == "on\n")
    data = archive(Member(name="f", content=bytes(2 << 20)))
    command = pocker.command("cp", "-", "c:/d")
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(data[: 1 << 20])
        process.stdin.flush()  # all but what a pipe holds has been read
        process.kill()
    # Where the file system has none without a name, another process removes what is left.
    shown = ("exec", "c", "sh", "-c", "ls -A /d; cat /d/f")
    wait_until(lambda: pocker.stdout(*shown) == "f\nold\n")
    piped(pocker, "cp", "-", "c:/d", given=data)
    assert pocker.stdout("exec", "c", "sh", "-c", "ls -A /d; wc -c </d/f") == f"f\n{2 << 20}\n"


def test_a_link_is_copied_or_what_it_leads_to(pocker: Pocker, busybox: Path) -> None:
    """As it stands, or with -L its target, which is looked up in the container's own root."""
    pocker.stdout("create", "--name", "c", str(busybox), "true")
    (pocker.top / "group").symlink_to("/etc/group")
    pocker.ask("cp", str(pocker.top / "group"), "c:/tmp/link")
    pocker.ask("cp", "-L", str(pocker.top / "group"), "c:/tmp/file")
    pocker.ask("cp", "c:/tmp/link", str(pocker.top / "taken"))
    pocker.ask("cp", "-L", "c:/tmp/link", str(pocker.top / "followed"))
    assert (pocker.top / "taken").readlink() == Path("/etc/group")
    assert (pocker.top / "followed").read_bytes() == (busybox / "etc/group").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(piped(pocker, "cp", "c:/tmp/.", "-"))) as tar:
        (copy,) = (member for member in tar if member.name.endswith("file"))
    assert (copy.isreg(), copy.size) == (True, os.stat("/etc/group").st_size)


def test_a_job_on_a_directory_has_its_changes(pocker: Pocker, busybox: Path) -> None:
    """While it runs, which is as long as it has them; a root in memory has none to tell of."""
    text = f"""
    [jobs.a]
    image = "{busybox}"
    command = ["sh", "-c", "rm /etc/group; echo made >/made; echo on; exec sleep 1000"]
    [jobs.h]
    image = "host"
    command = ["sleep", "1000"]
    """
    read_until(pocker.start("up", pocker.file(text)), "a | on")
    assert pocker.ask("diff", "a").splitlines() == ["C /etc", "D /etc/group", "A /made"]
    pocker.ask("export", "-o", f"{pocker.top}/root.tar", "a")
    with tarfile.open(pocker.top / "root.tar") as tar:
        assert {"made", "bin/busybox"} <= {*tar.getnames()}
        assert "etc/group" not in tar.getnames()
    code, (line,) = calling(pocker, "diff", "h")
    assert (code, line) == (
        1, "pocker: container h: its root does not stand on an image of the store or a directory",
    )  # fmt: skip


def test_a_terminal_is_told_how_much_was_copied(pocker: Pocker, busybox: Path) -> None:
    """Unless that is not wanted."""
    pocker.stdout("create", "--name", "c", str(busybox), "true")
    (pocker.top / "f").write_bytes(bytes(3000))
    for words, told in (((), "Successfully copied 3kB to c:/f\n"), (("-q",), "")):
        command = pocker.command("cp", *words, f"{pocker.top}/f", "c:/f")
        with screen(command, rows=24, columns=80, environment={}) as shown:
            assert shown.finish() == 0
            assert shown.text == told
    with tarfile.open(fileobj=io.BytesIO(piped(pocker, "cp", "c:/f", "-"))) as tar:
        assert tar.getmember("f").size == 3000


def test_nothing_leads_out_of_a_container(pocker: Pocker, busybox: Path) -> None:
    """Neither a link at the end of a path nor one on the way to it."""
    canary, given = pocker.top / "canary", pocker.top / "given"
    canary.mkdir()
    (canary / "secret").write_text("sings")
    given.write_text("in")
    script = HOSTILE.format(canary=canary, up="../" * 20)
    words = ("run", "--rm", "--init", "--name", "one", str(busybox), "sh", "-c", script)
    running = pocker.start(*words)
    read_until(running, "on")
    for path in ("/out/secret", "/up/secret", "/proc/1/root/out/secret"):
        code, lines = calling(pocker, "cp", f"one:{path}", str(pocker.top / "stolen"))
        assert (code, len(lines)) == (1, 1)
    assert calling(pocker, "cp", str(given), "one:/out/secret")[0] == 1
    pocker.ask("cp", str(given), "one:/out")
    assert pocker.stdout("exec", "one", "cat", str(canary)) == "in"
    running.terminate()
    assert not (pocker.top / "stolen").exists()
    assert (canary / "secret").read_text() == "sings"
    assert os.listdir(canary) == ["secret"]


REFUSED = (
    (("cp", "c:/absent", "/tmp"), "c:/absent: no such file or directory"),
    (("cp", "/absent", "c:/tmp"), "/absent: no such file or directory"),
    (("cp", "/etc/passwd", "c:/absent/f"), "c:/absent/f: no such directory"),
    (("cp", "/etc/passwd", "c:/absent/"), "/absent/: there is no such directory"),
    (("cp", "/etc", "c:/etc/passwd"), "cannot copy a directory to the file /etc/passwd"),
    (("cp", "/etc/passwd", "r:/"), "the root of container r is read-only"),
    (("cp", "/etc/passwd", "/tmp"), "one of the two must be CONTAINER:PATH"),
    (("cp", "h:/etc/passwd", "/tmp"), "container h: its root does not stand on"),
    (("diff", "h"), "container h: its root does not stand on"),
    (("export", "nope"), "no such container: nope"),
)


def test_what_cannot_be_copied_is_said(pocker: Pocker, busybox: Path) -> None:
    """One line, and Docker's exit code."""
    pocker.stdout("create", "--name", "c", str(busybox), "true")
    pocker.stdout("create", "--name", "r", "--read-only", str(busybox), "true")
    pocker.stdout("create", "--name", "h", "host", "true")
    for arguments, message in REFUSED:
        code, (line,) = calling(pocker, *arguments)
        assert code == 1
        assert message in line
