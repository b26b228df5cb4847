"""The owners of files in a user namespace."""

from __future__ import annotations

from runtime.owners import IdRange, Owners, parse_map, subordinate_ids, user_map

SUBUID = """\
# a comment
other:100000:65536
me:200000:1000
1000:300000:5
me:bad:5
me:400000
me:4294967290:50
 me:500000:0
"""


def test_ranges_of_a_user_are_found() -> None:
    """By name or number, in the file's order; what is no range counts for nobody."""
    assert list(subordinate_ids(SUBUID, "me", 1000)) == [(200000, 1000), (300000, 5)]
    assert list(subordinate_ids(SUBUID, None, 1000)) == [(300000, 5)]
    assert list(subordinate_ids(SUBUID, None, 1001)) == []


def test_a_map_begins_with_the_user() -> None:
    """The user is 0, and the ranges follow each other without a hole."""
    assert user_map(1000, [(200000, 1000), (300000, 5)]) == (
        IdRange(0, 1000, 1),
        IdRange(1, 200000, 1000),
        IdRange(1001, 300000, 5),
    )


def test_the_kernels_own_words_are_read() -> None:
    """The first namespace has all ids; any other map is that of another one."""
    first = parse_map("         0          0 4294967295\n")
    mine = parse_map("         0       1000          1\n         1     200000      65536\n")
    assert Owners(first, first).all_there
    assert not Owners(mine, first).all_there
    assert mine == user_map(1000, [(200000, 65536)])


def test_an_owner_is_kept_as_far_as_it_is_there() -> None:
    """User and group by themselves; 0 takes the place of one that is not there."""
    owners = Owners(user_map(1000, [(200000, 100)]), user_map(1000, [(200000, 10)]))
    assert owners.kept(0, 0) == (0, 0)
    assert owners.kept(100, 10) == (100, 10)
    assert owners.kept(101, 5) == (0, 5)
    assert owners.kept(5, 2**32 - 2) == (5, 0)
