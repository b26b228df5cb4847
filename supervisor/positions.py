"""On which line of a jobs file a key stands.

tomllib gives values only. A document is parsed a second time, by a parser that keeps positions,
when there is a problem to report; a correct file never pays for it.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

    from supervisor.problems import KeyPath


@frozen
class Positions:
    """The line, counted from 1, of every key path that a document defines."""

    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest table around it."""
        return self.lines.get(path[: self._depth(path)])

    def origin(self, path: KeyPath) -> KeyPath:
        """Where a value of a job really stands: in the job's own table, or in ``[defaults]``."""
        if len(path) < 3 or path[0] != "jobs":
            return path
        default = ("defaults", *path[2:])
        if self._depth(default) - len(default) > self._depth(path) - len(path):
            return default
        return path

    def _depth(self, path: KeyPath) -> int:
        return next((n for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)


def find_positions(text: bytes) -> Positions:
    """The positions of a document that tomllib accepts."""
    # Only a file with a problem pays for these imports.
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    tree = Parser(Language(tree_sitter_toml.language())).parse(text)
    lines: dict[KeyPath, int] = {}
    lengths: dict[KeyPath, int] = {}
    for node in tree.root_node.named_children:
        if node.type == "pair":
            _add_pair(node, (), lines)
        elif node.type in ("table", "table_array_element"):
            _add_table(node, lines, lengths)
    return Positions(lines)


def _add_table(node: Node, lines: dict[KeyPath, int], lengths: dict[KeyPath, int]) -> None:
    header, *pairs = (child for child in node.named_children if child.type != "comment")
    path: KeyPath = ()
    for key in _keys(header):
        # Below an array of tables a header speaks of the element that was written last.
        if path in lengths:
            path = (*path, lengths[path] - 1)
        path = (*path, key)
        lines.setdefault(path, _line(node))
    if node.type == "table_array_element":
        lengths[path] = lengths.get(path, 0) + 1
        path = (*path, lengths[path] - 1)
    lines[path] = _line(node)
    for pair in pairs:
        _add_pair(pair, path, lines)


def _add_pair(node: Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    if node.type != "pair":
        return
    key_node, *values = (child for child in node.named_children if child.type != "comment")
    for key in _keys(key_node):
        path = (*path, key)
        lines.setdefault(path, _line(node))
    for value in values:
        _add_value(value, path, lines)


def _add_value(node: Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    if node.type == "inline_table":
        for pair in node.named_children:
            _add_pair(pair, path, lines)
    elif node.type == "array":
        elements = (child for child in node.named_children if child.type != "comment")
        for position, element in enumerate(elements):
            lines[(*path, position)] = _line(element)
            _add_value(element, (*path, position), lines)


def _keys(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _keys(child)
    elif node.text is not None:
        # tomllib itself undoes the quotes and escapes of a quoted key.
        yield from tomllib.loads(f"{node.text.decode()} = 0")


def _line(node: Node) -> int:
    return node.start_point.row + 1
