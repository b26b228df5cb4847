"""Renders docs/jobs-toml.md from the classes that declare the keys.

``python -m supervisor.reference > docs/jobs-toml.md`` writes it; a test compares the two. A key's
docstring has its meaning, then ``Unset:`` for what leaving it out means where the default value
does not say so, then ``Example:`` with lines of TOML.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from attrs import NOTHING, fields_dict, frozen

from runtime.units import format_duration, format_size
from supervisor import kinds
from supervisor.jobspec import JobsFile, JobSpec
from supervisor.kinds import Kind, keys_of, kind_of
from supervisor.resources import Resources

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Program": (
        "image", "rootfs", "command", "entrypoint", "working_dir", "user", "group_add",
        "hostname", "extra_hosts", "init", "tty", "stdin_open",
    ),
    "Order and outcome": (
        "depends_on", "retries", "backoff", "restart", "timeout", "stop_signal",
        "stop_grace_period", "forward_signals", "success_codes", "allow_failure", "healthcheck",
    ),
    "Variables and labels": ("environment", "env_file", "labels"),
    "Files": ("volumes", "tmpfs", "devices", "read_only"),
    "Limits": (
        "memory", "memory_high", "memory_swap", "memory_reservation", "oom_policy", "hugetlb",
        "cpus", "cpuset", "cpu_weight", "pids_limit", "io", "ulimits",
    ),
    "Isolation": (
        "cap_add", "cap_drop", "privileged", "security_opt", "sysctls", "network_mode", "cgroup",
    ),
    "Output": ("keep_runs",
        "log",),
}  # fmt: skip
"""The order in which the keys of a job are explained."""

_SIZES = (kind_of(kinds.Size), kind_of(kinds.SwapSize))
_DURATIONS = (kind_of(kinds.Duration), kind_of(kinds.Timeout))
_DOCSTRING = re.compile(
    r"(?P<meaning>.*?)"
    r"(?:\n\n(?:Unset: (?P<unset>[^\n]*)\.(?:\n|$))?(?:Example: (?P<example>.*))?)?",
    re.DOTALL,
)

_INTRODUCTION = """\
# jobs.toml

<!-- Made by `python -m supervisor.reference` from the classes that read the file. -->

A jobs file says what to run, in what surroundings and in what order. It is TOML:

```toml
concurrency = 2

[defaults]
image = "host"
memory = "256m"

[jobs.fetch]
command = "date > /data/today"
volumes = ["./data:/data"]

[jobs.count]
command = ["wc", "-c", "/data/today"]
volumes = ["./data:/data:ro"]
depends_on = ["fetch"]
```

`pocker check FILE` reports every mistake of a file at once, each with its line, and starts
nothing. An unknown key is a mistake.

## Variables

`${NAME}` in a string is replaced by that variable of the supervisor's environment, before
anything else is read. A variable that is not set is a mistake, unless the text says otherwise:

| written | with a value | empty | not set |
| --- | --- | --- | --- |
| `${A}` | A | empty | mistake |
| `${A:-text}` | A | text | text |
| `${A-text}` | A | empty | text |
| `${A:?text}` | A | mistake: text | mistake: text |
| `${A?text}` | A | empty | mistake: text |
| `${A:+text}` | text | empty | empty |
| `${A+text}` | text | text | empty |

The text may hold variables itself. `$$` is one dollar sign, so `$${NAME}` reaches the shell of a
string command as `${NAME}`; `$NAME`, `$1` and `$(...)` reach it as they are.
"""

_DEFAULTS = """\
### `[defaults]`

Any key of a job but `depends_on`: it holds for every job that does not set the key itself.
Variables (`environment`) and `labels` are put together one by one. Where two keys exclude each
other (`image` and `rootfs`, `restart` and `retries`), a job that sets one puts the default of
the other aside.
"""

_JOBS = """\
### `[jobs.NAME]`

A job. Its name has at most 63 letters, digits, `_`, `.` and `-`, and begins with a letter or
digit. The keys are below. Durations, sizes and the like may be written as numbers or as text.
"""


@frozen(kw_only=True)
class KeyText:
    """What the reference says about a key."""

    name: str
    kind: Kind
    meaning: str
    default: str
    example: str


def key_texts(cls: type) -> dict[str, KeyText]:
    """The documentation of all keys that a class declares."""
    docstrings = _docstrings(cls)
    return {
        name: _key_text(name, annotation, fields_dict(cls)[name].default, docstrings[name])
        for name, annotation in keys_of(cls).items()
    }


def _docstrings(cls: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for statement, following in pairwise(definition.body):
        match statement, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = inspect.cleandoc(text)
    return found


def _key_text(name: str, annotation: Any, default: object, docstring: str) -> KeyText:
    kind, match = kind_of(annotation), _DOCSTRING.fullmatch(docstring)
    assert kind is not None
    assert match is not None
    return KeyText(
        name=name,
        kind=kind,
        meaning=" ".join(match["meaning"].split()),
        default=match["unset"] or _show_default(kind, default),
        example="\n".join(line.strip() for line in (match["example"] or "").splitlines()),
    )


def _show_default(kind: Kind, default: object) -> str:
    if default is NOTHING:
        return "required"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if kind in _SIZES and isinstance(default, int):
        return f'`"{format_size(default)}"`'
    if kind in _DURATIONS and isinstance(default, float):
        return f'`"{format_duration(default)}"`'
    if kind is kind_of(kinds.FileMode) and isinstance(default, int):
        return f'`"{default:o}"`'
    if isinstance(default, str):
        return f'`"{default}"`'
    if isinstance(default, int | float):
        return f"`{default:g}`"
    if isinstance(default, tuple) and default:
        return f"`{list(default)}`"
    # Nothing but empty lists and factories of empty tables is left.
    return "none"


def render() -> str:
    """The whole reference."""
    keys = key_texts(JobSpec) | key_texts(Resources)
    parts = [_INTRODUCTION, "## The file\n"]
    parts += [_entry(text) for text in key_texts(JobsFile).values()]
    parts += [_DEFAULTS, _JOBS]
    for title, names in SECTIONS.items():
        parts += [f"## {title}\n", *(_entry(keys[name]) for name in names)]
    return "\n".join(parts)


def _entry(text: KeyText) -> str:
    lines = [f"### `{text.name}`", "", *textwrap.wrap(text.meaning, 99), ""]
    lines += [f"- Type: {text.kind.text}", f"- Default: {text.default}", ""]
    if text.kind.table is not None:
        lines += [*_table(text.kind.table), ""]
    return "\n".join([*lines, "```toml", text.example, "```", ""])


def _table(cls: type) -> Iterator[str]:
    yield "| key of the table | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for text in key_texts(cls).values():
        kind = text.kind.text.replace("|", "\\|")
        yield f"| `{text.name}` | {kind} | {text.default} | {text.meaning} |"


if __name__ == "__main__":
    sys.stdout.write(render())
