"""The lines of keys."""

from __future__ import annotations

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from supervisor.positions import find_positions
from supervisor.problems import KeyPath, show_path

DOCUMENT = b'''\
# a comment
concurrency = 2
[defaults]
memory = "1m"
environment = { X = "1" }
[jobs.a] # another
command = [ # and another
  "x",
  # more
  "y"]
log.max_size = 1
text = """
[not.a.table]
"""
[[jobs.a.io]]
device = "x"
[jobs.a.io.deep]
k = 1
[[jobs.a.io]]
device = "y"
["jobs"."b.\\u0063"]
z = [{ q = 1 }, 2]
'''


def test_every_form_of_key_has_its_line() -> None:
    """Tables, arrays of tables, inline tables, lists, dotted and quoted keys are all found."""
    assert {show_path(path): line for path, line in find_positions(DOCUMENT).lines.items()} == {
        "concurrency": 2,
        "defaults": 3,
        "defaults.memory": 4,
        "defaults.environment": 5,
        "defaults.environment.X": 5,
        "jobs": 6,
        "jobs.a": 6,
        "jobs.a.command": 7,
        "jobs.a.command[0]": 8,
        "jobs.a.command[1]": 10,
        "jobs.a.log": 11,
        "jobs.a.log.max_size": 11,
        "jobs.a.text": 12,
        "jobs.a.io": 15,
        "jobs.a.io[0]": 15,
        "jobs.a.io[0].device": 16,
        "jobs.a.io[0].deep": 17,
        "jobs.a.io[0].deep.k": 18,
        "jobs.a.io[1]": 19,
        "jobs.a.io[1].device": 20,
        'jobs."b.c"': 21,
        'jobs."b.c".z': 22,
        'jobs."b.c".z[0]': 22,
        'jobs."b.c".z[0].q': 22,
        'jobs."b.c".z[1]': 22,
    }


def test_missing_key_is_looked_for_around_it() -> None:
    """What a document does not have is placed at the nearest table that it does have."""
    positions = find_positions(DOCUMENT)
    assert positions.line(("jobs", "a", "nope", 3)) == 6
    assert positions.line(("nope",)) is None
    assert positions.line(()) is None


def test_value_from_the_defaults_is_found_there() -> None:
    """A job's value is placed in the defaults only if the job itself does not have it."""
    positions = find_positions(DOCUMENT)
    assert positions.origin(("jobs", "a", "memory")) == ("defaults", "memory")
    assert positions.origin(("jobs", "a", "environment", "X")) == ("defaults", "environment", "X")
    assert positions.origin(("jobs", "a", "command", 0)) == ("jobs", "a", "command", 0)
    assert positions.origin(("jobs", "a", "nope")) == ("jobs", "a", "nope")
    assert positions.origin(("concurrency",)) == ("concurrency",)


KEYS = st.text(min_size=1, max_size=4)
VALUES = st.recursive(
    st.integers(0, 9) | st.booleans() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return _key(value) if isinstance(value, str) else str(value).lower()


def _key(text: str) -> str:
    # JSON writes what is outside of the basic plane as two surrogates, which TOML forbids.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _paths(value: object, path: KeyPath) -> set[KeyPath]:
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return {path}.union(*(_paths(inner, (*path, key)) for key, inner in entries))


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_every_path_that_toml_has_is_found(document: dict[str, object]) -> None:
    """The two parsers agree on which keys and list entries there are."""
    text = "".join(f"{_key(key)} = {_inline(value)}\n" for key, value in document.items())
    assert tomllib.loads(text) == document
    assert set(find_positions(text.encode()).lines) == _paths(document, ()) - {()}
