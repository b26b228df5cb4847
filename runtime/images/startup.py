"""How a container of an image starts, when its user has had a say as well: Docker's rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.images.config import ImageConfig


def merged_command(
    config: ImageConfig, entrypoint: Sequence[str] | None, command: Sequence[str] | None
) -> tuple[str, ...]:
    """What is executed; None where the user said nothing.

    Arguments take the place of the image's own. An entrypoint does too, and then the image's
    arguments, which were meant for the image's entrypoint, do not apply either; an empty one takes
    the image's away.
    """
    if entrypoint is not None:
        return (*entrypoint, *(command or ()))
    return (*config.entrypoint, *(command or config.command))
