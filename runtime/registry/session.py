"""Requests to one repository of one registry: logged in, redirected with care, and repeated.

Credentials are sent to the registry's own origin and to the token server that it names over https,
and to nobody else: a redirect to another origin goes without them. Plain http is used with loopback
alone, and only where https is not spoken there. Every answer that is not the one asked for becomes
one RegistryError with the reference and the registry's own words.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import httpx
import trio

from runtime.errors import RegistryError
from runtime.images.reference import Reference
from runtime.registry.address import host_of, is_loopback, origin_of, redirected
from runtime.registry.answer import words_of
from runtime.registry.authfile import Login
from runtime.registry.body import take_body
from runtime.registry.challenge import Challenge, choose_challenge, parse_challenges
from runtime.registry.retry import ATTEMPTS, RETRIED, pause

MAX_DOCUMENT = 4 << 20
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMEOUT = httpx.Timeout(30.0)


class Session:
    """Made by `open_session`."""

    def __init__(
        self, client: httpx.AsyncClient, reference: Reference, login: Login | None
    ) -> None:
        self._client = client
        self._login = login
        self._authorization: str | None = None
        self.reference = reference
        self._base = f"https://{host_of(reference.domain)}"

    def error(self, problem: str) -> RegistryError:
        """An error that begins with the reference."""
        return RegistryError(f"{self.reference}: {problem}")

    async def find_scheme(self) -> None:
        """Fall back to plain http where this is this machine and it speaks nothing else."""
        if not is_loopback(origin_of(self._base).host):
            return
        try:
            async with self._client.stream("GET", f"{self._base}/v2/"):
                pass
        except httpx.ConnectError as error:
            if "CERTIFICATE" in str(error):
                raise self.error(f"connect to {self._base}: {error}") from error
            self._base = self._base.replace("https://", "http://", 1)
        except httpx.TransportError as error:
            raise self.error(f"connect to {self._base}: {error!r}") from error

    @asynccontextmanager
    async def get(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a request, its body not yet read; 2xx. Raises RegistryError.

        It is not repeated here once the body has begun.
        """
        url = f"{self._base}/v2/{self.reference.path}/{path}"
        response = await self._patiently(url, headers)
        try:
            if not response.is_success:
                raise await self.refusal(response)
            yield response
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()

    async def refusal(self, response: httpx.Response) -> RegistryError:
        """What an answer says that is none."""
        body = await _bounded(response)
        return self.error(f"{response.url.host} answered {words_of(response.status_code, body)}")

    async def _patiently(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        failures = 0
        while True:
            failures += 1
            after = None
            try:
                response = await self._logged_in(url, headers)
            except httpx.InvalidURL as error:
                raise self.error(f"an address of the registry: {error}") from error
            except httpx.TransportError as error:
                if failures == ATTEMPTS:
                    host = origin_of(url).host
                    raise self.error(f"connect to {host}: {str(error) or repr(error)}") from error
            else:
                if response.status_code not in RETRIED or failures == ATTEMPTS:
                    return response
                after = response.headers.get("Retry-After")
                await response.aclose()
            await trio.sleep(pause(failures, after, random.random()))

    async def _logged_in(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        response = await self._follow(url, headers)
        if response.status_code != 401 or origin_of(str(response.url)) != origin_of(url):
            return response
        offers = ", ".join(response.headers.get_list("WWW-Authenticate"))
        before = self._authorization
        try:
            self._authorization = await self._authorize(choose_challenge(parse_challenges(offers)))
        except RegistryError as error:
            await response.aclose()
            raise self.error(str(error)) from error
        if self._authorization in {None, before}:
            return response
        await response.aclose()
        return await self._follow(url, headers)

    async def _follow(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        home = origin_of(self._base)
        for _ in range(_MAX_REDIRECTS + 1):
            own = dict(headers)
            if self._authorization is not None and origin_of(url) == home:
                own["Authorization"] = self._authorization
            request = self._client.build_request("GET", url, headers=own)
            response = await self._client.send(request, stream=True)
            if response.status_code not in _REDIRECTS:
                return response
            await response.aclose()
            try:
                url = redirected(url, response.headers.get("Location", ""))
            except RegistryError as error:
                raise self.error(str(error)) from error
        raise self.error(f"{home.host} redirects more than {_MAX_REDIRECTS} times")

    async def _authorize(self, challenge: Challenge) -> str | None:
        login = self._login
        if challenge.scheme == "basic":
            return None if login is None else _basic(login)
        realm = origin_of(challenge.parameters.get("realm", ""))
        local = self._base.startswith("http:") and is_loopback(realm.host)
        if realm.scheme != "https" and not local:
            raise RegistryError(f"the token server {realm.host} has no https")
        query = {
            "service": challenge.parameters.get("service", ""),
            "scope": challenge.parameters.get("scope") or f"repository:{self.reference.path}:pull",
        }
        url = challenge.parameters["realm"]
        if login is not None and login.identity_token is not None:
            form = {**query, "grant_type": "refresh_token", "client_id": "pocker"}
            form["refresh_token"] = login.identity_token
            request = self._client.build_request("POST", url, data=form)
        else:
            headers = {} if login is None else {"Authorization": _basic(login)}
            request = self._client.build_request("GET", url, params=query, headers=headers)
        response = await self._client.send(request, stream=True)
        try:
            return await self._token(response, realm.host)
        finally:
            await response.aclose()

    async def _token(self, response: httpx.Response, host: str) -> str:
        body = await _bounded(response)
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


async def _bounded(response: httpx.Response) -> bytes:
    """The beginning of a body."""
    body = bytearray()

    def take(piece: bytes) -> None:
        body.extend(piece)
        if len(body) > MAX_DOCUMENT:
            raise RegistryError("too large")

    with suppress(httpx.TransportError, RegistryError):  # what has come may tell enough
        await take_body(response, take)
    return bytes(body)


@asynccontextmanager
async def open_session(reference: Reference, login: Login | None) -> AsyncIterator[Session]:
    """Talk to the registry of a reference; proxies of the environment are used but for loopback."""
    local = is_loopback(origin_of(f"https://{host_of(reference.domain)}").host)
    # Bytes are hashed as they come: nothing may pack them on the way.
    headers = {"Accept-Encoding": "identity", "User-Agent": "pocker"}
    async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=not local, headers=headers) as client:
        session = Session(client, reference, login)
        await session.find_scheme()
        yield session
