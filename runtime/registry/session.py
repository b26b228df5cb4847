"""Requests to one registry: logged in, redirected with care, and repeated.

Credentials are sent to the registry's own origin and to the token server that it names over https,
and to nobody else: a redirect to another origin goes without them. Plain http is used with loopback
alone, and only where https is not spoken there. Every answer that is not the one asked for becomes
one RegistryError with the reference and the registry's own words.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx
import trio
from attrs import define, field, frozen

from runtime.errors import RegistryError
from runtime.images.reference import Reference
from runtime.registry.address import host_of, is_loopback, origin_of, redirected
from runtime.registry.answer import words_of
from runtime.registry.authfile import Login
from runtime.registry.authority import Authority, beginning
from runtime.registry.causes import cause_of, is_final, is_of_certificate
from runtime.registry.retry import ATTEMPTS, RETRIED, pause
from runtime.registry.settings import RegistrySettings

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMEOUT = httpx.Timeout(30.0)

Content = bytes | Callable[[], httpx.AsyncByteStream]
"""A body, or what makes it once more each time that it is sent."""


class BrokenOff(RegistryError):
    """The connection failed; another attempt may do better."""


@frozen(kw_only=True)
class Call:
    """One request. A `patient` one is repeated where the registry is busy or cannot be reached."""

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict)
    content: Content | None = None
    patient: bool = True


@define(eq=False, kw_only=True)
class Session:
    """Made by `open_session`. `name` is what errors begin with."""

    name: str
    domain: str
    repository: str
    _client: httpx.AsyncClient
    _authority: Authority
    _base: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._base = f"https://{host_of(self.domain)}"

    def error(self, problem: str) -> RegistryError:
        """An error that begins with the reference."""
        return RegistryError(f"{self.name}: {problem}")

    def url(self, path: str) -> str:
        """The address of something in the repository; of the API itself where there is none."""
        return f"{self._base}/v2/{self.repository}/{path}" if path else f"{self._base}/v2/"

    async def find_scheme(self) -> None:
        """Fall back to plain http where this is this machine and it speaks nothing else."""
        if not is_loopback(origin_of(self._base).host):
            return
        try:
            async with self._client.stream("GET", f"{self._base}/v2/"):
                pass
        except httpx.ConnectError as error:
            if is_of_certificate(error):
                raise self.error(f"connect to {self._base}: {cause_of(error)}") from error
            self._base = self._base.replace("https://", "http://", 1)
        except httpx.TransportError as error:
            raise self.error(f"connect to {self._base}: {cause_of(error)}") from error

    @asynccontextmanager
    async def get(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a request, its body not yet read; 2xx. Raises RegistryError.

        It is not repeated here once the body has begun.
        """
        async with self.answer(Call(method="GET", url=self.url(path), headers=headers)) as response:
            if not response.is_success:
                raise await self.refusal(response)
            yield response

    @asynccontextmanager
    async def answer(self, call: Call) -> AsyncIterator[httpx.Response]:
        """The answer to a call, whatever it is, its body not yet read. Raises RegistryError."""
        response = await self._patiently(call)
        try:
            yield response
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()

    async def refusal(self, response: httpx.Response) -> RegistryError:
        """What an answer says that is none."""
        body = await beginning(response)
        return self.error(f"{response.url.host} answered {words_of(response.status_code, body)}")

    async def _patiently(self, call: Call) -> httpx.Response:
        failures = 0
        while True:
            failures += 1
            last = failures == ATTEMPTS or not call.patient
            after = None
            try:
                response = await self._logged_in(call)
            except httpx.InvalidURL as error:
                raise self.error(f"an address of the registry: {error}") from error
            except httpx.TransportError as error:
                if last or is_final(error):
                    host = origin_of(call.url).host
                    raise BrokenOff(f"{self.name}: connect to {host}: {cause_of(error)}") from error
            else:
                if response.status_code not in RETRIED or last:
                    return response
                after = response.headers.get("Retry-After")
                await response.aclose()
            await trio.sleep(pause(failures, after, random.random()))

    async def _logged_in(self, call: Call) -> httpx.Response:
        sent = self._authority.header
        response = await self._follow(call, sent)
        if response.status_code != 401 or origin_of(str(response.url)) != origin_of(self._base):
            return response
        try:
            news = await self._authority.answer(response, sent)
        except RegistryError as error:
            await response.aclose()
            raise self.error(str(error)) from error
        if not news:
            return response
        await response.aclose()
        return await self._follow(call, self._authority.header)

    async def _follow(self, call: Call, authorization: str | None) -> httpx.Response:
        home = origin_of(self._base)
        url = call.url
        for _ in range(_MAX_REDIRECTS + 1):
            own = dict(call.headers)
            if authorization is not None and origin_of(url) == home:
                own["Authorization"] = authorization
            response = await self._client.send(self._request(call, url, own), stream=True)
            if response.status_code not in _REDIRECTS:
                return response
            await response.aclose()
            url = self.led_to(url, response)
        raise self.error(f"{home.host} redirects more than {_MAX_REDIRECTS} times")

    def _request(self, call: Call, url: str, headers: Mapping[str, str]) -> httpx.Request:
        if not callable(call.content):
            return self._client.build_request(
                call.method, url, headers=headers, content=call.content
            )
        request = self._client.build_request(call.method, url, headers=headers)
        return httpx.Request(
            call.method, request.url, headers=request.headers, stream=call.content()
        )

    def led_to(self, url: str, response: httpx.Response) -> str:
        """The address that an answer to `url` leads to. Raises RegistryError."""
        try:
            return redirected(url, response.headers.get("Location", ""))
        except RegistryError as error:
            raise self.error(str(error)) from error


