"""What a container sees of files: its image, its own layer, volumes, memory, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.spec import Device, DirectoryRootfs, HostRootfs, OverlayRootfs, Tmpfs, Volume
from tests.integration.container.stage import Stage
from tests.leaks import mounts

pytestmark = pytest.mark.root


def tree(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything below a directory: mode, owner and content."""
    found = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path.relative_to(top))] = (status.st_mode, status.st_uid, content)
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a directory with a file in it."""
    place = tmp_path / "data"
    place.mkdir()
    (place / "file").write_text("content\n")
    return place


async def test_what_one_container_writes_no_other_sees(stage: Stage) -> None:
    """Each has a layer of its own above an image that does not change."""
    before = tree(stage.image)
    script = "echo x >/new; echo y >>/etc/passwd; rm /bin/true; mkdir -p /a/b; chmod 700 /tmp"
    assert (await stage.run(script)).code == 0
    assert (await stage.run("ls /new /a 2>&1; true && grep -c y$ /etc/passwd")).stdout == (
        b"ls: /new: No such file or directory\nls: /a: No such file or directory\n0\n"
    )
    assert tree(stage.image) == before


async def test_layers_lie_above_each_other(stage: Stage, tmp_path: Path) -> None:
    """The first one is the topmost; names with separators are names."""
    top, middle = tmp_path / "t,o:p", tmp_path / "mid\\dle x"
    (top / "etc").mkdir(parents=True)
    (top / "etc/top").write_text("top\n")
    (middle / "etc").mkdir(parents=True)
    (middle / "etc/top").write_text("hidden\n")
    (middle / "etc/middle").write_text("middle\n")
    rootfs = OverlayRootfs((str(top), str(middle), str(stage.image)))
    ended = await stage.run("cat /etc/top /etc/middle; test -f /etc/passwd", rootfs=rootfs)
    assert ended.text == "top\nmiddle\n"


async def test_a_directory_can_be_the_root(stage: Stage, tmp_path: Path) -> None:
    """What the container writes stays in it, and nothing is mounted there afterwards."""
    root = tmp_path / "root"
    for name in ("bin", "etc", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    (root / "bin/busybox").write_bytes((stage.image / "bin/busybox").read_bytes())
    (root / "bin/busybox").chmod(0o755)
    command = ("/bin/busybox", "sh", "-c", "echo kept >/kept; echo dropped >/dev/shm/x")
    assert (await stage.run(*command, rootfs=DirectoryRootfs(str(root)))).code == 0
    assert (root / "kept").read_text() == "kept\n"
    assert os.listdir(root / "dev") == os.listdir(root / "proc") == []
    assert not [mount for mount in mounts() if tmp_path in mount.point.parents]


async def test_the_host_root_shows_programs_and_no_data(stage: Stage) -> None:
    """The host's /usr to look at; its /root, /home, /var and /run are the container's own."""
    script = """
        ls -A /root /home /var /run /tmp /var/tmp | sort -u
        ls -A /srv /mnt /media /opt /boot /lost+found 2>/dev/null
        touch /usr/canary /bin/canary /etc/ssl/certs/canary 2>&1 | sed 's/.*: //'
        echo mine >/tmp/pocker-canary && echo mine >/etc/pocker-canary && cat /tmp/pocker-canary
        ls / | tr '\\n' ' '
    """
    ended = await stage.run(script, rootfs=HostRootfs())
    lines = ended.stdout.decode().splitlines()
    own = [line for line in lines if line and not line.endswith(":")]
    assert own[:5] == ["tmp", *["Read-only file system"] * 3, "mine"]
    shown = set(own[-1].split())
    assert shown <= {
        *("bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "root", "run"),
        *("sbin", "sys", "tmp", "usr", "var"),
    }
    assert not Path("/tmp/pocker-canary").exists()
    assert not Path("/etc/pocker-canary").exists()


async def test_the_host_root_has_a_small_etc(stage: Stage) -> None:
    """Users are those of the container: not one of the host's is known by name or password."""
    script = "cut -d: -f1 /etc/passwd /etc/group; ls /etc/shadow /etc/ssh 2>/dev/null; id -un"
    ended = await stage.run(script, rootfs=HostRootfs())
    assert ended.stdout.split() == [b"root", b"nobody", b"root", b"tty", b"nogroup", b"root"]


