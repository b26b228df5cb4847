"""Row 1: a job cannot change the program that starts containers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from runtime.security.capabilities import (
    CAP_SYS_PTRACE,
    DEFAULT_CAPABILITIES,
    parse_capability,
)
from tests.integration.container.stage import Stage, end_of

pytestmark = pytest.mark.root

SEAL_EXEC = 0x20
"""Linux 6.3 and newer."""
POWERFUL = DEFAULT_CAPABILITIES | {CAP_SYS_PTRACE, parse_capability("DAC_READ_SEARCH")}


@pytest.fixture
def unchanged(stage: Stage) -> Iterator[None]:
    """Compare the bytes that start containers, in memory and as they were installed."""
    memory = Path(f"/proc/self/fd/{stage.runtime.program.fd}")
    before = memory.read_bytes()
    installed = resources.files("runtime").joinpath("init").read_bytes()
    assert before == installed
    yield
    assert memory.read_bytes() == before
    assert resources.files("runtime").joinpath("init").read_bytes() == installed
    stage.runtime.program.verify()


@pytest.mark.parametrize("mode", ["r", "w", "rw", "t"])
async def test_pid_1_cannot_be_opened(stage: Stage, unchanged: None, mode: str) -> None:
    """Not even for reading: its memory is not dumpable, so /proc shows nothing of it."""
    assert (await stage.run("probe", "open", "/proc/1/exe", mode)).text == "EACCES\n"


async def test_who_may_look_may_not_write(stage: Stage, unchanged: None) -> None:
    """With the right to trace, PID 1's program can be read; its seals keep it as it is."""
    seals = fcntl.fcntl(stage.runtime.program.fd, fcntl.F_GET_SEALS)
    ended = await stage.run("probe", "overwrite", "/proc/1/exe", capabilities=POWERFUL)
    read, reopen, write, truncate, chmod = ended.lines
    assert read == "ok"
    assert (reopen, write) in (("ok", "EPERM"), ("ETXTBSY", "ETXTBSY"))
    assert truncate in ("EPERM", "ETXTBSY")
    assert chmod == ("EPERM" if seals & SEAL_EXEC else "ok")
    ended = await stage.run("probe", "open", "/proc/1/exe", "t", capabilities=POWERFUL)
    assert ended.lines[0] in ("EPERM", "ETXTBSY")


def change_first_byte(path: str) -> None:
    """By a descriptor for writing, if there is one to be had."""
    with open(path, "r+b", buffering=0) as file:
        file.write(b"x")


async def test_it_may_not_be_written_after_the_end_either(stage: Stage, unchanged: None) -> None:
    """While it runs nobody can write to a program; afterwards the seals remain."""
    async with stage.started("sleep", "1000") as container:
        assert container.process is not None
        kept = os.open(f"/proc/{container.process.pid}/exe", os.O_RDONLY)
    path = f"/proc/self/fd/{kept}"
    try:
        with pytest.raises(PermissionError):
            os.truncate(path, 0)
        with pytest.raises(PermissionError):
            change_first_byte(path)
    finally:
        os.close(kept)


async def test_a_script_that_calls_its_starter_gets_nothing(
    stage: Stage, image: Path, unchanged: None
) -> None:
    """Where the command takes the place of init, its interpreter may be init once more."""
    script = image / "script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    async with stage.started("/script", init=False) as container:
        ended = await end_of(container)
    assert (ended.exit.code, ended.stdout) == (125, b"")


async def test_the_program_is_the_same_afterwards(stage: Stage, unchanged: None) -> None:
    """The next container starts from the same bytes, though the last one tried all it could."""
    for init in (True, False):
        for path in ("/proc/1/exe", "/proc/self/exe"):
            await stage.run("probe", "overwrite", path, capabilities=POWERFUL, init=init)
            assert (await stage.run("true")).code == 0
