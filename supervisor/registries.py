"""Which registries this user may enter, and how: what the commands hand to the runtime."""

from __future__ import annotations

import os

from runtime.registry.access import Access
from runtime.registry.settings import Registries


def own_access() -> Access:
    """That of whoever runs this program."""
    return Access(registries=Registries(), environ=os.environ, uid=os.geteuid())
