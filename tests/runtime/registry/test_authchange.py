"""Logins written into the files of docker and podman."""

from __future__ import annotations

import json

import pytest

from runtime.errors import RegistryError
from runtime.registry.authchange import with_login, without_login
from runtime.registry.authfile import Login, parse_auth_file

ME = Login(username="me", password="a:b")
OLD = b"""{
  "credHelpers": {"x.io": "pass"},
  "auths": {
    "a.io": {"auth": "eDp5"}, "https://b.io/v1/": {"auth": "eDp5"}, "a.io/team": {"auth": "eDp5"}
  },
  "HttpHeaders": {"User-Agent": "x"}
}"""


@pytest.mark.parametrize("domain", ["docker.io", "a.io", "b.io", "c.io:5000"])
def test_a_login_is_found_again(domain: str) -> None:
    """It takes the place of an older one, by whatever name that went; all else stays."""
    for old in (None, b"{}", b'{"auths": null}', OLD):
        new = with_login(old, "/f", domain, ME)
        assert parse_auth_file(new, "/f").find(domain, "app") == ME
    assert json.loads(new)["HttpHeaders"] == {"User-Agent": "x"}
    assert parse_auth_file(new, "/f").find("a.io", "team/app") == Login(username="x", password="y")
    keys = list(json.loads(new)["auths"])
    assert len(keys) == (3 if domain in {"a.io", "b.io"} else 4)


def test_docker_finds_its_own_registry() -> None:
    """Docker looks for the address that its registry had first."""
    new = json.loads(with_login(None, "/f", "docker.io", ME))
    assert new == {"auths": {"https://index.docker.io/v1/": {"auth": "bWU6YTpi"}}}


def test_a_login_is_removed() -> None:
    """That of a part of the same registry is another one."""
    new = parse_auth_file(without_login(OLD, "/f", "b.io"), "/f")
    assert sorted(new.logins) == ["a.io", "a.io/team"]
    assert sorted(parse_auth_file(without_login(OLD, "/f", "a.io"), "/f").logins) == [
        "a.io/team", "b.io",
    ]  # fmt: skip


def test_what_cannot_be_kept_is_refused() -> None:
    """A user with a colon would be read as another one; a broken file is not written over."""
    with pytest.raises(RegistryError, match="has a colon in it"):
        with_login(None, "/f", "a.io", Login(username="a:b", password="c"))
    with pytest.raises(RegistryError, match="/f: is not JSON"):
        with_login(b"{", "/f", "a.io", ME)
