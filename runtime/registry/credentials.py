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
        data = read_bounded(path)
        if data is None:
            continue
        found = parse_auth_file(data, path).find(reference.domain, reference.path)
        if isinstance(found, Helper):
            found = await ask_helper(found, environ)
        if found is not None:
            return found
    return None


def read_bounded(path: str) -> bytes | None:
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


async def ask_helper(helper: Helper, environ: Mapping[str, str]) -> Login | None:
    """The login that a helper keeps; None where it has none. Raises RegistryError."""
    done = await _run(helper, "get", helper.server, environ)
    if _is_absent(done):
        return None
    _check(done, helper)
    return _answer(done, helper)


async def tell_helper(helper: Helper, verb: str, text: str, environ: Mapping[str, str]) -> None:
    """Let a helper keep or forget a login. Raises RegistryError."""
    _check(await _run(helper, verb, text, environ), helper)


async def _run(
    helper: Helper, verb: str, text: str, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    try:
        with trio.fail_after(_HELPER_SECONDS):
            return await trio.run_process(
                [helper.program, verb],
                stdin=text.encode(),
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env=dict(environ),
            )
    except trio.TooSlowError:
        raise RegistryError(
            f"{helper.program}: no answer within {_HELPER_SECONDS} seconds"
        ) from None
    except OSError as error:
        raise RegistryError(f"start {helper.program}: {_cause(error)}") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode(errors="replace").strip()


def _is_absent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode != 0 and _ABSENT in _said(done)


def _check(done: subprocess.CompletedProcess[bytes], helper: Helper) -> None:
    if done.returncode != 0:
        raise RegistryError(f"{helper.program}: exit status {done.returncode}: {_said(done)[:300]}")


def _answer(done: subprocess.CompletedProcess[bytes], helper: Helper) -> Login:
    # What it printed may hold a secret.
    unclear = RegistryError(f"{helper.program}: its answer for {helper.server} cannot be read")
    try:
        answer = json.loads(done.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise unclear from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise unclear
    if username == _TOKEN_USER:
        return Login(username="", password="", identity_token=secret)
    return Login(username=username, password=secret)
