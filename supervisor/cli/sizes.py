"""How much containers have written, and how much there is together with their images."""

from __future__ import annotations

from contextlib import suppress

from runtime.errors import ContainerError
from runtime.images.store import ImageStore
from runtime.treesize import tree_size
from supervisor.cli.image.access import size_of
from supervisor.cli.listing import Size
from supervisor.cli.settings import Settings
from supervisor.detached.attended import layer_of
from supervisor.detached.roster import Entry
from supervisor.journal import AttemptRecord


def size_of_entry(settings: Settings, entry: Entry) -> Size:
    """That of a container of `run`; its image is counted where the store has it."""
    written = tree_size(layer_of(settings.detached.directories, entry).upper)
    virtual = None
    if entry.image is not None:
        with suppress(ContainerError):  # one that is damaged, or was removed by force
            store = ImageStore(settings.directories.image_store)
            virtual = written + size_of(store, store.find(entry.image))
    return Size(written=written, virtual=virtual)


def size_of_attempt(settings: Settings, attempt: AttemptRecord | None) -> Size:
    """That of a job's container, whose layer is there only while it runs."""
    if attempt is None:
        return Size(written=0, virtual=None)
    layer = settings.directories.container(attempt.container).layer
    return Size(written=tree_size(layer.upper), virtual=None)