async def test_volumes_are_the_hosts_files(stage: Stage, data: Path) -> None:
    """Directories and files; what is written is there afterwards, unless it is read-only."""
    volumes = (
        Volume(source=str(data), target="/rw"),
        Volume(source=str(data), target="/ro", read_only=True),
        Volume(source=f"{data}/file", target="/deep/down/file", read_only=True),
    )
    script = """
        cat /rw/file /ro/file /deep/down/file
        echo new >/rw/new && cat /ro/new
        echo x 2>&1 >/ro/x | sed 's/.*: //'
        echo x 2>&1 >/deep/down/file | sed 's/.*: //'
        rm -f /ro/new 2>&1 | sed 's/.*: //'
    """
    ended = await stage.run(script.replace("echo x 2>&1 >", "touch "), volumes=volumes)
    lines = ended.stdout.decode().splitlines()
    assert lines[:4] == ["content"] * 3 + ["new"]
    assert (data / "new").read_text() == "new\n"
    assert sorted(os.listdir(data)) == ["file", "new"]


async def test_a_read_only_volume_cannot_be_written_to(stage: Stage, data: Path) -> None:
    """By no means of root: not by writing, removing, changing modes or mounting it again."""
    volumes = (
        Volume(source=str(data), target="/ro", read_only=True),
        Volume(source=f"{data}/file", target="/file", read_only=True),
    )
    before = tree(data)
    script = """
        for try in 'touch /ro/new' 'rm /ro/file' 'chmod 777 /ro/file' 'mv /ro/file /ro/x' \\
                   'chown 5 /file' 'truncate -s 0 /file'; do
            $try 2>&1 | grep -c 'Read-only file system'
        done
        mount -o remount,bind,rw /ro 2>&1 | grep -ciE 'denied|permitted'
    """
    assert (await stage.run(script, volumes=volumes)).lines == ["1"] * 7
    assert tree(data) == before


async def test_many_volumes_lie_inside_each_other(stage: Stage, tmp_path: Path) -> None:
    """In any order of the list, the outer ones are mounted first."""
    for name in "abc":
        (tmp_path / name / "b").mkdir(parents=True)
        (tmp_path / name / "c").mkdir()
        (tmp_path / name / "name").write_text(name)
    volumes = (
        Volume(source=f"{tmp_path}/c", target="/x/b/c"),
        Volume(source=f"{tmp_path}/a", target="/x"),
        Volume(source=f"{tmp_path}/b", target="//x/b/", read_only=True),
        *(Volume(source=f"{tmp_path}/a/name", target=f"/many/{n}") for n in range(40)),
    )
    tmpfs = (Tmpfs(target="/x/b/c/b", size=4096),)
    script = "cat /x/name /x/b/name /x/b/c/name; ls /many | wc -l; df -k /x/b/c/b | tail -n1"
    ended = await stage.run(script, volumes=volumes, tmpfs=tmpfs)
    first, second = ended.lines
    assert first == "abc40"
    assert second.split()[:2] == ["tmpfs", "4"]


async def test_a_missing_target_is_made_in_the_container_only(stage: Stage, data: Path) -> None:
    """Root's, with mode 0755 for directories and 0644 for files, and not in the image."""
    volumes = (
        Volume(source=str(data), target="/not/there"),
        Volume(source=f"{data}/file", target="/nor/this/file"),
    )
    script = "stat -c '%a %u' /not /nor /nor/this; cat /not/there/file /nor/this/file"
    ended = await stage.run(script, volumes=volumes, user="user")
    assert ended.lines == ["755 0"] * 3 + ["content"] * 2
    assert not (stage.image / "not").exists()


async def test_a_tmpfs_has_its_size_and_mode(stage: Stage) -> None:
    """And loses what was in it."""
    tmpfs = (Tmpfs(target="/scratch", size=1 << 20, mode=0o750), Tmpfs(target="/var/tmp"))
    script = """
        stat -c %a /scratch /var/tmp
        dd if=/dev/zero of=/scratch/x bs=1M count=2 2>&1 | grep -c 'No space left'
        stat -c %s /scratch/x; grep ' /scratch ' /proc/mounts | cut -d' ' -f4
    """
    for _ in range(2):
        ended = await stage.run(script, tmpfs=tmpfs)
        *lines, options = ended.lines
        assert lines == ["750", "1777", "1", str(1 << 20)]
        assert {"rw", "nosuid", "nodev", "size=1024k"} <= set(options.split(","))


