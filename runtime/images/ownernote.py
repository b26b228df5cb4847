"""Notes the owner that a file should have, where it cannot have it. Pure.

The attribute is the one of umoci and PRoot: a message of protocol buffers with two numbers, as
github.com/rootless-containers/proto has it. An id of 0 is not noted but written as 2^32-1, which
stands for the one that the file has.
"""

from __future__ import annotations

from collections.abc import Iterator

NOTE_XATTR = "user.rootlesscontainers"
_AS_IT_IS = 2**32 - 1
_USER, _GROUP = 1 << 3, 2 << 3
"""Tags of the two fields; a number follows."""
_MAX_BYTES = 10


def write_note(uid: int, gid: int) -> bytes:
    """The note of an owner."""
    return b"".join(
        bytes((tag,)) + _varint(number or _AS_IT_IS)
        for tag, number in ((_USER, uid), (_GROUP, gid))
    )


def read_note(note: bytes, uid: int, gid: int) -> tuple[int, int]:
    """The owner that is noted, of a file that has this one; the same where it is no such note.

    Only an id of 0 stands for another one: whoever has set another since then knew what he did.
    """
    try:
        fields = dict(_fields(note))
    except ValueError:
        return uid, gid
    noted = (fields.get(_USER, 0), fields.get(_GROUP, 0))
    user, group = (
        number if own == 0 and 0 < number < _AS_IT_IS else own
        for own, number in zip((uid, gid), noted, strict=True)
    )
    return user, group


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*encoded, number))


def _fields(note: bytes) -> Iterator[tuple[int, int]]:
    numbers = list(_numbers(note))
    if len(numbers) % 2:
        raise ValueError("a field without a number")
    return iter(zip(numbers[::2], numbers[1::2], strict=True))


def _numbers(note: bytes) -> Iterator[int]:
    number = position = 0
    for byte in note:
        number |= (byte & 0x7F) << 7 * position
        position += 1
        if position > _MAX_BYTES:
            raise ValueError("a number that is too long")
        if not byte & 0x80:
            yield number
            number = position = 0
    if position:
        raise ValueError("a number without an end")
