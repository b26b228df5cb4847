"""Who a container's command runs as, from the container's own /etc/passwd and /etc/group.

Pure: the caller reads the two files. A string of digits is always a number, also where a user
of that name exists, and a number is taken exactly or refused (credentials(7): 0 to 2^32-2;
2^32-1 means "no change" to the kernel).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from runtime.errors import SpecError

MAX_ID = 2**32 - 2
_MAX_DIGITS = len(str(MAX_ID))
_NUMBER = re.compile(r"[0-9]+")


@frozen(kw_only=True)
class Identity:
    """Numeric ids, the supplementary groups in ascending order, and the home directory."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@frozen
class _User:
    name: str
    uid: int
    gid: int
    home: str


@frozen
class _Group:
    name: str
    gid: int
    members: tuple[str, ...]


def _lines(text: bytes, columns: int) -> Iterator[list[str]]:
    """Well-formed lines only: passwd(5) readers skip the others."""
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(":")
        if len(fields) >= columns and not line.startswith("#") and "\0" not in line:
            yield fields


def _id(text: str) -> int | None:
    # An image's file may have any number of digits there, Python converts only so many.
    digits = text.lstrip("0") or "0"
    if not _NUMBER.fullmatch(text) or len(digits) > _MAX_DIGITS or int(digits) > MAX_ID:
        return None
    return int(digits)


def _users(passwd: bytes) -> Iterator[_User]:
    for name, _, uid_text, gid_text, _, home, *_ in _lines(passwd, 6):
        uid, gid = _id(uid_text), _id(gid_text)
        if name and uid is not None and gid is not None:
            yield _User(name, uid, gid, home)


def _groups(group: bytes) -> Iterator[_Group]:
    for name, _, gid_text, members, *_ in _lines(group, 4):
        gid = _id(gid_text)
        if name and gid is not None:
            yield _Group(name, gid, tuple(members.strip().split(",")))


def _parse_id(field: str, text: str) -> int:
    number = _id(text)
    if number is None:
        raise SpecError(field, f"id {text} is not between 0 and {MAX_ID}")
    return number


def _find_user(text: str, passwd: bytes) -> tuple[int, _User | None]:
    if _NUMBER.fullmatch(text):
        uid = _parse_id("user", text)
        return uid, next((user for user in _users(passwd) if user.uid == uid), None)
    for user in _users(passwd):
        if user.name == text:
            return user.uid, user
    raise SpecError("user", f"no user {text!r} in the container's /etc/passwd")


def _find_group(field: str, text: str, group: bytes) -> int:
    if _NUMBER.fullmatch(text):
        return _parse_id(field, text)
    for entry in _groups(group):
        if entry.name == text:
            return entry.gid
    raise SpecError(field, f"no group {text!r} in the container's /etc/group")


def resolve_identity(
    user: str, groups: tuple[str, ...], passwd: bytes | None, group: bytes | None
) -> Identity:
    """Resolve ``name|uid[:group|gid]`` and group names; a missing file counts as an empty one.

    Without an explicit group, the user's own group and those that list the user as a member
    apply, as login(1) and Docker do it. Raises SpecError.
    """
    passwd, group = passwd or b"", group or b""
    wanted, colon, wanted_group = user.partition(":")
    uid, entry = _find_user(wanted, passwd)
    supplementary = {
        _find_group(f"group_add[{position}]", name, group) for position, name in enumerate(groups)
    }
    if colon:
        gid = _find_group("user", wanted_group, group)
    else:
        gid = entry.gid if entry is not None else 0
        if entry is not None:
            supplementary |= {item.gid for item in _groups(group) if entry.name in item.members}
    home = entry.home if entry is not None and entry.home.startswith("/") else "/"
    return Identity(uid=uid, gid=gid, groups=tuple(sorted(supplementary)), home=home)
