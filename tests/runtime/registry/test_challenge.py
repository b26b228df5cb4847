"""What a registry asks for, read from the header it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import RegistryError
from runtime.registry.challenge import Challenge, choose_challenge, parse_challenges

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/busybox:pull,push"'
)


def test_a_bearer_challenge_is_read() -> None:
    """A comma inside a quoted value does not end it."""
    assert parse_challenges(HUB) == [
        Challenge(
            scheme="bearer",
            parameters={
                "realm": "https://auth.docker.io/token",
                "service": "registry.docker.io",
                "scope": "repository:library/busybox:pull,push",
            },
        )
    ]


def test_several_challenges_are_told_apart() -> None:
    """A scheme begins a new offer, also one without parameters."""
    found = parse_challenges('Negotiate, BASIC realm="a \\"b\\"", Bearer realm=x')
    assert found == [
        Challenge(scheme="negotiate", parameters={}),
        Challenge(scheme="basic", parameters={"realm": 'a "b"'}),
        Challenge(scheme="bearer", parameters={"realm": "x"}),
    ]
    assert choose_challenge(found).scheme == "bearer"
    assert choose_challenge(found[:2]).scheme == "basic"


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ('Bearer realm="open', "WWW-Authenticate cannot be read"),
        ('Bearer realm="a",realm="b"', "WWW-Authenticate has 'realm' twice"),
        ("=", "WWW-Authenticate cannot be read"),
        ("a" * 8193, "WWW-Authenticate is longer than 8192 characters"),
    ],
)
def test_broken_headers_are_refused(header: str, problem: str) -> None:
    """What can be read in two ways, or in none, is not guessed at."""
    with pytest.raises(RegistryError, match=problem):
        parse_challenges(header)


@pytest.mark.parametrize(
    ("header", "offered"), [("", "nothing"), ("NTLM, Digest a=b", "ntlm, digest")]
)
def test_other_schemes_are_refused(header: str, offered: str) -> None:
    """The error says what the registry would have taken."""
    with pytest.raises(RegistryError, match=f"asks for {offered}; only bearer and basic"):
        choose_challenge(parse_challenges(header))


@given(st.one_of(st.text(max_size=40), st.text(alphabet='Bb ,="\\a\t', max_size=20)))
def test_any_header_is_read_or_refused(header: str) -> None:
    """No header raises anything else."""
    try:
        parse_challenges(header)
    except RegistryError as error:
        assert str(error).startswith("WWW-Authenticate ")


@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,6}\Z"), st.text(max_size=20), max_size=4))
def test_quoted_values_are_read_back(parameters: dict[str, str]) -> None:
    """Whatever stands in quotes arrives unchanged."""
    escaped = {
        name: text.replace("\\", "\\\\").replace('"', '\\"') for name, text in parameters.items()
    }
    header = "Bearer " + ", ".join(f'{name}="{text}"' for name, text in escaped.items())
    assert parse_challenges(header) == [Challenge(scheme="bearer", parameters=parameters)]
