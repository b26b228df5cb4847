"""Compiled filters on disk: found again, and never trusted when they are not whole."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import StartError
from runtime.security import seccomp
from runtime.security.capabilities import DEFAULT_CAPABILITIES
from runtime.security.seccomp import cached_filter, compile_filter


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Forget what this process keeps in memory, so that the directory has to be read."""
    cached_filter.cache_clear()
    yield
    cached_filter.cache_clear()


def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(capabilities: frozenset[int]) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(seccomp, "compile_filter", refuse)


def test_second_process_does_not_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept program is the compiled one, and is found without compiling."""
    first = cached_filter(tmp_path, DEFAULT_CAPABILITIES)
    assert first == compile_filter(DEFAULT_CAPABILITIES)
    cached_filter.cache_clear()
    _no_compiler(monkeypatch)
    assert cached_filter(tmp_path, DEFAULT_CAPABILITIES) == first


def test_capabilities_do_not_share_a_file(tmp_path: Path) -> None:
    """Each set of capabilities has its own program, and no scratch file stays."""
    assert cached_filter(tmp_path, frozenset()) != cached_filter(tmp_path, DEFAULT_CAPABILITIES)
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["empty", "short", "flipped", "long", "another set's"])
def test_damaged_file_is_compiled_and_written_anew(tmp_path: Path, damage: str) -> None:
    """A file that is torn, changed or meant for other capabilities is replaced."""
    program = cached_filter(tmp_path, DEFAULT_CAPABILITIES)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    cached_filter(tmp_path, frozenset())
    (other,) = set(tmp_path.iterdir()) - {path}
    path.write_bytes(
        {
            "empty": b"",
            "short": content[:-8],
            "flipped": content[:40] + bytes([content[40] ^ 1]) + content[41:],
            "long": content + bytes(1 << 20),
            "another set's": other.read_bytes(),
        }[damage]
    )
    cached_filter.cache_clear()
    assert cached_filter(tmp_path, DEFAULT_CAPABILITIES) == program
    assert path.read_bytes() == content


def test_new_library_means_a_new_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that another version of libseccomp compiled is not used."""
    cached_filter(tmp_path, DEFAULT_CAPABILITIES)
    cached_filter.cache_clear()
    monkeypatch.setattr(seccomp, "version", lambda: "99.0.0")
    cached_filter(tmp_path, DEFAULT_CAPABILITIES)
    assert len(os.listdir(tmp_path)) == 2


def test_unusable_directory_is_a_clear_error(tmp_path: Path) -> None:
    """A directory that does not exist is named, with the cause."""
    with pytest.raises(StartError, match=f"seccomp filter at {tmp_path}/no/.*: No such file"):
        cached_filter(tmp_path / "no", DEFAULT_CAPABILITIES)


def test_missing_library_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libseccomp a start fails and says what is missing."""

    def missing(name: str) -> None:
        raise RuntimeError("Unable to find libseccomp")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(StartError, match=r"^load the seccomp library: unable to find libseccomp$"):
        compile_filter.__wrapped__(DEFAULT_CAPABILITIES)
