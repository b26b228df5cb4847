"""Auth files with a login more or less: what else stands in them stays, and stays in its order.

Pure. The forms are those of docker and podman, which read what is written here.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from runtime.errors import RegistryError
from runtime.registry.authfile import Login, key_of, normalised, parse_auth_file


def with_login(data: bytes | None, path: str, domain: str, login: Login) -> bytes:
    """The content of the file at `path` with a login in place of what it had for a registry.

    Raises RegistryError.
    """
    if ":" in login.username:
        raise RegistryError(f"user name {login.username!r} has a colon in it")
    document = _without(data, path, domain)
    both = f"{login.username}:{login.password}".encode()
    entry = {"auth": base64.b64encode(both).decode()}
    document["auths"] = {**document["auths"], key_of(domain): entry}
    return _written(document)


def without_login(data: bytes, path: str, domain: str) -> bytes:
    """The content of the file at `path` without what it has for a registry. Raises RegistryError.

    Logins for single repositories there stay.
    """
    return _written(_without(data, path, domain))


def _without(data: bytes | None, path: str, domain: str) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if data is not None:
        parse_auth_file(data, path)
        document = json.loads(data)
    logins = document.get("auths") or {}
    document["auths"] = {key: logins[key] for key in logins if normalised(key) != domain}
    return document


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent="\t").encode() + b"\n"
