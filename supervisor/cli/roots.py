"""What a container has for its root, whether it runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from attrs import frozen

from runtime.container import Runtime
from runtime.directories import Directories, LayerDirectory
from runtime.locking import locked
from supervisor.cli.failure import Failure
from supervisor.cli.finding import Found, current_container, find, running_container
from supervisor.cli.settings import Settings


@frozen(kw_only=True)
class Root:
    """The root of the container that a word means."""

    word: str
    place: Directories
    layer: LayerDirectory
    container: str | None
    """The container that has it now; None where it does not run."""
    found: Found | None
    """Where it stays when it does not run."""

    @classmethod
    def of(cls, settings: Settings, word: str) -> Root:
        """That of one of `run -d`, of a job or of a `run` in the foreground. Raises Failure."""
        Runtime.require_rights()
        with suppress(Failure):
            found = find(settings, word)
            if found.entry is not None:
                place = found.settings.directories
                return cls(
                    word=word,
                    place=place,
                    layer=place.kept_layer(found.entry.id),
                    container=current_container(found),
                    found=found,
                )
        place, container = running_container(settings, word)
        layer = place.container(container).layer
        return cls(word=word, place=place, layer=layer, container=container, found=None)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Hold a container that does not run: a start of it waits meanwhile. Raises Failure."""
        assert self.found is not None, "others are gone when they do not run"
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.layer.lock))
            except FileNotFoundError:
                raise Failure(f"container {self.word} keeps nothing of its root") from None
            # A start is written down before it asks for the lock.
            if current_container(self.found) is not None:
                raise Failure(f"container {self.word} is just being started; try again")
            yield
