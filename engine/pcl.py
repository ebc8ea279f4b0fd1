"""What the engine says about an imported resource: PCL, an HCL dialect, as far as it is plain data.

`pulumi import` writes blocks of attributes whose values are literals, lists and objects (pulumi/pkg/importer,
v3.259.0). References, calls and templates are valid PCL too, and refused here with a word on what was met.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from engine.errors import NotPlainError

#: As much of what was not understood is named, in characters.
_SHOWN: Final = 40
_WORDS: Final = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_PIECE: Final = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\\n]|\\.)*\")|(?P<word>[^\W\d][\w-]*)"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<mark>[{}\[\]=,])|(?P<end>\Z)|(?P<odd>\S+))",
)
_SPECIAL: Final = re.compile(r"\$\$\{|%%\{|\$\{|%\{|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)", re.DOTALL)


@dataclass
class Block:
    """One block: its labels, its attributes and the blocks in it."""

    kind: str
    labels: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


def read(description: str) -> list[Block]:
    """The blocks of a description. Raises NotPlainError for anything that is no plain data."""
    reader = _Reader(description)
    blocks = []
    while reader.kind != "end":
        blocks.append(reader.block(reader.take("word")))
    return blocks


class _Reader:
    """Reads pieces one after the other; `kind` and `text` are the next one's."""

    def __init__(self, description: str) -> None:
        self._pieces = self._cut(description)
        self.kind, self.text = next(self._pieces)

    @staticmethod
    def _cut(description: str) -> Iterator[tuple[str, str]]:
        for match in _PIECE.finditer(description):
            yield str(match.lastgroup), match[str(match.lastgroup)]

    def take(self, *wanted: str) -> str:
        """The next piece, which is of a wanted kind, or is that very mark."""
        if self.kind not in wanted and (self.kind != "mark" or self.text not in wanted):
            raise NotPlainError(f"{self._met()} where {' or '.join(wanted)} was expected")
        taken = self.text
        self.kind, self.text = next(self._pieces, ("end", ""))
        return taken

    def _met(self) -> str:
        return repr(self.text[:_SHOWN]) if self.text else "its end"

    def at(self, mark: str) -> bool:
        return (self.kind, self.text) == ("mark", mark)

    def block(self, kind: str) -> Block:
        labels = []
        while not self.at("{"):
            labels.append(self.key())
        made = Block(kind, labels)
        self.take("{")
        while not self.at("}"):
            name = self.take("word")
            if self.at("="):
                self.take("=")
                made.attributes[name] = self.value()
            else:
                made.blocks.append(self.block(name))
        self.take("}")
        return made

    def key(self) -> str:
        return unquoted(self.take("string")) if self.kind == "string" else self.take("word")

    def value(self) -> Any:  # noqa: ANN401 - any plain value
        if self.at("{"):
            return self._object()
        if self.at("["):
            return self._list()
        if self.kind == "string":
            return self.key()
        if self.kind == "number":
            return number(self.take("number"))
        if self.text not in _WORDS:
            raise NotPlainError(f"{self._met()} is no plain value")
        return _WORDS[self.take("word")]

    def _object(self) -> dict[str, Any]:
        made = {}
        self.take("{")
        while not self.at("}"):
            name = self.key()
            self.take("=")
            made[name] = self.value()
            if self.at(","):
                self.take(",")
        self.take("}")
        return made

    def _list(self) -> list[Any]:
        made = []
        self.take("[")
        while not self.at("]"):
            made.append(self.value())
            if not self.at("]"):
                self.take(",")
        self.take("]")
        return made


def number(digits: str) -> int | float:
    """A number as Python has it. Raises NotPlainError for one that no double holds."""
    if not math.isfinite(float(digits)):
        raise NotPlainError(f"{digits[:_SHOWN]} is too large")
    return float(digits) if set(digits) & set(".eE") else int(digits)


def unquoted(quoted: str) -> str:
    """What a quoted string stands for. Raises NotPlainError for one with an expression in it."""
    return _SPECIAL.sub(_plain, quoted[1:-1])


def _plain(match: re.Match[str]) -> str:
    code, escaped = match[1] or match[2], match[3]
    if code and (int(code, 16) < 0xD800 or 0xDFFF < int(code, 16) < 0x110000):
        return chr(int(code, 16))
    if escaped in _ESCAPES:
        return _ESCAPES[escaped]
    if match[0] in ("$${", "%%{"):
        return match[0][1:]
    raise NotPlainError(f"{match[0]!r} in a string")