@pytest.mark.parametrize("rootfs", ["image", "host"])
async def test_a_read_only_root_cannot_be_written_to(stage: Stage, data: Path, rootfs: str) -> None:
    """What is mounted in it can: volumes, tmpfs, /dev/shm. The working directory is still made."""
    changes: dict[str, Any] = {"rootfs": HostRootfs()} if rootfs == "host" else {}
    script = """
        pwd; echo x >/rw/new; echo x >/scratch/new; echo x >/dev/shm/new; echo x >/dev/null
        for path in /new /etc/new /tmp/new /work/here/new; do
            touch $path 2>&1 | grep -c 'Read-only file system'
        done
        mount -o remount,bind,rw / 2>&1 | grep -ciE 'denied|permitted'
    """
    ended = await stage.run(
        script,
        read_only=True,
        working_dir="/work/here",
        volumes=(Volume(source=str(data), target="/rw"),),
        tmpfs=(Tmpfs(target="/scratch"),),
        **changes,
    )
    assert ended.lines == ["/work/here", *["1"] * 5]
    assert (data / "new").exists()


@pytest.fixture
def submount(data: Path) -> Iterator[Path]:
    """Give a directory that has another file system mounted below it."""
    place = data / "below"
    place.mkdir()
    libc = os.system  # one mount by the system's own tool
    assert libc(f"mount -t tmpfs none {place} && echo deep >{place}/file") == 0
    yield data
    assert libc(f"umount {place}") == 0


async def test_a_volume_comes_with_what_is_mounted_below(stage: Stage, submount: Path) -> None:
    """And read_only reaches all of it."""
    volumes = (
        Volume(source=str(submount), target="/rw"),
        Volume(source=str(submount), target="/ro", read_only=True),
    )
    script = """
        cat /rw/below/file /ro/below/file
        touch /ro/below/new 2>&1 | grep -c 'Read-only file system'
        touch /rw/below/new
    """
    assert (await stage.run(script, volumes=volumes)).lines == ["deep", "deep", "1"]
    assert sorted(os.listdir(submount / "below")) == ["file", "new"]


async def test_mounts_stay_inside(stage: Stage, data: Path) -> None:
    """The host's table of mounts does not change while a container runs."""
    before = mounts()
    volumes = (Volume(source=str(data), target="/data"),)
    async with stage.started("sleep", "1000", volumes=volumes):
        assert mounts() == before


async def test_a_device_is_shown_and_allowed(stage: Stage) -> None:
    """A device of the host, by the name that the container wants."""
    device = Device(source="/dev/kmsg", target="/dev/host/log", access="w")
    script = """
        stat -c '%t:%T' /dev/host/log; : >/dev/host/log && echo written
        cat /dev/host/log 2>&1 | grep -c 'not permitted'
    """
    assert (await stage.run(script, devices=(device,))).lines == ["1:b", "written", "1"]


async def test_the_kernels_own_files_are_there(stage: Stage) -> None:
    """What programs expect: a /proc of its own processes, /sys, /dev with its links, mqueue."""
    script = """
        ls /proc | grep -c '^[0-9]*$'
        ls /dev | tr '\\n' ' '; echo
        ls /sys/class/net; readlink /dev/fd; readlink /dev/ptmx; ls /dev/mqueue
        stat -f -c %T /proc /sys /dev /dev/pts /dev/shm
        cat /proc/sys/kernel/random/boot_id | wc -c
    """
    lines = (await stage.run(script)).lines
    assert int(lines[0]) <= 5
    assert lines[1].split() == [
        *("fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm"),
        *("stderr", "stdin", "stdout", "tty", "urandom", "zero"),
    ]
    kinds = ["proc", "sysfs", "tmpfs", "devpts", "tmpfs"]
    assert lines[2:] == ["lo", "/proc/self/fd", "pts/ptmx", *kinds, "37"]
