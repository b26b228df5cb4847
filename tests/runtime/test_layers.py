"""Reading a file of a root that is not mounted: bounded, inside, and what overlayfs would show."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.rootfs import read_from_layers
from runtime.rootfs.layers import SIZE_LIMIT

FILE = "etc/passwd"


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    """Give two layers, the upper one first; only the lower one has the file."""
    upper, lower = tmp_path / "upper", tmp_path / "lower"
    for layer in (upper, lower):
        (layer / "etc").mkdir(parents=True)
    (lower / FILE).write_bytes(b"lower")
    (tmp_path / "canary").write_bytes(b"canary")
    return upper, lower


def read(layers: tuple[Path, Path]) -> bytes | None:
    """Read the file as the two layers have it."""
    return read_from_layers(list(map(str, layers)), FILE)


def refusal(layers: tuple[Path, Path]) -> str:
    """The text of the error."""
    with pytest.raises(StartError) as error:
        read(layers)
    return str(error.value)


def whiteout(path: Path) -> None:
    """What overlayfs puts in the place of a removed file."""
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def test_the_topmost_file_counts(layers: tuple[Path, Path]) -> None:
    """A layer that lacks the file shows the one below; one that has it hides it."""
    assert read(layers) == b"lower"
    (layers[0] / FILE).write_bytes(b"upper")
    assert read(layers) == b"upper"


def test_no_layer_has_it(layers: tuple[Path, Path]) -> None:
    """A missing file is no error; whether one is needed depends on who asks."""
    (layers[1] / FILE).unlink()
    assert read(layers) is None
    assert read_from_layers([], FILE) is None


@pytest.mark.root
def test_a_whiteout_hides_the_file_below(layers: tuple[Path, Path]) -> None:
    """A file that the upper layer removed is not there."""
    whiteout(layers[0] / FILE)
    assert read(layers) is None


@pytest.mark.root
def test_a_whiteout_hides_the_directory_below(layers: tuple[Path, Path]) -> None:
    """A removed directory takes its files with it."""
    (layers[0] / "etc").rmdir()
    whiteout(layers[0] / "etc")
    assert read(layers) is None


def test_a_file_in_the_place_of_the_directory_hides_it(layers: tuple[Path, Path]) -> None:
    """Only directories are merged."""
    (layers[0] / "etc").rmdir()
    (layers[0] / "etc").write_bytes(b"")
    assert read(layers) is None


@pytest.mark.root
def test_an_opaque_directory_hides_what_is_below(layers: tuple[Path, Path]) -> None:
    """A directory that was removed and made again has nothing of the old one."""
    os.setxattr(layers[0] / "etc", "trusted.overlay.opaque", b"y")
    assert read(layers) is None
    (layers[0] / FILE).write_bytes(b"upper")
    assert read(layers) == b"upper"


@pytest.mark.parametrize(
    "climb", ["../../canary", "../../../../../../{top}/canary", "{top}/canary"]
)
def test_a_link_does_not_lead_out(layers: tuple[Path, Path], climb: str) -> None:
    """Absolute or climbing: the layer is the root, so the host's file is not found."""
    (layers[0] / FILE).symlink_to(climb.format(top=layers[0].parent))
    (layers[1] / FILE).unlink()
    assert read(layers) is None


def test_a_link_inside_is_followed(layers: tuple[Path, Path]) -> None:
    """An image may keep its file elsewhere, as the distributions without /etc do."""
    (layers[0] / "usr").mkdir()
    (layers[0] / "usr/passwd").write_bytes(b"linked")
    (layers[0] / FILE).symlink_to("/usr/passwd")
    assert read(layers) == b"linked"


def test_a_link_of_proc_is_refused(layers: tuple[Path, Path]) -> None:
    """Nothing that jumps past the path is followed, should a layer be a root with /proc in it."""
    assert refusal_of_root("proc/self/root/etc/passwd").endswith(
        ": too many levels of symbolic links"
    )


def refusal_of_root(path: str) -> str:
    """The text of the error that a path below the host's own root gives."""
    with pytest.raises(StartError) as error:
        read_from_layers(["/"], path)
    return str(error.value)


def test_a_fifo_is_refused_and_does_not_block(layers: tuple[Path, Path]) -> None:
    """Nobody will ever write to it."""
    os.mkfifo(layers[0] / FILE)
    assert refusal(layers) == "read etc/passwd of the container's root: not a regular file"


def test_a_directory_or_a_socket_is_refused(layers: tuple[Path, Path]) -> None:
    """Nor is anything else a file."""
    problem = "read etc/passwd of the container's root: not a regular file"
    (layers[0] / FILE).mkdir()
    assert refusal(layers) == problem
    (layers[0] / FILE).rmdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(layers[0] / FILE))
        assert refusal(layers) == problem


@pytest.mark.root
def test_a_device_is_refused_without_being_opened(layers: tuple[Path, Path]) -> None:
    """Opening one may act: a number without a driver shows that it is not tried."""
    os.mknod(layers[0] / FILE, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    assert refusal(layers) == "read etc/passwd of the container's root: not a regular file"
    (layers[0] / FILE).unlink()
    os.mknod(layers[0] / FILE, stat.S_IFBLK | 0o666, os.makedev(4095, 77))
    assert refusal(layers) == "read etc/passwd of the container's root: not a regular file"


def test_a_large_file_is_refused(layers: tuple[Path, Path]) -> None:
    """The limit itself is allowed; a sparse file of a gigabyte is not read to be refused."""
    (layers[0] / FILE).write_bytes(b"x" * SIZE_LIMIT)
    content = read(layers)
    assert content is not None
    assert len(content) == SIZE_LIMIT
    os.truncate(layers[0] / FILE, SIZE_LIMIT + 1)
    problem = f"read etc/passwd of the container's root: larger than {SIZE_LIMIT} bytes"
    assert refusal(layers) == problem
    os.truncate(layers[0] / FILE, 1 << 30)
    assert refusal(layers) == problem


def test_a_missing_layer_is_no_layer(tmp_path: Path) -> None:
    """Whether the directories exist was checked before; here it only must not raise."""
    assert read_from_layers([str(tmp_path / "none")], FILE) is None
