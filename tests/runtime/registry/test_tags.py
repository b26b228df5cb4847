"""The list of a repository's tags, from registries of every kind."""

from __future__ import annotations

import json

import pytest

from runtime.errors import RegistryError
from runtime.images.reference import parse_reference
from runtime.registry.session import open_session
from runtime.registry.tags import fetch_tags
from tests.runtime.registry.faulty import answer, faulty


def page(*tags: str, following: str = "") -> bytes:
    """An answer with these tags, and where there are more of them."""
    headers = [f'Link: <{following}>; rel="next"'] if following else []
    return answer(200, json.dumps({"name": "team/app", "tags": tags}).encode(), headers)


async def tags_of(pages: dict[str, bytes]) -> tuple[str, ...]:
    """What is read from a registry that has these pages, by what is behind the path."""
    async with (
        faulty(lambda path, _: pages[path.rpartition("list")[2]]) as server,
        open_session(parse_reference(f"{server.host}/team/app"), None) as session,
    ):
        return await fetch_tags(session)


async def test_every_page_is_read() -> None:
    """Each says where the next one is, relative to itself; a tag counts once."""
    pages = {"": page("b", "a", following="list?last=a"), "?last=a": page("a", "c")}
    assert await tags_of(pages) == ("b", "a", "c")
    assert await tags_of({"": answer(200, b'{"tags": null}')}) == ()


async def test_a_page_that_follows_itself_is_the_last() -> None:
    """There is an end to it, whatever a registry says."""
    assert await tags_of({"": page("a", following="list")}) == ("a",)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (answer(404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}'), "404 NAME_UNKNOWN"),
        (answer(200, b"[]"), "the list of tags: is not an object"),
        (answer(200, b'{"tags": [1]}'), "is of the wrong type"),
        (page(*map(str, range(10_001))), "there are more than 10000 tags"),
        (page("a", following="http://name.invalid/list"), "plain http at name.invalid"),
    ],
)
async def test_what_is_no_list_is_refused(reply: bytes, problem: str) -> None:
    """In one error with the registry's own words."""
    with pytest.RaisesGroup(pytest.RaisesExc(RegistryError, match=problem)):
        await tags_of({"": reply})
