"""Who asks a registry: a password, or a token that its token server gives for one.

The password goes to the registry's own origin and to the token server that it names over https, and
the token to that origin alone. What is raised here does not say of which image it is about.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import httpx
from attrs import define

from runtime.errors import RegistryError
from runtime.registry.address import is_loopback, origin_of
from runtime.registry.answer import words_of
from runtime.registry.authfile import Login
from runtime.registry.body import take_body
from runtime.registry.challenge import Challenge, choose_challenge, parse_challenges

MAX_DOCUMENT = 4 << 20


@define(kw_only=True)
class Authority:
    """`scopes` are what a token is asked for; `header` is what requests carry by now."""

    client: httpx.AsyncClient
    login: Login | None
    scopes: tuple[str, ...]
    header: str | None = None

    async def answer(self, response: httpx.Response, sent: str | None) -> bool:
        """Do what a refusal of a request with the header `sent` asks for; tell if that is news.

        Raises RegistryError.
        """
        if self.header != sent:
            return True  # another task was faster
        offers = ", ".join(response.headers.get_list("WWW-Authenticate"))
        challenge = choose_challenge(parse_challenges(offers))
        header = await self._authorize(challenge, origin_of(str(response.url)).scheme)
        if header in {None, sent}:
            return False
        self.header = header
        return True

    async def _authorize(self, challenge: Challenge, scheme: str) -> str | None:
        login = self.login
        if challenge.scheme == "basic":
            return None if login is None else _basic(login)
        realm = origin_of(challenge.parameters.get("realm", ""))
        if realm.scheme != "https" and not (scheme == "http" and is_loopback(realm.host)):
            raise RegistryError(f"the token server {realm.host} has no https")
        url = challenge.parameters["realm"]
        service = challenge.parameters.get("service", "")
        asked = challenge.parameters.get("scope")
        scopes = list(self.scopes) or ([asked] if asked else [])
        if login is not None and login.identity_token is not None:
            form = {"service": service, "scope": " ".join(scopes), "client_id": "pocker"}
            form |= {"grant_type": "refresh_token", "refresh_token": login.identity_token}
            request = self.client.build_request("POST", url, data=form)
        else:
            headers = {} if login is None else {"Authorization": _basic(login)}
            query = {"service": service, **({"scope": scopes} if scopes else {})}
            request = self.client.build_request("GET", url, params=query, headers=headers)
        response = await self.client.send(request, stream=True)
        try:
            return await _token(response, realm.host)
        finally:
            await response.aclose()


async def _token(response: httpx.Response, host: str) -> str:
    body = await beginning(response)
    if not response.is_success:
        raise RegistryError(f"{host} answered {words_of(response.status_code, body)}")
    try:
        document = json.loads(body)
        token = document.get("token") or document.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise RegistryError(f"{host} gave no token")
    return f"Bearer {token}"


def _basic(login: Login) -> str:
    both = f"{login.username}:{login.password}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"


async def beginning(response: httpx.Response) -> bytes:
    """The beginning of a body, enough for any document."""
    body = bytearray()

    def take(piece: bytes) -> None:
        body.extend(piece)
        if len(body) > MAX_DOCUMENT:
            raise RegistryError("too large")

    with suppress(httpx.TransportError, RegistryError):  # what has come may tell enough
        await take_body(response, take)
    return bytes(body)
