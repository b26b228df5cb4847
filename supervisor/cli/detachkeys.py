"""The keys that leave a command running, as Docker has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from attrs import define, field

DEFAULT_KEYS = "ctrl-p,ctrl-q"
_CONTROL = "ctrl-"
_CONTROLS = {
    **{chr(ord("a") + n): n + 1 for n in range(26)},
    "@": 0,
    "[": 27,
    "\\": 28,
    "]": 29,
    "^": 30,
    "_": 31,
}


def option() -> Callable[[Any], Any]:
    """The option for other keys; the parameter `detach_keys` is what they type."""

    def read(_context: click.Context, _option: click.Parameter, text: str) -> bytes:
        try:
            return parse_keys(text or DEFAULT_KEYS)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return click.option(
        "--detach-keys",
        default=DEFAULT_KEYS,
        show_default=True,
        metavar="KEYS",
        callback=read,
        help="What to type to leave it running.",
    )


def parse_keys(text: str) -> bytes:
    """What is typed by keys such as ``ctrl-p,ctrl-q`` or ``ctrl-x,a``. Raises ValueError."""
    typed = bytearray()
    for key in text.split(","):
        control = _CONTROLS.get(key.removeprefix(_CONTROL)) if key.startswith(_CONTROL) else None
        if control is not None:
            typed.append(control)
        elif len(key) == 1 and key.isascii():
            typed += key.encode()
        else:
            raise ValueError(
                f"{key!r} is neither a character nor ctrl- with a letter or one of @ [ \\ ] ^ _"
            )
    return bytes(typed)


@define
class DetachKeys:
    """Looks for them in what is typed."""

    keys: bytes
    found: bool = field(default=False, init=False)
    _held: bytes = field(default=b"", init=False)

    def feed(self, typed: bytes) -> bytes:
        """What is to be passed on; what may be the beginning of the keys is held back."""
        text = self._held + typed
        before, keys, _ = text.partition(self.keys)
        if keys:
            self.found = True
            return before
        length = next(n for n in range(len(self.keys) - 1, -1, -1) if text.endswith(self.keys[:n]))
        self._held = text[len(text) - length :]
        return text[: len(text) - length]
