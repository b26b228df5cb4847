"""Auth files of docker and podman: what is in one of them for a repository.

Pure. A secret is never part of a message or of a repr. The most exact key wins; a helper that is
named for a registry wins over what stands in the file, and the default helper is asked last.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from runtime.errors import RegistryError
from runtime.images.reference import DEFAULT_DOMAIN

DOCKER_HUB = "https://index.docker.io/v1/"
"""The key that `docker login` uses for Docker's own registry."""

_HELPER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SCHEMES = ("https://", "http://")


@frozen(kw_only=True)
class Login:
    """What one registry is told: a user and a password, or an identity token in their place."""

    username: str
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Helper:
    """Ask the program `docker-credential-NAME` for `server`."""

    name: str
    server: str

    @property
    def program(self) -> str:
        """What is executed."""
        return f"docker-credential-{self.name}"


@frozen(kw_only=True)
class AuthFile:
    """The content of one file."""

    logins: Mapping[str, Login]
    helpers: Mapping[str, Helper]
    default_helper: str | None

    def find(self, domain: str, path: str) -> Login | Helper | None:
        """What to use for a repository; None where the file has nothing for it."""
        if domain in self.helpers:
            return self.helpers[domain]
        for key in _keys(domain, path):
            if key in self.logins:
                return self.logins[key]
        return self.helper(domain)

    def helper(self, domain: str) -> Helper | None:
        """The program that keeps the passwords of a registry; None where files do."""
        if domain in self.helpers:
            return self.helpers[domain]
        if self.default_helper is None:
            return None
        return Helper(name=self.default_helper, server=key_of(domain))


def key_of(domain: str) -> str:
    """What `docker login` calls a registry."""
    return DOCKER_HUB if domain == DEFAULT_DOMAIN else domain


def _keys(domain: str, path: str) -> Iterator[str]:
    """The keys that hold for a repository: podman allows any beginning of its name."""
    parts = path.split("/")
    for length in range(len(parts), -1, -1):
        yield "/".join([domain, *parts[:length]])


def normalised(key: str) -> str:
    """A key as a name: older programs wrote addresses, with a scheme and a version of the API."""
    for scheme in _SCHEMES:
        if key.startswith(scheme):
            key = key.removeprefix(scheme).partition("/")[0]
    key = key.rstrip("/")
    return DEFAULT_DOMAIN if key in {"index.docker.io", "registry-1.docker.io"} else key


def parse_auth_file(data: bytes, path: str) -> AuthFile:
    """Read the content of the file at `path`, which names it in errors. Raises RegistryError."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        # What the parser says may quote a secret.
        raise RegistryError(f"{path}: is not JSON") from None
    top = _table(document, path, "the file")
    logins: dict[str, Login] = {}
    for key, value in _table(top.get("auths"), path, "auths").items():
        login = _login(_table(value, path, f"auths.{key}"), path, f"auths.{key}")
        if login is not None and (key == normalised(key) or normalised(key) not in logins):
            logins[normalised(key)] = login
    helpers = {
        normalised(key): Helper(name=_helper(name, path, f"credHelpers.{key}"), server=key)
        for key, name in _table(top.get("credHelpers"), path, "credHelpers").items()
    }
    store = top.get("credsStore")
    default = _helper(store, path, "credsStore") if store else None
    return AuthFile(logins=logins, helpers=helpers, default_helper=default)


def _table(value: object, path: str, key: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RegistryError(f"{path}: {key}: is not an object")
    return value


def _helper(name: object, path: str, key: str) -> str:
    """The name of a program; what could be a path is refused."""
    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        raise RegistryError(f"{path}: {key}: is not the name of a credential helper")
    return name


def _text(entry: Mapping[str, Any], name: str, path: str, key: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RegistryError(f"{path}: {key}.{name}: is not a string")
    return value


def _login(entry: Mapping[str, Any], path: str, key: str) -> Login | None:
    """The login of an entry; None for the empty one that stands for "in the helper"."""
    token = _text(entry, "identitytoken", path, key) or None
    username, password = (_text(entry, name, path, key) for name in ("username", "password"))
    if packed := _text(entry, "auth", path, key):
        try:
            both = base64.b64decode(packed, validate=True).decode()
        except (binascii.Error, ValueError):
            both = ""
        username, colon, password = both.partition(":")
        if not colon or not username:
            raise RegistryError(f"{path}: {key}.auth: is not USER:PASSWORD in base64") from None
        password = password.rstrip("\0")  # old clients padded it
    if not username and token is None:
        return None
    return Login(username=username, password=password, identity_token=token)
