"""What the shells themselves make of Tab, once they have read what `pocker completion` prints."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import evolve

from runtime.images.manifest import OCI_MANIFEST, Descriptor
from runtime.images.naming import REF_NAME
from runtime.images.store import ImageStore
from tests.integration.cli.screen import screen
from tests.supervisor.cli.past import Past

Shell: TypeAlias = Callable[[str], list[str]]
"""The words that stand where the last one stood, once all that is offered for it was taken."""

_ALL, _TELL = "\x0f", "\x14"
"""The keys that insert all that is offered, and that write the line to a file."""
_STARTS: Mapping[str, str] = {
    "bash": """
        eval "$(pocker completion bash)"
        tell() { printf %s "$READLINE_LINE" >line; echo "<told>"; }
        bind -x '"\\C-t": tell'
        bind '"\\C-o": insert-completions'
        PS1='<ready>'
    """,
    "zsh": """
        autoload -Uz compinit && compinit -u -D
        eval "$(pocker completion zsh)"
        all() { _main_complete; compstate[insert]=all }
        zle -C all complete-word all
        tell() { printf %s "$BUFFER" >line; echo "<told>" }
        zle -N tell
        bindkey '^O' all '^T' tell
        PS1='<ready>'
    """,
}
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "bash": ("bash", "--noprofile", "--rcfile", "start", "-i"),
    "zsh": ("zsh", "-d", "-i"),
}
_ASK_FISH = "pocker completion fish | source; complete --do-complete $argv[1]"


def _variables(top: Path) -> dict[str, str]:
    """Those of a user who has nothing but the program."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(top), "ZDOTDIR": str(top), "LANG": "C.UTF-8"}


@contextmanager
def _typed_at(shell: str, top: Path) -> Iterator[Shell]:
    """Type at a shell that edits its line on a terminal."""
    for name in ("start", ".zshrc"):
        (top / name).write_text(f"cd {top}\n{_STARTS[shell]}")
    command = ["env", "-C", str(top), *_COMMANDS[shell]]
    with screen(command, rows=24, columns=200, environment=_variables(top)) as shown:
        shown.read_until("<ready>")

        def ask(line: str) -> list[str]:
            shown.type(f"{line}{_ALL}{_TELL}")
            shown.read_until("<told>")
            before, _ = _cut(line)
            completed = (top / "line").read_text()
            shown.type("\x15")
            return shlex.split(completed.removeprefix(before))

        yield ask


@contextmanager
def _fish(top: Path) -> Iterator[Shell]:
    """Let fish say what it would offer, which it does without a terminal."""

    def ask(line: str) -> list[str]:
        ended = subprocess.run(
            ["fish", "--no-config", "-c", _ASK_FISH, line],
            env=_variables(top),
            cwd=top,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stderr == ""
        return [offer.partition("\t")[0] for offer in ended.stdout.splitlines()]

    yield ask


def _cut(line: str) -> tuple[str, str]:
    """All but the last word, and that."""
    before, space, last = line.rpartition(" ")
    return before + space, last


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """Give each of the shells, which has learned to complete."""
    with _fish(tmp_path) if request.param == "fish" else _typed_at(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Give containers and images that have been made before."""
    past = Past(tmp_path)
    past.container("web", ended=False)
    past.container("old", ended=True)
    past.container("older", ended=True)
    image = Descriptor(media_type=OCI_MANIFEST, digest=f"sha256:{'0' * 64}", size=2)
    with ImageStore(past.settings.directories.image_store).changing() as entries:
        for name in ("base:3.19", "base:3.20", "other:latest"):
            entries.append(evolve(image, annotations={REF_NAME: f"docker.io/library/{name}"}))
    return past


def test_commands_and_options(shell: Shell) -> None:
    """Also in the middle of a line, behind `=`, and within quotes."""
    assert shell("pocker ru") == ["run"]
    assert shell("pocker re") == ["restart", "rename", "reload"]
    assert shell("pocker image l") == ["load", "ls"]
    assert shell("pocker run --cap-") == ["--cap-add", "--cap-drop"]
    assert shell("pocker run -d --pull ") == ["missing", "always", "never"]
    assert shell("pocker completion 'z") == ["zsh"]


def test_a_value_behind_an_equals_sign(shell: Shell) -> None:
    """It stays where it is."""
    assert shell("pocker run --pull=n") == ["--pull=never"]


def test_containers_and_images(shell: Shell, past: Past) -> None:
    """By name, with a tag or without."""
    pocker = shlex.join(["pocker", *past.options])
    assert shell(f"{pocker} rm ") == ["web", "old", "older"]
    assert shell(f"{pocker} start ol") == ["old", "older"]
    assert shell(f"{pocker} start old older ") == []
    assert shell(f"{pocker} rmi o") == ["other"]
    assert shell(f"{pocker} rmi base:3.2") == ["base:3.20"]
    assert shell(f"{pocker} rmi 'base:3.1") == ["base:3.19"]


def test_files(shell: Shell, tmp_path: Path) -> None:
    """The shell knows them itself; where a directory is wanted, only those."""
    (tmp_path / "place.toml").touch()
    (tmp_path / "places").mkdir()
    assert shell("pocker check place.") == ["place.toml"]
    assert [name.rstrip("/") for name in shell("pocker man plac")] == ["places"]