@asynccontextmanager
async def open_session(
    reference: Reference,
    login: Login | None,
    settings: RegistrySettings | None = None,
    *,
    actions: str = "pull",
    reads: Sequence[str] = (),
) -> AsyncIterator[Session]:
    """Talk to the registry of a reference; proxies of the environment are used but for loopback.

    `actions` are what is to be done there: ``pull`` or ``pull,push``; `reads` are further
    repositories that are read. Raises RegistryError.
    """
    async with _client(str(reference), reference.domain, settings) as client:
        scopes = (
            f"repository:{reference.path}:{actions}",
            *(f"repository:{path}:pull" for path in reads),
        )
        session = Session(
            name=str(reference),
            domain=reference.domain,
            repository=reference.path,
            client=client,
            authority=Authority(client=client, login=login, scopes=scopes),
        )
        await session.find_scheme()
        yield session


async def check_login(domain: str, login: Login, settings: RegistrySettings | None = None) -> None:
    """Raises RegistryError where a registry does not let somebody in."""
    async with _client(domain, domain, settings) as client:
        authority = Authority(client=client, login=login, scopes=())
        session = Session(
            name=domain, domain=domain, repository="", client=client, authority=authority
        )
        await session.find_scheme()
        async with session.answer(Call(method="GET", url=session.url(""))) as response:
            if not response.is_success:
                raise await session.refusal(response)


@asynccontextmanager
async def _client(
    name: str, domain: str, settings: RegistrySettings | None
) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings or RegistrySettings()
    local = is_loopback(origin_of(f"https://{host_of(domain)}").host)
    # Bytes are hashed as they come: nothing may pack them on the way.
    headers = {"Accept-Encoding": "identity", "User-Agent": "pocker"}
    try:
        trusted = _trusted(settings, local=local)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise RegistryError(f"{name}: ca_file {settings.ca_file}: {cause}") from error
    async with httpx.AsyncClient(
        timeout=_TIMEOUT, trust_env=not local, headers=headers, verify=trusted
    ) as client:
        yield client


def _trusted(settings: RegistrySettings, *, local: bool) -> ssl.SSLContext:
    """Whose certificates are believed: the system's authorities, and the registry's own."""
    if settings.insecure and local:
        return httpx.create_ssl_context(verify=False)
    context = httpx.create_ssl_context()
    context.set_default_verify_paths()
    if settings.ca_file is not None:
        context.load_verify_locations(settings.ca_file)
    return context
