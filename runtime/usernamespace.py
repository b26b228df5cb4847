"""The user namespace in which an ordinary user unpacks images, and the owners of files there.

Whoever is not root enters one of his own before he touches what lies in an image store. He stays in
it, and is root in it: over his own files and those of his subordinate ids, and nothing else.
"""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from runtime.errors import ContainerError
from runtime.invoker import remember_user
from runtime.kernel import CLONE_NEWUSER, unshare
from runtime.owners import IdMap, Owners, parse_map, subordinate_ids, user_map

_MAP_PROGRAMS = ("newuidmap", "newgidmap")
_REFUSALS = {
    errno.EPERM: "this machine lets only root make one",
    errno.ENOSPC: "this machine allows no more of them (user.max_user_namespaces)",
}


@cache
def owners_here() -> Owners:
    """The owners that files can have in the namespace that this process is in."""
    users, groups = (Path(f"/proc/self/{kind}_map").read_text() for kind in ("uid", "gid"))
    return Owners(parse_map(users), parse_map(groups))


def enter_user_namespace() -> None:
    """Be root in a namespace of the user's own, unless this is root already.

    The process must not have threads yet. Where the user has no subordinate ids, his own is the
    only one. Raises ContainerError; then the process is of no use but to say so.
    """
    if os.geteuid() == 0:
        return
    remember_user()
    uid, gid = os.geteuid(), os.getegid()
    maps = (user_map(uid, _subordinate("uid")), user_map(gid, _subordinate("gid")))
    try:
        if min(map(len, maps)) > 1:
            _enter_with(maps)
        else:
            _enter_alone(uid, gid)
    except OSError as error:
        cause = _REFUSALS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        raise ContainerError(f"make a user namespace for user {uid}: {cause}") from error
    owners_here.cache_clear()


def has_subordinate_ids() -> bool:
    """Whether this user, who is not root, was given ids of his own beside the one he has."""
    return bool(_subordinate("uid") and _subordinate("gid"))


def _subordinate(kind: str) -> list[tuple[int, int]]:
    name = None
    with suppress(KeyError):
        name = pwd.getpwuid(os.geteuid()).pw_name
    try:
        text = Path(f"/etc/sub{kind}").read_text(errors="replace")
    except FileNotFoundError:
        return []
    return list(subordinate_ids(text, name, os.geteuid()))


def _enter_alone(uid: int, gid: int) -> None:
    """A user may map his own id without help, but then no supplementary groups can be dropped."""
    unshare(CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _enter_with(maps: tuple[IdMap, IdMap]) -> None:
    """Other ids are mapped by programs with the right to do so, from outside of the namespace."""
    entered_read, entered = os.pipe2(os.O_CLOEXEC)
    said_read, said = os.pipe2(os.O_CLOEXEC)
    target = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(entered)
        # Nothing at all, where the parent could not enter.
        problem = _map(target, maps) if os.read(entered_read, 1) else "not entered"
        os.write(said, problem.encode())
        os._exit(0)
    os.close(entered_read)
    os.close(said)
    try:
        with open(entered, "wb", buffering=0) as pipe:
            unshare(CLONE_NEWUSER)
            pipe.write(b"1")
    finally:
        with open(said_read, "rb") as answer:
            problem = answer.read().decode(errors="replace")
        os.waitpid(child, 0)
    if problem:
        raise ContainerError(problem)


def _map(target: int, maps: tuple[IdMap, IdMap]) -> str:
    """Write the maps of a process; returns what is wrong."""
    for program, ids in zip(_MAP_PROGRAMS, maps, strict=True):
        numbers = [str(n) for each in ids for n in (each.inside, each.outside, each.count)]
        try:
            done = subprocess.run(
                [program, str(target), *numbers], capture_output=True, text=True, check=False
            )
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            return f"map the user's subordinate ids: {program}: {cause} (Debian: package uidmap)"
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            return f"map the user's subordinate ids: {said}"
    return ""
