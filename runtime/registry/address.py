"""Where requests to a registry may go, and which of them may carry its credentials. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urljoin, urlsplit

from attrs import frozen

from runtime.errors import RegistryError
from runtime.images.reference import DEFAULT_DOMAIN

_DOCKER_HOST = "registry-1.docker.io"
_PORTS = {"http": 80, "https": 443}


@frozen
class Origin:
    """Credentials belong to one of these and are sent to no other."""

    scheme: str
    host: str
    port: int


def host_of(domain: str) -> str:
    """The machine, with its port, that serves the API of a domain."""
    return _DOCKER_HOST if domain == DEFAULT_DOMAIN else domain


def origin_of(url: str) -> Origin:
    """The origin of an absolute address. Raises RegistryError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RegistryError(f"address {url[:300]!r}: {error}") from error
    return _origin(parts, port, url)


def _origin(parts: SplitResult, port: int | None, url: str) -> Origin:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise RegistryError(f"address {url[:300]!r} is not one of http or https")
    if parts.username is not None or parts.password is not None:
        raise RegistryError(f"address of {parts.hostname} has credentials in it")
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def is_loopback(host: str) -> bool:
    """Tell whether a host, without port, is this machine by its name alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redirected(url: str, location: str) -> str:
    """Where an answer to `url` leads. Raises RegistryError where it leads out of encryption."""
    target = urljoin(url, location)
    before, after = origin_of(url), origin_of(target)
    if after.scheme == "http" and not (before.scheme == "http" and is_loopback(after.host)):
        raise RegistryError(f"{before.host} redirects to plain http at {after.host}")
    return target
