"""Where logins are kept, and how they go."""

from __future__ import annotations

import stat
from pathlib import Path

from runtime.images.reference import parse_reference
from runtime.registry.authfile import Login
from runtime.registry.credentials import find_login
from runtime.registry.keeping import forget_login, keep_login

ME = Login(username="me", password="secret")
IMAGE = parse_reference("a.io/app")
HELPER = """#!/bin/sh
case $1 in
store) cat >%(kept)s;;
get) test -e %(kept)s && cat %(kept)s || { echo credentials not found; exit 1; };;
erase) test "$(cat)" = a.io && rm %(kept)s;;
esac
"""


async def test_a_login_goes_where_there_is_one(tmp_path: Path) -> None:
    """Into docker's file at first, for its owner only; a link to it stays one."""
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    docker, podman = tmp_path / ".docker/config.json", tmp_path / "containers/auth.json"
    assert await keep_login("a.io", ME, environ, 7) == str(docker)
    assert stat.S_IMODE(docker.stat().st_mode) == 0o600
    assert await find_login(IMAGE, environ, 7) == ME
    podman.parent.mkdir()
    (tmp_path / "real").write_text('{"auths": {"a.io": {"auth": "eDp5"}}}')
    podman.symlink_to(tmp_path / "real")
    assert await keep_login("a.io", ME, environ, 7) == str(podman)
    assert podman.is_symlink()
    assert await find_login(IMAGE, environ, 7) == ME
    assert await forget_login("a.io", environ, 7) == [str(podman), str(docker)]
    assert await find_login(IMAGE, environ, 7) is None
    assert await forget_login("a.io", environ, 7) == []


async def test_a_helper_keeps_the_password(tmp_path: Path) -> None:
    """No file has it, and the helper forgets it again."""
    program = tmp_path / "docker-credential-test"
    program.write_text(HELPER % {"kept": tmp_path / "kept"})
    program.chmod(0o700)
    config = tmp_path / "config.json"
    config.write_text('{"credsStore": "test"}')
    environ = {"REGISTRY_AUTH_FILE": str(config), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert await keep_login("a.io", ME, environ, 7) == "docker-credential-test"
    assert config.read_text() == '{"credsStore": "test"}'
    assert await find_login(IMAGE, environ, 7) == ME
    assert await forget_login("a.io", environ, 7) == ["docker-credential-test"]
    assert await forget_login("a.io", environ, 7) == []
