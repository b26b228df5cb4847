"""Auth files of docker and podman."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import RegistryError
from runtime.registry.authfile import DOCKER_HUB, AuthFile, Helper, Login, parse_auth_file

PATH = "/home/a/.docker/config.json"


def _packed(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def _read(document: object) -> AuthFile:
    return parse_auth_file(json.dumps(document).encode(), PATH)


def test_a_password_may_hold_colons() -> None:
    """Only the first colon parts user and password."""
    file = _read({"auths": {"quay.io": _packed("me:a:b")}})
    assert file.find("quay.io", "x/y") == Login(username="me", password="a:b")
    assert file.find("quay.io:5000", "x/y") is None


@pytest.mark.parametrize(
    "key", [DOCKER_HUB, "docker.io", "index.docker.io", "https://registry-1.docker.io/"]
)
def test_docker_hub_has_many_names(key: str) -> None:
    """Whatever a program called Docker's registry, its login is found."""
    file = _read({"auths": {key: _packed("me:a")}})
    assert file.find("docker.io", "library/busybox") == Login(username="me", password="a")


def test_the_longest_key_wins() -> None:
    """A login for a part of a registry is used there and nowhere else."""
    file = _read({"auths": {"h.io": _packed("all:a"), "h.io/team/app": _packed("one:b")}})
    users = {path: file.find("h.io", path) for path in ("team/app", "team/app/x", "team/apple")}
    assert {path: login.username for path, login in users.items() if isinstance(login, Login)} == {
        "team/app": "one",
        "team/app/x": "one",
        "team/apple": "all",
    }


def test_helpers_are_named_for_registries() -> None:
    """A registry's own helper comes before the file, and the default one after it."""
    file = _read(
        {
            "auths": {"a.io": _packed("me:a"), "b.io": _packed("me:b"), "c.io": {}},
            "credHelpers": {"a.io": "pass"},
            "credsStore": "desktop",
        }
    )
    assert file.find("a.io", "x") == Helper(name="pass", server="a.io")
    assert file.find("b.io", "x") == Login(username="me", password="b")
    assert file.find("c.io", "x") == Helper(name="desktop", server="c.io")
    assert file.find("docker.io", "x") == Helper(name="desktop", server=DOCKER_HUB)


def test_identity_tokens_are_read() -> None:
    """A token stands where other files have a password."""
    file = _read({"auths": {"a.io": {"identitytoken": "t"}}})
    assert file.find("a.io", "x") == Login(username="", password="", identity_token="t")


def test_secrets_are_not_shown() -> None:
    """Who logs a login logs no secret."""
    shown = repr(Login(username="me", password="hunter2", identity_token="hunter3"))
    assert "me" in shown
    assert "hunter" not in shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{hunter2", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "the file: is not an object"),
        ('{"auths": []}', "auths: is not an object"),
        ('{"auths": {"a.io": "hunter2"}}', "auths.a.io: is not an object"),
        ('{"auths": {"a.io": {"auth": 1}}}', "auths.a.io.auth: is not a string"),
        (
            '{"auths": {"a.io": {"auth": "hunter2"}}}',
            "auths.a.io.auth: is not USER:PASSWORD in base64",
        ),
        (
            '{"credHelpers": {"a.io": "../hunter2"}}',
            "credHelpers.a.io: is not the name of a credential helper",
        ),
        ('{"credsStore": "-x"}', "credsStore: is not the name of a credential helper"),
    ],
)
def test_errors_name_the_file_and_the_key(text: str, problem: str) -> None:
    """A broken file is refused by name, and nothing of what may be secret is quoted."""
    with pytest.raises(RegistryError) as refused:
        parse_auth_file(text.encode(), PATH)
    assert str(refused.value) == f"{PATH}: {problem}"
    assert "hunter" not in str(refused.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    ["auths", "credHelpers", "credsStore", "auth", "identitytoken", "a.io"]
                ),
                inner,
                max_size=3,
            ),
        ),
    )
)
def test_any_document_is_read_or_refused(document: object) -> None:
    """No document raises anything else."""
    try:
        _read(document).find("a.io", "x")
    except RegistryError as error:
        assert str(error).startswith(PATH)
