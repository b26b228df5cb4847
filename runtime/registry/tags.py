"""The tags of a repository, page by page, as many as anybody honest has."""

from __future__ import annotations

from runtime.errors import ImageError
from runtime.images.document import parse, take_list
from runtime.registry.address import redirected
from runtime.registry.fetching import read_document
from runtime.registry.session import Call, Session

MOST = 10_000


async def fetch_tags(session: Session) -> tuple[str, ...]:
    """All tags in the registry's order. Raises RegistryError."""
    tags: dict[str, None] = {}
    url = session.url("tags/list")
    while url:
        async with session.answer(Call(method="GET", url=url)) as answer:
            if not answer.is_success:
                raise await session.refusal(answer)
            data = await read_document(session, answer, "the list of tags")
            following = answer.links.get("next", {}).get("url")
        try:
            page = dict.fromkeys(take_list(parse(data, "the list of tags"), "tags", str))
            # A page without anything new would be followed by itself for ever.
            goes_on = following and not page.keys() <= tags.keys()
            url = redirected(url, following or "") if goes_on else ""
        except ImageError as error:
            raise session.error(str(error)) from error
        tags |= page
        if len(tags) > MOST:
            raise session.error(f"there are more than {MOST} tags")
    return tuple(tags)
