"""Who a command runs as: exactly who was asked for, or an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecError
from runtime.rootfs import Identity, resolve_identity
from runtime.rootfs.identity import MAX_ID

PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\n"
    b"user:x:1000:1000:A User:/home/user:/bin/sh\n"
    b"daemon:x:1:1::/usr/sbin\n"  # without a shell, which nobody here asks for
    b"homeless:x:7:7::relative:/bin/sh\n"
    b"1000:x:0:0:not the user 1000:/root:/bin/sh\n"
)
GROUP = b"root:x:0:\nuser:x:1000:\nstaff:x:50:user,homeless\nwheel:x:10:root,user\n50:x:0:\n"


def resolve(
    user: str,
    *groups: str,
    passwd: bytes | None = PASSWD,
    group: bytes | None = GROUP,
) -> Identity:
    """Resolve in the files above, or in others."""
    return resolve_identity(user, groups, passwd, group)


def refusal(user: str, *groups: str, passwd: bytes = PASSWD, group: bytes = GROUP) -> str:
    """The text of the error."""
    with pytest.raises(SpecError) as error:
        resolve(user, *groups, passwd=passwd, group=group)
    return str(error.value)


def test_a_user_has_its_groups_and_its_home() -> None:
    """A name gives the ids of its line, all groups that list it, and its home directory."""
    assert resolve("user") == Identity(uid=1000, gid=1000, groups=(10, 50), home="/home/user")
    assert resolve("root") == Identity(uid=0, gid=0, groups=(10,), home="/root")
    assert resolve("daemon") == Identity(uid=1, gid=1, groups=(), home="/usr/sbin")


def test_a_number_is_the_user_of_that_number() -> None:
    """Where the file knows the number, its group and home apply as they do for the name."""
    assert resolve("0") == resolve("root")
    assert resolve("1") == resolve("daemon")


def test_a_number_is_never_a_name() -> None:
    """A user who is called 1000 and is root does not become the user 1000's identity."""
    assert resolve("1000") == resolve("user")
    assert resolve("0:50").gid == 50
    assert resolve("0", "50").groups == (10, 50)


def test_an_unknown_number_is_taken_with_nothing_else() -> None:
    """It needs no line anywhere; its group is 0, it has no others, and / is its home."""
    assert resolve("4711") == Identity(uid=4711, gid=0, groups=(), home="/")


def test_an_explicit_group_replaces_all_others() -> None:
    """As with Docker, neither the user's own group nor those that list it apply then."""
    assert resolve("user:wheel") == Identity(uid=1000, gid=10, groups=(), home="/home/user")
    assert resolve("user:4711").gid == 4711


def test_added_groups_come_on_top() -> None:
    """Names and numbers, each once, in ascending order."""
    assert resolve("user", "4711", "wheel", "4711").groups == (10, 50, 4711)
    assert resolve("user:0", "staff").groups == (50,)


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1, 2**31, 2**31 + 1, MAX_ID])
def test_every_id_of_the_kernel_is_exact(number: int) -> None:
    """Nothing wraps, is cut to 31 bits or changes its sign."""
    found = resolve(f"{number}:{number}", str(number), passwd=b"", group=b"")
    assert (found.uid, found.gid, found.groups) == (number, number, (number,))


@pytest.mark.parametrize("number", [MAX_ID + 1, 2**32, 2**32 + 1, 2**64, 10**20])
def test_a_number_that_is_no_id_is_refused(number: int) -> None:
    """2^32-1 means "no change" to the kernel, and what is larger would wrap to somebody else."""
    problem = f"id {number} is not between 0 and 4294967294"
    assert refusal(str(number)) == f"user: {problem}"
    assert refusal(f"0:{number}") == f"user: {problem}"
    assert refusal("0", "0", str(number)) == f"group_add[1]: {problem}"


