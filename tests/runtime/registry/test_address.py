"""Where requests may go, and when they are tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import RegistryError
from runtime.registry.address import Origin, host_of, is_loopback, origin_of, redirected
from runtime.registry.answer import words_of
from runtime.registry.retry import pause


def test_docker_hub_is_served_elsewhere() -> None:
    """The domain in its names is not the host of its API."""
    assert host_of("docker.io") == "registry-1.docker.io"
    assert host_of("quay.io:444") == "quay.io:444"


def test_an_origin_has_its_port() -> None:
    """A port that is left out is that of the scheme, so that equal places compare equal."""
    assert (
        origin_of("https://a.io/x")
        == origin_of("HTTPS://A.io:443/y")
        == Origin("https", "a.io", 443)
    )
    assert origin_of("http://[::1]/") == Origin("http", "::1", 80)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://a.io/", "address 'ftp://a.io/' is not one of http or https"),
        ("https:///x", "address 'https:///x' is not one of http or https"),
        ("https://me:secret@a.io/", "address of a.io has credentials in it"),
    ],
)
def test_other_addresses_are_refused(url: str, problem: str) -> None:
    """The error says why, without a password."""
    with pytest.raises(RegistryError) as refused:
        origin_of(url)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("127.0.0.1.io", False),
        ("a", False),
    ],
)
def test_loopback_is_known_by_name(host: str, answer: bool) -> None:
    """No name server decides what may be sent in the clear."""
    assert is_loopback(host) is answer


def test_redirects_do_not_leave_encryption() -> None:
    """From https there is no way to http, not even to this machine."""
    assert redirected("https://a.io/v2/x", "../y") == "https://a.io/y"
    assert redirected("http://localhost:1/", "http://127.0.0.1:2/") == "http://127.0.0.1:2/"
    for source, target in [
        ("https://a.io/", "http://a.io/"),
        ("https://a.io/", "http://127.0.0.1/"),
        ("http://localhost/", "http://a.io/"),
    ]:
        with pytest.raises(RegistryError, match="redirects to plain http at"):
            redirected(source, target)


@given(st.text(max_size=30))
def test_any_location_is_followed_or_refused(location: str) -> None:
    """No header raises anything else."""
    try:
        assert origin_of(redirected("https://a.io/x", location)).scheme == "https"
    except RegistryError as error:
        assert str(error)


@given(st.binary(max_size=400))
def test_words_are_one_line(body: bytes) -> None:
    """A registry cannot write escape sequences or lines of its own into an error."""
    assert words_of(500, body).isprintable()
    assert len(words_of(500, body)) < 310


def test_pauses_grow_to_a_bound() -> None:
    """Each failure waits longer, and a registry may say how long, within reason."""
    assert [pause(n, None, 1.0) for n in (1, 2, 3, 4, 50)] == [0.5, 1.0, 2.0, 4.0, 30.0]
    assert pause(1, None, 0.0) == 0.25
    assert [pause(1, after, 1.0) for after in ("7", "9" * 99, "soon", "²")] == [7.0, 30.0, 0.5, 0.5]
