"""An ordinary user: a number that nobody has, with a home, and with subordinate ids or without.

What he starts is in a mount namespace of its own, where the host's lists of users have him in them,
and where he may read Python and this clone even if they lie in the home directory of root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

import runtime._native
from runtime.directories import Directories, default_directories
from runtime.kernel import INIT

UID = 12345
FIRST, COUNT = 200_000, 65_536
"""His subordinate ids."""
_CLONE = Path(__file__).parents[3]
_PATIENCE = 60

_ENTER = """
set -eu
top=$1 uid=$2; shift 2
for file in passwd subuid subgid; do mount --bind "$top/$file" "/etc/$file"; done
# What lies in a directory that is closed to others is held, and shown again in an empty one.
count=0
while read -r needed; do
    count=$((count + 1))
    mkdir -p "$top/held/$count"
    mount --bind "$needed" "$top/held/$count"
done <"$top/needed"
while read -r closed; do mount -t tmpfs -o mode=755 tmpfs "$closed"; done <"$top/closed"
count=0
while read -r needed; do
    count=$((count + 1))
    mkdir -p "$needed"
    mount --bind "$top/held/$count" "$needed"
done <"$top/needed"
cd "$top/home"
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps=-all "$@"
"""


@frozen(kw_only=True)
class OrdinaryUser:
    """Runs commands; everything of his lies below `top`."""

    top: Path

    @property
    def home(self) -> Path:
        """His home directory."""
        return self.top / "home"

    @property
    def environment(self) -> Mapping[str, str]:
        """What his shell would say, and where the program is."""
        packages = [path for path in sys.path if path.endswith("-packages")]
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "MESONPY_EDITABLE_SKIP": str(_CLONE / ".venv/build"),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(self.top / "site"), *packages]),
            "XDG_RUNTIME_DIR": str(self.top / "run"),
            "XDG_STATE_HOME": str(self.home / "state"),
        }

    @property
    def directories(self) -> Directories:
        """Where his containers and images are."""
        return default_directories(UID, self.environment)

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of his to its end."""
        changes = [f"{name}={value}" for name, value in environment.items()]
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh",
             self.top, str(UID), "env", *changes, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE,
            check=False,
        )  # fmt: skip

    def pocker(self, *arguments: str | Path, **environment: str) -> str:
        """What a command writes that succeeds."""
        done = self.run(sys.executable, "-m", "supervisor", *arguments, **environment)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def python(self, script: str, *arguments: str | Path) -> str:
        """What a script writes that runs in the namespace that his commands enter."""
        enter = "from runtime.usernamespace import enter_user_namespace; enter_user_namespace()\n"
        done = self.run(sys.executable, "-c", enter + script, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def give(self, path: Path) -> Path:
        """Let him have a copy of a file."""
        copy = self.home / path.name
        shutil.copyfile(path, copy)
        self.own()
        return copy

    def own(self) -> None:
        """Let him have what a test has put into his home directory."""
        for path in self.home.rglob("*"):
            if path.lstat().st_uid == 0:
                os.lchown(path, UID, UID)


@contextmanager
def ordinary_user(*, subordinate: bool) -> Iterator[OrdinaryUser]:
    """Such a user, until the end of the block."""
    top = Path(tempfile.mkdtemp(prefix="pk-user-"))
    top.chmod(0o755)
    try:
        user = f"tester:x:{UID}:{UID}::{top}/home:/bin/sh\n"
        (top / "passwd").write_text(Path("/etc/passwd").read_text() + user)
        for name in ("subuid", "subgid"):
            (top / name).write_text(f"tester:{FIRST}:{COUNT}\n" if subordinate else "")
        for name in ("home", "run"):
            (top / name).mkdir(mode=0o700)
            os.chown(top / name, UID, UID)
        (top / "held").mkdir()
        _install(top / "site")
        needed = [str(_CLONE), sys.base_prefix]
        closed = {path: _closed(Path(path)) for path in needed}
        hidden = sorted({str(above) for above in closed.values() if above is not None})
        (top / "closed").write_text("".join(f"{above}\n" for above in hidden))
        shown = [path for path, above in closed.items() if above is not None]
        (top / "needed").write_text("".join(f"{path}\n" for path in shown))
        yield OrdinaryUser(top=top)
    finally:
        shutil.rmtree(top)


def _install(site: Path) -> None:
    """The packages, with the built parts where they are in any other installation."""
    package = site / "runtime"
    package.mkdir(parents=True)
    built = (Path(runtime._native.__file__), Path(INIT))
    for source in built:
        shutil.copy(source, package)
    names = {source.name for source in built}
    for source in (_CLONE / "runtime").iterdir():
        if source.name not in names:
            (package / source.name).symlink_to(source)
    for name in ("supervisor", "tests"):
        (site / name).symlink_to(_CLONE / name)


def _closed(path: Path) -> Path | None:
    """The first directory on the way to a path that others may not pass."""
    return next((each for each in reversed(path.parents) if not each.stat().st_mode & 1), None)


def numbers(paths: Sequence[Path]) -> set[tuple[int, int]]:
    """All owners of these files and of those below them."""
    found = set()
    for top in paths:
        for path in (top, *top.rglob("*")):
            status = path.lstat()
            found.add((status.st_uid, status.st_gid))
    return found
