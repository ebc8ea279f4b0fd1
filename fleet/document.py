"""A YAML file as plain values, with the place of every value.

What could mislead is refused: duplicate keys, merge keys, tags, keys that are not text, words that YAML
readers take differently, aliases that blow up, files that are no text at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from fleet import scalars
from fleet.errors import Fault, Finding, FleetError, Path, shown

MOST_BYTES = 512 * 1024
MOST_LEVELS = 32
MOST_VALUES = 50_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file's value, where its parts stand, and what is wrong with it as YAML."""

    file: str
    value: Any
    marks: dict[Path, Mark]
    key_marks: dict[Path, Mark]
    faults: tuple[tuple[Finding, Mark], ...]

    def place(self, path: Path, *, at_key: bool = False) -> Mark | None:
        """Where the path stands; what is missing stands where its nearest parent's key does."""
        if path in self.marks:
            return self.key_marks.get(path, self.marks[path]) if at_key else self.marks[path]
        parents = (path[:end] for end in range(len(path) - 1, -1, -1))
        return next((self.key_marks.get(up, self.marks[up]) for up in parents if up in self.marks), None)


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's stages up to the node tree: no Python object is ever constructed from a tag."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._level = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:  # noqa: ANN401  as PyYAML has it
        """Compose one node; too deep a file ends here rather than at Python's recursion limit."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave its types out
        if self._level >= MOST_LEVELS:
            problem = f"more than {MOST_LEVELS} levels of nesting"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        explicit = getattr(event, "tag", None)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is not None and explicit is not None:
            node.tag = _EXPLICIT + explicit
        return node


_EXPLICIT = "explicit "
"""Marks a tag that the file spells out, where the resolver would else hide that it did."""

for _tag, _pattern, _first in scalars.RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def parse(data: bytes, file: str) -> Document:
    """The document in the bytes. Raises FleetError where there is none to go on with."""
    text = _decoded(data, file)
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise FleetError([_syntax_fault(error, file)]) from None
    except yaml.reader.ReaderError as error:
        wrong = f"the character {shown(chr(error.character))} cannot stand in YAML"
        line, column = _line_and_column(text, error.position)
        raise FleetError([Fault(file, line, column, "", wrong, "remove it")]) from None
    except (ValueError, OverflowError) as error:
        # PyYAML lets Python's own errors through, as on an escape beyond Unicode ("\UFFFFFFFF").
        raise FleetError(
            [Fault(file, None, None, "", f"this is no YAML: {error}", "mend the text")]
        ) from None
    if node is None:
        raise FleetError([Fault(file, None, None, "", "the file is empty", "write a stack into it")])
    return _Plain(file).document(node)


def _decoded(data: bytes, file: str) -> str:
    if len(data) > MOST_BYTES:
        right = f"a stack file has at most {MOST_BYTES // 1024} KB"
        raise FleetError([Fault(file, None, None, "", f"{len(data)} bytes are too many", right)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = f"the file is not UTF-8 text (byte {error.start})"
        raise FleetError([Fault(file, None, None, "", wrong, "a stack file is YAML in UTF-8")]) from None


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position].split("\n")
    return len(before), len(before[-1]) + 1


def _syntax_fault(error: yaml.MarkedYAMLError, file: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    wrong = "".join(char if char.isprintable() else " " for char in what)
    return Fault(file, line, column, "", f"this is no YAML: {wrong}", "mend the text around this place")


class _Plain:
    """Turns a node tree into plain values, with marks and findings by path. One use a file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._marks: dict[Path, Mark] = {}
        self._key_marks: dict[Path, Mark] = {}
        self._faults: list[tuple[Finding, Mark]] = []

    def document(self, node: Node) -> Document:
        value = self._value(node, ())
        return Document(self._file, value, self._marks, self._key_marks, tuple(self._faults))

    def _value(self, node: Node, path: Path) -> object:
        self._marks[path] = _mark(node)
        self._stop_a_bomb(node, path)
        if node.tag.startswith(_EXPLICIT):
            tag = node.tag.removeprefix(_EXPLICIT).replace("tag:yaml.org,2002:", "!!")
            self._note_at(node, path, f"the tag {shown(tag)}", "write the value without a tag")
            node.tag = scalars.STRING
        if isinstance(node, MappingNode):
            entries = {key: self._value(entry, (*path, key)) for key, entry in self._entries(node, path)}
            if list(entries) == ["secure"] and isinstance(entries["secure"], str):
                self._note_at(
                    node, path, "an encrypted value", "write it in clear; secrets have no place here"
                )
            return entries
        if isinstance(node, SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _stop_a_bomb(self, node: Node, path: Path) -> None:
        """Aliases share nodes, so a small file may unfold to any size, or to a loop."""
        if len(self._marks) <= MOST_VALUES and len(path) <= MOST_LEVELS:
            return
        wrong = f"the aliases unfold to more than {MOST_VALUES} values or {MOST_LEVELS} levels"
        place = _mark(node)
        raise FleetError(
            [Fault(self._file, place.line, place.column, "", wrong, "write values out instead of aliases")]
        )

    def _entries(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Node]]:
        seen: dict[str, int] = {}
        for key_node, entry in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            place = (*path, key)
            line = _mark(key_node).line
            if key in seen:
                wrong = f"the key {shown(key)} stands twice, first in line {seen[key]}"
                self._note_at(key_node, place, wrong, "keep one")
                continue
            seen[key] = line
            self._key_marks[place] = _mark(key_node)
            yield key, entry

    def _key(self, node: Node, path: Path) -> str | None:
        """The key as text; None where the entry is of no use at all."""
        if not isinstance(node, ScalarNode):
            self._note_at(node, path, "a key that is no text", "a key is plain text")
            return None
        if node.value == "<<" and node.style is None:
            self._note_at(node, (*path, "<<"), "a merge key", "write the keys out")
            return None
        if node.tag != scalars.STRING:
            self._note_at(node, (*path, node.value), f"the key {node.value} is no text", "put it in quotes")
        return str(node.value)

    def _scalar(self, node: Node, path: Path) -> object:
        if any("\ud800" <= char <= "\udfff" for char in node.value):
            self._note_at(node, path, "half a character (a lone surrogate)", "write the whole character")
        if node.tag == scalars.AMBIGUOUS:
            wrong = f"{node.value} is read in different ways by YAML readers"
            self._note_at(node, path, wrong, "put it in quotes, or write a plain decimal number")
        return scalars.VALUES[node.tag](node.value)

    def _note_at(self, node: Node, path: Path, wrong: str, right: str) -> None:
        """Note a finding that is about this very node, be it a key or a value."""
        self._faults.append((Finding(path, wrong, right), _mark(node)))


def _mark(node: Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)
