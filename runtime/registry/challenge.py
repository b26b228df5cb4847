"""What a registry asks for when it answers 401: the header WWW-Authenticate (RFC 9110, 11.6.1).

Pure. A server may offer several schemes in one header; a quoted value may hold commas, such as the
scope of a token, and is never split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from runtime.errors import RegistryError

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|\Z)")
_BLANK = re.compile(r"[ \t,]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MAX_HEADER = 8192


@frozen(kw_only=True)
class Challenge:
    """One offer; scheme and names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """All offers of a header, in its order. Raises RegistryError."""
    if len(header) > _MAX_HEADER:
        raise RegistryError(f"WWW-Authenticate is longer than {_MAX_HEADER} characters")
    return [Challenge(scheme=scheme, parameters=names) for scheme, names in _offers(header)]


def _offers(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    offer: tuple[str, dict[str, str]] | None = None
    position = _after_blank(header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and offer is not None:
            name = parameter[1].lower()
            if name in offer[1]:
                raise RegistryError(f"WWW-Authenticate has {name!r} twice: {header[:300]!r}")
            quoted, plain = parameter[2], parameter[3]
            offer[1][name] = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
            end = parameter.end()
        elif (scheme := _SCHEME.match(header, position)) is not None:
            if offer is not None:
                yield offer
            offer = (scheme[1].lower(), {})
            end = scheme.end()
        else:
            raise RegistryError(f"WWW-Authenticate cannot be read: {header[:300]!r}")
        position = _after_blank(header, end)
    if offer is not None:
        yield offer


def _after_blank(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return position if blank is None else blank.end()


def choose_challenge(challenges: Sequence[Challenge]) -> Challenge:
    """The offer to take: a token before a password. Raises RegistryError where neither is one."""
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme:
                return challenge
    offered = ", ".join(challenge.scheme for challenge in challenges) or "nothing"
    raise RegistryError(
        f"the registry asks for {offered[:300]}; only bearer and basic are supported"
    )
