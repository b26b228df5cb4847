"""Where logins are found: real files and real helper programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.errors import RegistryError
from runtime.images.reference import parse_reference
from runtime.registry.authfile import Login
from runtime.registry.credentials import auth_paths, find_login

IMAGE = parse_reference("a.io/team/app")
ENTRY = '{"auths": {"a.io": {"username": "%s", "password": "p"}}}'
STORE = '{"credsStore": "test"}'


def _environ(top: Path) -> dict[str, str]:
    """Directories of a user's own below `top`, and programs that a helper may need."""
    return {"HOME": str(top), "XDG_RUNTIME_DIR": str(top / "run"), "PATH": f"{top}:/usr/bin:/bin"}


def _put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def _helper(top: Path, script: str) -> None:
    program = top / "docker-credential-test"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    _put(f"{top}/.docker/config.json", STORE)


def test_the_paths_are_those_of_podman_and_docker() -> None:
    """Every variable moves the file that it is for, and REGISTRY_AUTH_FILE stands alone."""
    assert auth_paths({"HOME": "/h", "XDG_RUNTIME_DIR": "/r"}, 7) == [
        "/r/containers/auth.json",
        "/h/.config/containers/auth.json",
        "/h/.docker/config.json",
    ]
    assert auth_paths({"DOCKER_CONFIG": "/d", "XDG_CONFIG_HOME": "/c"}, 7) == [
        "/run/containers/7/auth.json",
        "/c/containers/auth.json",
        "/d/config.json",
    ]
    assert auth_paths({"REGISTRY_AUTH_FILE": "/f", "HOME": "/h"}, 7) == ["/f"]


async def test_the_first_file_with_a_login_decides(tmp_path: Path) -> None:
    """Files that are absent or know nothing of a registry are passed over."""
    environ = _environ(tmp_path)
    _runtime, config, docker = auth_paths(environ, 7)
    assert await find_login(IMAGE, environ, 7) is None
    _put(docker, ENTRY % "docker")
    _put(config, "{}")
    assert await find_login(IMAGE, environ, 7) == Login(username="docker", password="p")
    _put(config, ENTRY % "podman")
    assert await find_login(IMAGE, environ, 7) == Login(username="podman", password="p")


async def test_a_helper_is_asked(tmp_path: Path) -> None:
    """It is told the registry on its standard input, and its answer is the login."""
    script = 'read server; echo "{\\"Username\\":\\"$1 $server\\",\\"Secret\\":\\"s\\"}"'
    _helper(tmp_path, script)
    found = await find_login(IMAGE, _environ(tmp_path), 7)
    assert found == Login(username="get a.io", password="s")


async def test_a_helper_may_have_a_token(tmp_path: Path) -> None:
    """The user `<token>` says that the secret is an identity token."""
    _helper(tmp_path, """echo '{"Username":"<token>","Secret":"s"}'""")
    found = await find_login(IMAGE, _environ(tmp_path), 7)
    assert found == Login(username="", password="", identity_token="s")


async def test_a_helper_may_know_nothing(tmp_path: Path) -> None:
    """Its way to say so is no error."""
    _helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert await find_login(IMAGE, _environ(tmp_path), 7) is None


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo locked >&2; exit 3", "exit status 3: locked"),
        ("echo hunter2", "its answer for a.io cannot be read"),
        ("""echo '{"Username":"hunter2"}'""", "its answer for a.io cannot be read"),
        ("""echo '{"Username":"hunter2","Secret":1}'""", "its answer for a.io cannot be read"),
    ],
)
async def test_a_helper_that_fails_is_named(script: str, problem: str, tmp_path: Path) -> None:
    """The error has the helper's own words where it failed, and never its answer."""
    _helper(tmp_path, script)
    with pytest.raises(RegistryError) as refused:
        await find_login(IMAGE, _environ(tmp_path), 7)
    assert str(refused.value) == f"docker-credential-test: {problem}"


async def test_a_helper_that_is_absent_is_named(tmp_path: Path) -> None:
    """A file that names a program which is not there is not passed over."""
    _put(f"{tmp_path}/.docker/config.json", STORE)
    with pytest.raises(RegistryError) as refused:
        await find_login(IMAGE, _environ(tmp_path), 7)
    assert str(refused.value) == "start docker-credential-test: no such file or directory"


async def test_reading_is_bounded(tmp_path: Path) -> None:
    """A pipe, a directory and a huge file in place of an auth file are refused at once."""
    path = tmp_path / "auth.json"
    environ = {"REGISTRY_AUTH_FILE": str(path)}
    os.mkfifo(path)
    with pytest.raises(RegistryError, match=r"auth\.json: is not a regular file"):
        await find_login(IMAGE, environ, 7)
    path.unlink()
    path.mkdir()
    with pytest.raises(RegistryError, match=r"auth\.json: is not a regular file"):
        await find_login(IMAGE, environ, 7)
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(RegistryError, match=r"auth\.json: is larger than 1048576 bytes"):
        await find_login(IMAGE, environ, 7)
