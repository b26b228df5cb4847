"""registries.toml: what it says, and all that may be wrong with it."""

from __future__ import annotations

import pytest

from runtime.registry.settings import Mirror, Registries, RegistrySettings
from supervisor.problems import JobsFileError
from supervisor.registriesfile import read_registries

GOOD = b"""
[registries."docker.io"]
mirrors = ["mirror.example:5000", "cache.example/hub"]

[registries."mirror.example:5000"]
ca_file = "mirror.pem"

[registries."127.0.0.1:5000"]
insecure = true
"""

BAD = b"""
mirrors = []
[registries."docker.io"]
mirrors = ["https://a.io", 1, "a.io"]
mirror = []
[registries."index.docker.io"]
[registries.name]
[registries."a.io"]
insecure = true
ca_file = ""
[registries."b.io"]
insecure = 1
[registries."localhost"]
ca_file = "x"
insecure = true
"""


def test_a_file_is_read() -> None:
    """Mirrors in their order; a path that is relative is beside the file."""
    assert read_registries(GOOD, "/etc/pocker/registries.toml") == Registries(
        tables={
            "docker.io": RegistrySettings(
                mirrors=(
                    Mirror(domain="mirror.example:5000"),
                    Mirror(domain="cache.example", path="hub"),
                )
            ),
            "mirror.example:5000": RegistrySettings(ca_file="/etc/pocker/mirror.pem"),
            "127.0.0.1:5000": RegistrySettings(insecure=True),
        }
    )
    assert read_registries(b"", "/x") == Registries()


TOLD = """
2: mirrors: unknown key
4: registries."docker.io".mirrors[0]: 'https://a.io' is not HOST[:PORT][/PATH]; https is used by itself
4: registries."docker.io".mirrors[1]: must be a string, not a whole number
5: registries."docker.io".mirror: unknown key; did you mean "mirrors"?
7: registries.name: 'name' names no registry: there is neither a dot nor a port in it, nor is it localhost
9: registries."a.io".insecure: a.io is another machine; name the authority of its certificate with ca_file
10: registries."a.io".ca_file: is empty, not a path
12: registries."b.io".insecure: must be true or false, not a whole number
15: registries.localhost.insecure: with it no certificate counts, that of ca_file too
"""  # noqa: E501  # as a user sees it


def test_all_mistakes_are_told_with_line_and_key() -> None:
    """In the order of the file, as for a jobs file."""
    with pytest.raises(JobsFileError) as refused:
        read_registries(BAD, "/r.toml")
    told = "".join(f"{problem}\n" for problem in refused.value.problems)
    assert told.replace("/r.toml:", "") == TOLD[1:]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            b'[registries."docker.io"]\n[registries."index.docker.io"]',
            ':2: registries."index.docker.io": docker.io is set twice',
        ),
        (b"registries = 1", ":1: registries: must be a table, not a whole number"),
        (b"[registries", ":1: "),
        (b"\xff", ":1: byte 0xff is not UTF-8"),
    ],
)
def test_what_is_wrong_with_the_whole_is_told(text: bytes, problem: str) -> None:
    """A registry under two names, another type, and what is not TOML at all."""
    with pytest.raises(JobsFileError) as refused:
        read_registries(text, "/r.toml")
    assert str(refused.value).startswith(f"/r.toml{problem}")
