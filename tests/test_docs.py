"""The documents are true as far as a program can tell: what they name is there, and works."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import click
import pytest

from runtime.security.capabilities import DEFAULT_CAPABILITIES, NAMES
from supervisor.cli.program import SECTIONS, program
from supervisor.jobsfile import load
from supervisor.states import Reason, RunState

TOP = Path(__file__).parent.parent
GENERATED = TOP / "docs/jobs-toml.md"
"""Compared with the code, example by example, in tests/supervisor/test_reference.py."""
DOCUMENTS = sorted(
    [TOP / "README.md", TOP / "CHANGELOG.md", TOP / "native/README.md", *TOP.glob("docs/*.md")]
)
WRITTEN = [document for document in DOCUMENTS if document != GENERATED]
GUIDE = (TOP / "docs/guide.md").read_text()
EXIT_CODES = (TOP / "docs/exit-codes.md").read_text()
COMMANDS = [name for section in SECTIONS.values() for name in section]
MAX_LINES = 300

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_RECIPE = re.compile(r"^([a-z][a-z-]*)(?: [^:\n]*)?:(?!=)", re.MULTILINE)
_SHOWN_RECIPE = re.compile(r"\./just ([a-z][a-z-]*)")
_SHOWN_COMMAND = re.compile(r"\bpocker ([a-z]+)\b([^`|\n]*)")
_OPTION = re.compile(r"(?<![\w-])-{1,2}[a-z][a-z-]*")
_FILE = re.compile(
    r"(?:supervisor|runtime|native|tests|bench|docs|examples|\.ci)/[\w./-]*"
    r"|[\w-]+\.(?:py|md|c|h)"
)


def _name(document: Path) -> str:
    return str(document.relative_to(TOP))


def _prose(text: str) -> str:
    """The text without its fenced blocks, where a `#` begins no heading."""
    return _FENCE.sub("", text)


def _anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as web sites for repositories make them."""
    headings = _HEADING.findall(_prose(document.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _broken(document: Path) -> Iterator[str]:
    for target in _LINK.findall(_prose(document.read_text())):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = document.parent / path if path else document
        if not place.exists() or (anchor and anchor not in _anchors(place)):
            yield target


def _is_below(name: str) -> bool:
    """Tell whether a bare file name is that of a source file."""
    packages = ("native", "runtime", "supervisor")
    return "/" not in name and any(any((TOP / package).rglob(name)) for package in packages)


def _unknown_options(text: str) -> Iterator[str]:
    with program.make_context("pocker", ["ps"]) as context:
        for name, rest in _SHOWN_COMMAND.findall(text):
            if name not in COMMANDS:
                continue  # prose, such as "pocker is"
            command = program.get_command(context, name)
            assert isinstance(command, click.Command)
            # What stands behind two blanks or a hash is an explanation.
            shown = re.split(r" {2}|#", rest)[0]
            if isinstance(command, click.Group) and (verb := shown.split()[:1]):
                command = command.get_command(context, verb[0]) or command
            known = {option for parameter in command.params for option in parameter.opts}
            yield from (
                f"{name} {option}"
                for option in _single(_OPTION.findall(shown), known)
                if option not in known
            )


def _single(options: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """The options one by one, where several letters stand behind one dash."""
    for option in options:
        if option in known or option.startswith("--"):
            yield option
        else:
            yield from (f"-{letter}" for letter in option[1:])


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file, and every anchor a heading in it."""
    assert list(_broken(document)) == []


@pytest.mark.parametrize("document", WRITTEN, ids=_name)
def test_jobs_files_load(document: Path) -> None:
    """Every jobs file that is shown can be copied as it is."""
    blocks = [block for kind, block in _FENCE.findall(document.read_text()) if kind == "toml"]
    for block in blocks:
        assert load(block.encode(), "/srv/x/jobs.toml", {}).jobs


@pytest.mark.parametrize("document", WRITTEN, ids=_name)
def test_documents_are_short(document: Path) -> None:
    """Nobody reads more than a few hundred lines."""
    assert len(document.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_recipes_exist(document: Path) -> None:
    """Whatever is shown behind ./just is in the justfile."""
    recipes = set(_RECIPE.findall((TOP / "justfile").read_text()))
    assert set(_SHOWN_RECIPE.findall(document.read_text())) <= recipes


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_options_exist(document: Path) -> None:
    """Every option that is shown behind a command is one of that command."""
    assert list(_unknown_options(document.read_text())) == []


@pytest.mark.parametrize("document", WRITTEN, ids=_name)
def test_sources_exist(document: Path) -> None:
    """Every source file that is named is there, by its path or below one of the packages."""
    files = set(filter(_FILE.fullmatch, _CODE.findall(document.read_text())))
    assert {text for text in files if not (TOP / text).exists() and not _is_below(text)} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_guide(name: str) -> None:
    """A command that --help lists is described."""
    assert re.search(rf"`{name}\b|\bpocker {name}\b", GUIDE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_exit_codes(name: str) -> None:
    """A user who writes a script finds what each command may exit with."""
    assert re.search(rf"`{name}\b|\bpocker {name}\b", EXIT_CODES)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    """Each reason has a row in the table of outcomes and one among the exit codes."""
    assert re.search(rf"^\| {reason} \|", GUIDE, re.MULTILINE)
    assert re.search(rf"\| {reason} \|", EXIT_CODES)


def test_every_state_is_named() -> None:
    """A state that `ps` may show is in the guide."""
    assert [state for state in RunState if not re.search(rf"\b{state}\b", GUIDE)] == []


def test_default_capabilities_are_those_of_the_code() -> None:
    """The guide lists the capabilities that a job has, and no other."""
    match = re.search(r"has the capabilities (.*?) \(", GUIDE, re.DOTALL)
    assert match is not None
    listed = set(re.findall(r"[A-Z_]+", match[1]))
    assert listed == {NAMES[number].removeprefix("CAP_") for number in DEFAULT_CAPABILITIES}


def test_readme_begins_with_the_two_commands() -> None:
    """Who opens the README sees at once what to type."""
    beginning = (TOP / "README.md").read_text()[:600]
    assert "./just demo " in beginning
    assert "./just test " in beginning


def test_changelog_has_a_place_for_what_is_new() -> None:
    """The newest section is that of the changes which no version has yet."""
    headings = re.findall(r"^## (.*)$", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
