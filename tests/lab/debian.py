"""What the guests are made of, from Debian's packages: a kernel with its modules, a disk.

Each thing is made in a directory of its own and renamed when it is complete, so an interrupted
making is begun again. Debootstrap mounts things in its target: in a mount namespace that goes
with it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

META_PACKAGE = "linux-image-amd64"
PYTHON = (3, 11)
"""The version that disks have, whatever their suite's own is."""
PYTHON_PACKAGES = (
    "libpython3.11-minimal", "libpython3.11-stdlib", "python3.11", "python3.11-minimal",
)  # fmt: skip
IMAGE_PACKAGES = (
    "busybox-static", "dbus", "dbus-user-session", "iproute2", "kmod", "libpam-systemd", "procps",
    "python3", "systemd", "systemd-sysv", "udev", "util-linux-extra",
)  # fmt: skip
IMAGE_SIZE = "1500M"
MODULES = (
    "9p", "9pnet_virtio", "autofs4", "binfmt_misc", "crc32c_generic", "ext4", "overlay",
    "virtio_blk", "virtio_pci", "virtio_rng",
)  # fmt: skip
"""What has to be loaded before the guest's root is there, or by nobody else afterwards."""


class PreparationError(Exception):
    """Something could not be made."""


@frozen(kw_only=True)
class Kernel:
    """A kernel, and the modules to load into it, each after those it needs."""

    image: Path
    modules: Sequence[Path]


def kernel(cache: Path) -> Kernel:
    """Unpack the newest kernel that the machine's apt knows of, unless it is there already."""
    package = _kernel_package()
    top = cache / package
    if not top.exists():
        _say(f"unpacking {package}")
        unfinished = _fresh(cache / f"{package}.unfinished")
        _unpack((package,), unfinished)
        version = package.removeprefix("linux-image-")
        _run("depmod", "--basedir", unfinished, version)
        unfinished.rename(top)
    (image,) = (top / "boot").glob("vmlinuz-*")
    (modules,) = (top / "lib/modules").iterdir()
    return Kernel(image=image, modules=tuple(_in_order(modules)))


def disk(cache: Path, suite: str) -> Path:
    """Make the disk of a machine with systemd, unless it is there already."""
    name = "-".join((suite, *IMAGE_PACKAGES, *PYTHON_PACKAGES))
    image = cache / f"{suite}.ext4"
    made_for = cache / f"{suite}.made-for"
    if not image.exists() or not made_for.exists() or made_for.read_text() != name:
        _say(f"installing Debian {suite} with systemd for the disk of a guest")
        made_for.unlink(missing_ok=True)
        tree = _fresh(cache / f"{suite}.unfinished")
        bootstrap = ("debootstrap", "--variant=minbase", f"--include={','.join(IMAGE_PACKAGES)}")
        _run("unshare", "--mount", *bootstrap, suite, tree)
        if not (tree / "usr/bin/python{}.{}".format(*PYTHON)).exists():
            _unpack(PYTHON_PACKAGES, tree)
        shutil.rmtree(tree / "var/cache/apt")
        image.unlink(missing_ok=True)
        _run("mkfs.ext4", "-q", "-d", tree, image, IMAGE_SIZE)
        shutil.rmtree(tree)
        made_for.write_text(name)
    return image


def python(*, of_image: bool) -> str | None:
    """Name Debian's Python if a guest has the version that the packages of this one are for.

    It is faster than one that was compiled without profiles.
    """
    version = sys.version_info[:2]
    path = "/usr/bin/python{}.{}".format(*version)
    if version == PYTHON if of_image else Path(path).exists():
        return path
    if of_image and sys.base_prefix == "/usr":
        raise PreparationError(f"{sys.executable} is not the Python of a guest with systemd")
    return None


def _kernel_package() -> str:
    """Name the package that the newest kernel is in; a new machine has no lists of packages yet."""
    for is_second_look in (False, True):
        if is_second_look:
            _update()
        depends = _output("apt-cache", "depends", META_PACKAGE)
        found = re.search(r"^ +Depends: (linux-image-\S+)$", depends, re.MULTILINE)
        if found is not None:
            return found[1]
    raise PreparationError(f"apt knows no package {META_PACKAGE}: is this Debian on x86_64?")


def _unpack(packages: Sequence[str], directory: Path) -> None:
    """Put the files of packages that the machine's apt knows of into a directory."""
    _download(packages, directory)
    for archive in directory.glob("*.deb"):
        _run("dpkg-deb", "--extract", archive, directory)
        archive.unlink()


def _download(packages: Sequence[str], directory: Path) -> None:
    command = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages)
    if subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode != 0:
        _update()  # the list may name a version that has been replaced since
        _run(*command, cwd=directory)


def _update() -> None:
    _run("apt-get", "-qq", "update")


def _in_order(directory: Path) -> Iterator[Path]:
    """Name the modules to load, each after those it needs."""
    needs: dict[str, list[str]] = {}
    for line in (directory / "modules.dep").read_text().splitlines():
        name, _, needed = line.partition(":")
        needs[name] = needed.split()
    by_name = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    built_in = (directory / "modules.builtin").read_text()
    seen = set[str]()
    for name in MODULES:
        if f"/{name}.ko" in built_in:
            continue
        if name not in by_name:
            raise PreparationError(f"the kernel in {directory} has no module {name}")
        path = by_name[name]
        # The list of what a module needs is complete, and the deepest stand last.
        for each in (*reversed(needs[path]), path):
            if each not in seen:
                seen.add(each)
                yield directory / each


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(map(str, command))
        raise PreparationError(f"{words}: exit code {done.returncode}\n{done.stdout}")


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _say(what: str) -> None:
    sys.stdout.write(f"lab: {what}\n")
    sys.stdout.flush()
