"""What an ordinary user is refused, and where his images cannot reach."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from attrs import evolve

from tests.integration.hardening.test_row_06_unpacking_stays_inside import (
    KINDS,
    TARGETS,
    WAYS,
    snapshot,
)
from tests.integration.images.test_peers import NAME
from tests.integration.rootless.layout import save
from tests.integration.rootless.user import UID, OrdinaryUser
from tests.runtime.images.archives import Member, archive, directory, symlink

pytestmark = pytest.mark.root

HOSTILE = """
import sys
from pathlib import Path
from runtime.errors import ImageError
from runtime.images.importing import import_archive
from runtime.images.store import ImageStore
store = ImageStore(sys.argv[1])
for path in sorted(Path(sys.argv[2]).iterdir()):
    try:
        import_archive(store, [path.read_bytes()], created="2024-01-02T03:04:05Z")
    except ImageError as error:
        assert str(error).startswith("layer: "), error
    print(path)
"""


def refused(user: OrdinaryUser, *arguments: str | Path, **environment: str) -> str:
    """What a command says that fails."""
    done = user.run(sys.executable, "-m", "supervisor", *arguments, **environment)
    assert (done.returncode != 0, done.stdout) == (True, "")
    return done.stderr


def test_containers_need_root(anybody: OrdinaryUser, tmp_path: Path) -> None:
    """One line says so, before anything is made or fetched."""
    told = "pocker: starting containers needs root rights: run this as root\n"
    path = save(tmp_path, [archive(Member(name="f"))])
    anybody.pocker("load", "-i", anybody.give(path))
    assert refused(anybody, "run", "--rm", "--network", "none", NAME, "true") == told
    assert refused(anybody, "run", "127.0.0.1:9/nowhere", "true") == told
    assert refused(anybody, "commit", "nobody") == told


def test_ids_cannot_be_mapped_without_the_programs(user: OrdinaryUser, tmp_path: Path) -> None:
    """What is missing is named; nothing is unpacked with other owners instead."""
    path = user.give(save(tmp_path, [archive(Member(name="f"))]))
    assert refused(user, "load", "-i", path, PATH="/nowhere") == (
        "pocker: map the user's subordinate ids: newuidmap: no such file or directory"
        " (Debian: package uidmap)\n"
    )
    assert not Path(user.directories.state).exists()


def test_a_machine_may_have_no_namespaces_for_him(user: OrdinaryUser) -> None:
    """The kernel's own word for it is that a disk is full; he is told what is meant."""
    forbid = "echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --reuid 5 --regid 5"
    done = user.run(
        "unshare", "--user", "--map-root-user", "--map-auto", "sh", "-c",
        f'{forbid} --clear-groups "$@"', "sh", sys.executable, "-m", "supervisor", "load",
    )  # fmt: skip
    why = "this machine allows no more of them (user.max_user_namespaces)"
    assert done.stderr == f"pocker: make a user namespace for user 5: {why}\n"
    assert done.returncode == 1


def test_ids_that_are_not_his_are_refused(user: OrdinaryUser, tmp_path: Path) -> None:
    """The programs look for themselves; what they say is passed on."""
    path = user.give(save(tmp_path, [archive(Member(name="f"))]))
    (user.top / "subuid").write_text(f"tester:{UID}:1\ntester:70000:5\ntester:70002:5\n")
    assert "map the user's subordinate ids: newuidmap: " in refused(user, "load", "-i", path)
    assert not Path(user.directories.state).exists()


def test_a_canary_outside_is_identical(anybody: OrdinaryUser) -> None:
    """No archive of row 6 changes a file that the user may write to himself."""
    canary, hostile = anybody.home / "canary", anybody.home / "hostile"
    for path in (canary, hostile):
        path.mkdir()
    (canary / "file").write_text("sings")
    anybody.own()
    before = snapshot(canary)
    where = str(canary)
    climbing = "../" * 12 + where.lstrip("/")
    links = [symlink("link", where), symlink("climbing", climbing), symlink("twice", "link")]
    for number, (kind, way, target) in enumerate(
        (kind, way, target) for kind in KINDS for way in WAYS for target in TARGETS
    ):
        name = WAYS[way].format(target).replace("CANARY", where.lstrip("/"))
        made = evolve(
            KINDS[kind],
            name=f"/{name}" if way == "absolute" else name,
            link=KINDS[kind].link.replace("CANARY", where),
        )
        (hostile / f"{number:03}").write_bytes(archive(directory("d"), *links, made, made))
    tried = anybody.python(HOSTILE, anybody.directories.state, hostile).splitlines()
    assert len(tried) == len(KINDS) * len(WAYS) * len(TARGETS)
    assert snapshot(canary) == before
