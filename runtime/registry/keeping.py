"""Logins are kept where docker and podman keep them, so that one login is for all of them.

A file is replaced at once and is for its owner only. Where a credential helper is named for a
registry, it gets the password, and no file does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from runtime.errors import RegistryError
from runtime.registry.authchange import with_login, without_login
from runtime.registry.authfile import AuthFile, Login, parse_auth_file
from runtime.registry.credentials import ask_helper, auth_paths, read_bounded, tell_helper
from runtime.replacing import replace_file


async def keep_login(domain: str, login: Login, environ: Mapping[str, str], uid: int) -> str:
    """Keep the login for a registry; returns the path of the file, or the name of the helper.

    It goes where there is one for this registry already, else into docker's file. Raises
    RegistryError.
    """
    path, file, data = _home(domain, environ, uid)
    helper = None if file is None else file.helper(domain)
    if helper is not None:
        account = {"ServerURL": helper.server, "Username": login.username, "Secret": login.password}
        await tell_helper(helper, "store", json.dumps(account), environ)
        return helper.program
    _write(path, with_login(data, path, domain, login))
    return path


async def forget_login(domain: str, environ: Mapping[str, str], uid: int) -> list[str]:
    """Remove the logins for a registry; returns the files and helpers that had one.

    Raises RegistryError.
    """
    places = []
    for path in auth_paths(environ, uid):
        data = read_bounded(path)
        if data is None:
            continue
        file = parse_auth_file(data, path)
        helper = file.helper(domain)
        if helper is not None and await ask_helper(helper, environ) is not None:
            await tell_helper(helper, "erase", helper.server, environ)
            places.append(helper.program)
        if domain in file.logins:
            _write(path, without_login(data, path, domain))
            places.append(path)
    return places


def _home(
    domain: str, environ: Mapping[str, str], uid: int
) -> tuple[str, AuthFile | None, bytes | None]:
    """The path, the content and the bytes of the file that a login belongs into."""
    found: tuple[str, AuthFile | None, bytes | None] = ("", None, None)
    for path in auth_paths(environ, uid):
        data = read_bounded(path)
        file = None if data is None else parse_auth_file(data, path)
        found = (path, file, data)
        if file is not None and (domain in file.logins or domain in file.helpers):
            return found
    return found


def _write(path: str, data: bytes) -> None:
    place = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        replace_file(place, data)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise RegistryError(f"{path}: {cause}") from error
