r"""Output of a job made harmless for the operator's terminal. Pure.

Everything that could move the cursor, change a mode, make the terminal answer, or reorder text
is shown as the characters of an escape, such as ``\x1b``. Text and tabs stay as they are.
"""

from __future__ import annotations

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_REORDERING = (
    0x061C,
    0x200E,
    0x200F,
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)

_VISIBLE = {code: f"\\x{code:02x}" for code in _CONTROLS if code != ord("\t")} | {
    code: f"\\u{code:04x}" for code in _REORDERING
}


def neutralise(message: bytes) -> str:
    """Show a message on a terminal: control characters and invalid UTF-8 become visible."""
    return message.decode(errors="backslashreplace").translate(_VISIBLE)