@pytest.mark.parametrize("text", ["-1", "0x0", "+0", "1e3", "0b1", "1_000", " 0", "0 ", "٣", ""])
def test_what_only_looks_like_a_number_is_a_name(text: str) -> None:
    """And no such name exists, so it is refused; it never becomes 0."""
    assert refusal(text) == f"user: no user {text!r} in the container's /etc/passwd"
    assert refusal(f"0:{text}") == f"user: no group {text!r} in the container's /etc/group"
    assert refusal("0", text) == f"group_add[0]: no group {text!r} in the container's /etc/group"


def test_leading_zeros_change_nothing() -> None:
    """A number is decimal, however it is padded."""
    assert resolve("0001000") == resolve("1000")
    assert resolve("0" * 5000 + "7:" + "0" * 5000).uid == 7


def test_any_number_of_digits_is_an_answer() -> None:
    """Also more of them than Python converts, in what a user writes and in what an image holds."""
    assert refusal("9" * 5000).startswith("user: id 9999")
    hostile = b"user:x:" + b"9" * 5000 + b":0::/:\n" + PASSWD
    assert resolve("user", passwd=hostile) == resolve("user")


def test_missing_files_are_empty_ones() -> None:
    """An image without /etc/passwd can still run as a number."""
    assert resolve("5:6", passwd=None, group=None) == Identity(uid=5, gid=6, groups=(), home="/")
    with pytest.raises(SpecError, match="no user 'root'"):
        resolve("root", passwd=None, group=None)


@pytest.mark.parametrize(
    "line",
    [
        b"user",
        b"user:x:0:0:",  # no home
        b"user:x:-1:0::/:",
        b"user:x:0x0:0::/:",
        b"user:x: 0:0::/:",
        b"user:x::0::/:",
        b"user:x:0:4294967295::/:",
        b"user:x:4294967296:0::/:",
        b"#user:x:0:0::/:",
        b" user:x:0:0::/:",
        b"user\0:x:0:0::/:",
        b"user:x:0:0::/a\0b:",
        b"user :x:0:0::/:",
    ],
)
def test_a_malformed_line_is_nobody(line: bytes) -> None:
    """It neither hides the well-formed one below nor gives its own ids."""
    assert resolve("user", passwd=line + b"\n" + PASSWD) == resolve("user")


@pytest.mark.parametrize(
    "line", [b"wheel", b"wheel:x:10", b"wheel:x:-1:user", b"wheel:x:4294967296:user", b"::10:user"]
)
def test_a_malformed_group_line_is_no_group(line: bytes) -> None:
    """Neither as a name nor as a membership."""
    group = line + b"\nstaff:x:50:user\n"
    assert resolve("user", group=group).groups == (50,)
    assert refusal("user:wheel", group=group).startswith("user: no group 'wheel'")


def test_a_user_without_a_name_is_nobody() -> None:
    """A line that begins with a colon does not answer for an empty name."""
    assert refusal("", passwd=b":x:0:0::/:\n").startswith("user: no user ''")
    assert refusal(":0", passwd=b":x:0:0::/:\n").startswith("user: no user ''")


def test_the_first_line_of_a_name_counts() -> None:
    """As in every C library."""
    assert resolve("user", passwd=b"user:x:5:6::/a:\nuser:x:0:0::/b:\n", group=b"").uid == 5


def test_a_relative_home_is_not_used() -> None:
    """HOME is a place, not something that depends on where the command starts."""
    assert resolve("homeless").home == "/"


def test_bytes_that_are_no_text_are_compared_as_they_are() -> None:
    """A name in another encoding is neither an error nor equal to anything else."""
    odd = b"us\xe9r:x:9:9::/:\n"
    assert resolve("us\udce9r", passwd=odd, group=b"").uid == 9
    assert refusal("usér", passwd=odd).startswith("user: no user")


@given(st.text(), st.binary(), st.binary())
def test_any_file_gives_an_identity_or_a_refusal(user: str, passwd: bytes, group: bytes) -> None:
    """Nothing that an image can hold raises anything else, or gives ids that the kernel lacks."""
    try:
        found = resolve(user, passwd=passwd, group=group)
    except SpecError:
        return
    assert all(0 <= number <= MAX_ID for number in (found.uid, found.gid, *found.groups))
    assert found.home.startswith("/")
