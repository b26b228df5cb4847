"""Where `pocker cp` puts what it copies: Docker's rules."""

from __future__ import annotations

import pytest

from supervisor.cli.copypath import (
    CopyError,
    Kind,
    Landing,
    Operand,
    check_operands,
    landing,
    name_of,
    wants_directory,
)


@pytest.mark.parametrize(
    ("text", "container", "path"),
    [
        ("web:/etc", "web", "/etc"),
        ("web:etc/a:b", "web", "/etc/a:b"),
        ("web:", "web", "/"),
        ("file", None, "file"),
        ("/a:b", None, "/a:b"),
        ("./a:b", None, "./a:b"),
        ("../a:b", None, "../a:b"),
        (":/etc", None, ":/etc"),
        ("-", None, "-"),
    ],
)
def test_whose_a_path_is(text: str, container: str | None, path: str) -> None:
    """A colon makes it a container's, unless it begins as only a path of the host does."""
    assert Operand.parse(text) == Operand(container, path)
    assert Operand.parse(text).is_stream == (text == "-")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a:/x", "b:/y", "copying between containers is not supported"),
        ("x", "y", "one of the two must be CONTAINER:PATH"),
        ("-", "y", "one of the two must be CONTAINER:PATH"),
        ("", "a:/x", "a path is empty"),
        ("a:/x\0", "y", "a path contains a NUL character"),
    ],
)
def test_what_is_no_copy(source: str, target: str, message: str) -> None:
    """One side is a container."""
    with pytest.raises(CopyError, match=message):
        check_operands(Operand.parse(source), Operand.parse(target))


@pytest.mark.parametrize(
    ("source", "kind", "target", "found", "lands"),
    [
        ("/s/f", "file", "/d", "directory", ("/d", "f")),
        ("/s/f", "file", "/d/", "directory", ("/d/", "f")),
        ("/s/f", "file", "/d/g", "file", ("/d", "g")),
        ("/s/f", "file", "/d/new", None, ("/d", "new")),
        ("f", "file", "new", None, (".", "new")),
        ("/s/d", "directory", "/d", "directory", ("/d", "d")),
        ("/s/d/", "directory", "/d", "directory", ("/d", "d")),
        ("/s/d/.", "directory", "/d", "directory", ("/d", "")),
        (".", "directory", "/d", "directory", ("/d", "")),
        ("/", "directory", "/d", "directory", ("/d", "")),
        ("/s/d", "directory", "/d/new", None, ("/d", "new")),
        ("/s/d", "directory", "/d/new/", None, ("/d", "new")),
        ("/s/d/.", "directory", "/d/new/.", None, ("/d", "new")),
        ("/s/d/../e", "directory", "/d", "directory", ("/d", "e")),
    ],
)
def test_where_it_comes_to_lie(
    source: str, kind: Kind, target: str, found: Kind | None, lands: tuple[str, str]
) -> None:
    """In a directory that is there, or under the name of what is to be or to be replaced."""
    assert landing(source, kind, target, found) == Landing(*lands)


@pytest.mark.parametrize(
    ("kind", "target", "found", "message"),
    [
        ("directory", "/d/f", "file", "cannot copy a directory to the file /d/f"),
        ("file", "/d/new/", None, "/d/new/: there is no such directory"),
        ("file", "/d/f/", "file", "/d/f/: there is no such directory"),
    ],
)
def test_where_it_cannot_lie(kind: Kind, target: str, found: Kind | None, message: str) -> None:
    """What is there is no directory, and what is written as one is to be there."""
    with pytest.raises(CopyError, match=message):
        landing("/s/x", kind, target, found)


def test_names_of_sources() -> None:
    """The contents of a directory have none of their own."""
    names = [name_of(path) for path in ("/a/b", "/a/b/", "/a/b/.", ".", "/", "//")]
    assert names == ["b", "b", "", "", "", ""]
    paths = ("/a/", "/a/.", "/a/..", "..", "/a", "/a.b")
    assert [wants_directory(path) for path in paths] == [True, True, True, True, False, False]
