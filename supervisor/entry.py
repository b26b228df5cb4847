"""Where `pocker` begins: some commands are carried out by a fork of what is warm already.

Python takes longer to import what a command needs than the command takes. Nothing is imported here
before it is known that it has to be.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def enter() -> NoReturn:
    """Be the program."""
    from supervisor.forkserver.client import delegate

    code = delegate(sys.argv[1:])
    if code is None:
        from supervisor.cli import enter as enter_here

        enter_here()
    os._exit(code)
