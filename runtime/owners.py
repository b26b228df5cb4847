"""How the owners of files are mapped between a user namespace and the host. Pure.

In the first namespace every id is there and means itself. In that of an ordinary user there are a
few: 0 is the user, and those from 1 on are the user's subordinate ids (subuid(5), subgid(5)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

_ALL = 2**32 - 1


@frozen
class IdRange:
    """`count` ids, from `inside` on in the namespace and from `outside` on in the one around it."""

    inside: int
    outside: int
    count: int


IdMap = tuple[IdRange, ...]


@frozen
class Owners:
    """The ids that a file can have here."""

    users: IdMap
    groups: IdMap

    @property
    def all_there(self) -> bool:
        """Whether this is the first namespace, or one with as many rights over files."""
        return self.users == self.groups == (IdRange(0, 0, _ALL),)

    def kept(self, uid: int, gid: int) -> tuple[int, int]:
        """The same owner as far as it is there; in place of an id that is not, 0."""
        return _kept(uid, self.users), _kept(gid, self.groups)


def _kept(number: int, ids: IdMap) -> int:
    return number if any(0 <= number - each.inside < each.count for each in ids) else 0


def parse_map(text: str) -> IdMap:
    """A map as the kernel shows it in /proc/PID/uid_map, see user_namespaces(7)."""
    return tuple(IdRange(*map(int, line.split())) for line in text.splitlines())


def user_map(own: int, subordinate: Iterable[tuple[int, int]]) -> IdMap:
    """0 for the user, and behind it the subordinate ranges, (first id, count) each."""
    ranges = [IdRange(0, own, 1)]
    for first, count in subordinate:
        ranges.append(IdRange(ranges[-1].inside + ranges[-1].count, first, count))
    return tuple(ranges)


def subordinate_ids(text: str, user: str | None, uid: int) -> Iterator[tuple[int, int]]:
    """(first id, count) of each range that a file such as /etc/subuid gives to a user.

    Lines are ``NAME:FIRST:COUNT``, with the name or the number of a user; others count for nobody.
    """
    for line in text.splitlines():
        name, *numbers = line.strip().split(":")
        if name in {user, str(uid)} and len(numbers) == 2 and all(map(str.isdecimal, numbers)):
            first, count = map(int, numbers)
            if count and first + count <= _ALL:
                yield first, count
