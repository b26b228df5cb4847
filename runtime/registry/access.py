"""How this user gets at registries: with the logins and the settings that are theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from attrs import frozen

from runtime.errors import RegistryError
from runtime.images.reference import Reference
from runtime.registry.credentials import find_login
from runtime.registry.session import Session, open_session
from runtime.registry.settings import Registries

T = TypeVar("T")


@frozen(kw_only=True)
class Access:
    """`environ` and `uid` say whose auth files count."""

    registries: Registries
    environ: Mapping[str, str]
    uid: int

    @asynccontextmanager
    async def session(
        self, reference: Reference, actions: str = "pull", reads: Sequence[str] = ()
    ) -> AsyncIterator[Session]:
        """Talk to the registry of a reference. Raises RegistryError."""
        login = await find_login(reference, self.environ, self.uid)
        settings = self.registries.of(reference.domain)
        async with open_session(
            reference, login, settings, actions=actions, reads=reads
        ) as session:
            yield session

    async def first(self, reference: Reference, ask: Callable[[Session], Awaitable[T]]) -> T:
        """What the first of a reference's mirrors gives that can, else its registry.

        Raises RegistryError with what each of them said.
        """
        problems: list[str] = []
        for place in self.registries.places(reference):
            try:
                async with self.session(place) as session:
                    return await ask(session)
            except RegistryError as error:
                problems.append(str(error))
        raise RegistryError("; ".join(reversed(problems)))
