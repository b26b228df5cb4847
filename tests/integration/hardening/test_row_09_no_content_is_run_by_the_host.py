"""Row 9: the host never runs or loads job content."""

from __future__ import annotations

import os
import struct
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from tests.integration.container.stage import Stage, end_of

pytestmark = pytest.mark.root

POISON = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void run(void) {
    close(open(MARK, O_CREAT | O_WRONLY, 0600));
}
int main(void) { return 0; }
"""

PT_DYNAMIC, PT_INTERP = 2, 3


@pytest.fixture
def mark(image: Path, tmp_path: Path) -> Path:
    """Poison the image; gives the file that the poison would make on the host."""
    mark = tmp_path / "poisoned"
    source = tmp_path / "poison.c"
    source.write_text(POISON)
    library = tmp_path / "poison.so"
    define = f'-DMARK="{mark}"'
    subprocess.run(["gcc", "-shared", "-fPIC", define, source, "-o", library], check=True)
    subprocess.run(["gcc", define, source, "-o", tmp_path / "poison"], check=True)
    lib = image / "lib"
    lib.mkdir()
    for name in ("libnss_files.so.2", "libnss_compat.so.2", "libc.so.6", "ld-linux-x86-64.so.2"):
        (lib / name).write_bytes(library.read_bytes())
    (image / "lib64").symlink_to("lib")
    (image / "etc/ld.so.preload").write_text("/lib/libnss_files.so.2\n")
    (image / "etc/nsswitch.conf").write_text("passwd: compat files\ngroup: compat files\n")
    for name in ("xz", "gzip", "newuidmap", "init", "modprobe"):
        target = image / "bin" / name
        target.write_bytes((tmp_path / "poison").read_bytes())
        target.chmod(0o755)
    return mark


def test_init_loads_nothing() -> None:
    """It has neither an interpreter nor a dynamic section: what it needs is in it."""
    program = resources.files("runtime").joinpath("init").read_bytes()
    assert program[:5] == b"\x7fELF\x02"
    offset = struct.unpack_from("=Q", program, 32)[0]
    size, count = struct.unpack_from("=HH", program, 54)
    kinds = {struct.unpack_from("=I", program, offset + n * size)[0] for n in range(count)}
    assert not kinds & {PT_INTERP, PT_DYNAMIC}


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("user", ["0", "user", "user:staff"])
async def test_a_poisoned_image_runs_nothing_outside(
    stage: Stage, mark: Path, init: bool, user: str
) -> None:
    """Names are looked up, the container starts and ends; nobody has loaded what is in it."""
    async with stage.started("sh", "-c", "id -u; exec true", user=user, init=init) as container:
        assert container.process is not None
        maps = Path(f"/proc/{os.getpid()}/maps").read_text()
        ended = await end_of(container)
    assert ended.exit.code == 0
    assert str(stage.image) not in maps
    assert not mark.exists()


async def test_init_has_nothing_of_the_image_in_memory(stage: Stage, mark: Path) -> None:
    """PID 1 is inside the root, but what it runs is only its own memory file."""
    async with stage.started("sleep", "1000") as container:
        assert container.process is not None
        maps = Path(f"/proc/{container.process.pid}/maps").read_text().splitlines()
        files = {line.split()[5] for line in maps if len(line.split()) > 5}
        assert {name for name in files if name.startswith("/")} <= {"/memfd:init", "/memfd:plan"}
