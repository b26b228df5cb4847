"""What is set for registries, and where an image is looked for because of it."""

from __future__ import annotations

import pytest

from runtime.errors import ImageError
from runtime.images.reference import parse_reference
from runtime.registry.settings import (
    Mirror,
    Registries,
    RegistrySettings,
    parse_domain,
    parse_mirror,
)


def test_mirrors_come_before_the_registry() -> None:
    """In their order, with their paths in front, and with the same tag and digest."""
    mirrors = (parse_mirror("a.io:5000/deep/cache"), parse_mirror("localhost"))
    registries = Registries(tables={"docker.io": RegistrySettings(mirrors=mirrors)})
    places = registries.places(parse_reference("box:1"))
    assert list(map(str, places)) == [
        "a.io:5000/deep/cache/library/box:1", "localhost/library/box:1",
        "docker.io/library/box:1",
    ]  # fmt: skip
    assert registries.places(parse_reference("b.io/box")) == [parse_reference("b.io/box")]


def test_registries_are_named_as_in_images() -> None:
    """The old name of Docker's is taken for its name."""
    assert parse_domain("index.docker.io") == parse_domain("docker.io") == "docker.io"
    assert parse_domain("127.0.0.1:5000") == "127.0.0.1:5000"
    assert parse_mirror("[::1]:5000/x") == Mirror(domain="[::1]:5000", path="x")


@pytest.mark.parametrize("text", ["", "name", "https://a.io", "a.io/x", "a.io:99999", "a b.io"])
def test_what_is_no_registry_is_refused(text: str) -> None:
    """A scheme, a path, or a word that would be read as part of a name."""
    with pytest.raises(ImageError):
        parse_domain(text)


@pytest.mark.parametrize("text", ["https://a.io", "name/x", "a.io/X", "a.io/x/"])
def test_what_is_no_mirror_is_refused(text: str) -> None:
    """The same, but for the path."""
    with pytest.raises(ImageError):
        parse_mirror(text)
