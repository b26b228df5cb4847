"""Where logins are found: the auth files of podman and docker, and their credential helpers.

The first file that has something for a repository decides. A file that is absent is passed over;
one that cannot be read or is broken is an error, since a login that is silently left out ends in a
refusal that nobody can explain. A helper that does not answer is ended.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Mapping

import trio

from runtime.errors import RegistryError
from runtime.images.reference import Reference
from runtime.registry.authfile import Helper, Login, parse_auth_file

_MAX_FILE = 1 << 20
_HELPER_SECONDS = 30
_ABSENT = "credentials not found"
_TOKEN_USER = "<token>"


def auth_paths(environ: Mapping[str, str], uid: int) -> list[str]:
    """The auth files that count, the first one first; REGISTRY_AUTH_FILE stands for all others."""
    if alone := environ.get("REGISTRY_AUTH_FILE"):
        return [alone]
    runtime = environ.get("XDG_RUNTIME_DIR")
    paths = [f"{runtime}/containers/auth.json" if runtime else f"/run/containers/{uid}/auth.json"]
    home = environ.get("HOME")
    if config := environ.get("XDG_CONFIG_HOME") or (home and f"{home}/.config"):
        paths.append(f"{config}/containers/auth.json")
    if docker := environ.get("DOCKER_CONFIG") or (home and f"{home}/.docker"):
        paths.append(f"{docker}/config.json")
    return paths


async def find_login(reference: Reference, environ: Mapping[str, str], uid: int) -> Login | None:
    """The login for a repository; None where there is none. Raises RegistryError."""
    for path in auth_paths(environ, uid):
        data = _read(path)
        if data is None:
            continue
        found = parse_auth_file(data, path).find(reference.domain, reference.path)
        if isinstance(found, Helper):
            found = await _ask(found, environ)
        if found is not None:
            return found
    return None


def _read(path: str) -> bytes | None:
    """The content of a regular file; a pipe or a device in its place is not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RegistryError(f"{path}: {_cause(error)}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise RegistryError(f"{path}: is not a regular file")
        with open(fd, "rb", closefd=False) as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise RegistryError(f"{path}: {_cause(error)}") from error
    finally:
        os.close(fd)
    if len(data) > _MAX_FILE:
        raise RegistryError(f"{path}: is larger than {_MAX_FILE} bytes")
    return data


def _cause(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


async def _ask(helper: Helper, environ: Mapping[str, str]) -> Login | None:
    program = f"docker-credential-{helper.name}"
    try:
        with trio.fail_after(_HELPER_SECONDS):
            done = await trio.run_process(
                [program, "get"],
                stdin=helper.server.encode(),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env=dict(environ),
            )
    except trio.TooSlowError:
        raise RegistryError(f"{program}: no answer within {_HELPER_SECONDS} seconds") from None
    except OSError as error:
        raise RegistryError(f"start {program}: {_cause(error)}") from error
    return _answer(done, program, helper.server)


def _answer(done: subprocess.CompletedProcess[bytes], program: str, server: str) -> Login | None:
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if _ABSENT in said:
            return None
        raise RegistryError(f"{program}: exit status {done.returncode}: {said[:300]}")
    try:
        answer = json.loads(done.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        # What it printed may hold a secret.
        raise RegistryError(f"{program}: its answer for {server} cannot be read") from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise RegistryError(f"{program}: its answer for {server} cannot be read")
    if username == _TOKEN_USER:
        return Login(username="", password="", identity_token=secret)
    return Login(username=username, password=secret)
