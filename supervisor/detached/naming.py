"""Names and ids for containers that were given none. Pure: chance is an argument."""

from __future__ import annotations

import random
import re
from collections.abc import Collection

_ADJECTIVES = (
    "able", "amber", "brave", "brisk", "calm", "clever", "cosy", "eager", "early", "fair", "fleet",
    "fond", "gentle", "glad", "keen", "kind", "lively", "lucky", "mellow", "merry", "neat", "noble",
    "patient", "plain", "proud", "quick", "quiet", "ready", "sharp", "silent", "sober", "steady",
    "sunny", "swift", "tidy", "upright", "warm", "wise", "witty", "young",
)  # fmt: skip
_NOUNS = (
    "badger", "beaver", "bison", "crane", "curlew", "dipper", "dolphin", "falcon", "ferret",
    "finch", "gannet", "hare", "heron", "ibex", "jackdaw", "kestrel", "lapwing", "lark", "lynx",
    "marten", "merlin", "mole", "newt", "otter", "owl", "petrel", "pike", "plover", "puffin",
    "raven", "robin", "salmon", "seal", "stoat", "swallow", "tern", "trout", "vole", "wren",
)  # fmt: skip
_ID_BITS = 48
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")


def check_name(name: str) -> None:
    """Raise ValueError for what is no name of a container; the rule is Docker's."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name: letters, digits, '_', '.' and '-', no sign first"
        )


def new_name(taken: Collection[str], chance: random.Random) -> str:
    """A name such as ``quiet_heron`` that is not `taken`."""
    while True:
        # As more are taken, more are to be had.
        number = chance.randrange(1 + len(taken))
        name = f"{chance.choice(_ADJECTIVES)}_{chance.choice(_NOUNS)}{number or ''}"
        if name not in taken:
            return name


def new_id(taken: Collection[str], chance: random.Random) -> str:
    """Twelve hexadecimal digits that are not `taken`."""
    while True:
        identifier = f"{chance.getrandbits(_ID_BITS):012x}"
        if identifier not in taken:
            return identifier
