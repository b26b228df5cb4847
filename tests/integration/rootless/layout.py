"""Images for an ordinary user, and what is said of them once they are unpacked."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from runtime.images.saving import save_layout
from runtime.images.store import ImageStore
from tests.integration.images.test_peers import NAME
from tests.integration.rootless.user import OrdinaryUser
from tests.runtime.images.archives import add_image

LISTING = """
import sys
from runtime.images.store import ImageStore
from tests.integration.images import listing
layers = ImageStore(sys.argv[1]).resolve(sys.argv[2]).layers
top = layers[0] if len(layers) == 1 else listing.mounted([*layers], "userxattr")
print("\\n".join(listing.lines(top)))
"""
OTHERS = """
import sys
from tests.integration.images import listing
print("\\n".join(listing.lines(sys.argv[1])))
"""
"""Scripts that list a tree: that of an image of the store, and that of a directory."""


def save(top: Path, layers: Sequence[bytes]) -> Path:
    """An archive of an image of these layers."""
    store = ImageStore(f"{top}/state")
    add_image(store, [*layers], NAME, Cmd=["sh"])
    path = top / "image.tar"
    with path.open("wb") as file:
        save_layout(store, [(store.find(NAME), [NAME])], file)
    return path


def given_layout(user: OrdinaryUser, archive: Path) -> Path:
    """The OCI layout in such an archive, in a directory of the user's."""
    layout = user.home / "layout"
    layout.mkdir()
    subprocess.run(["tar", "-x", "-C", layout, "-f", archive], check=True)
    user.own()
    return layout
