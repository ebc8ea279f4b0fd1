"""Words, texts, numbers and signs of a query."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from fleet.errors import shown


class Kind(enum.Enum):
    """What a token is."""

    WORD = "word"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it begins; the first character is 0."""

    kind: Kind
    text: str
    at: int

    @property
    def upper(self) -> str:
        """A word in upper case: keywords ignore case."""
        return self.text.upper() if self.kind is Kind.WORD else self.text

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else shown(self.text)


class QueryError(Exception):
    """A text that is no query: the first place where it stops to be one."""

    def __init__(self, at: int, wrong: str, right: str) -> None:
        self.at = at
        self.wrong = wrong
        self.right = right
        super().__init__(f"character {at + 1}: {wrong}; {right}")


_NAME = "[A-Za-z_$][A-Za-z0-9_$]*"
_PATTERNS: tuple[tuple[Kind | None, str], ...] = (
    (None, r"\s+"),
    (Kind.TEXT, r"'(?:[^'\\]|\\['\"\\]|\\u[0-9a-fA-F]{4})*'|\"(?:[^\"\\]|\\['\"\\]|\\u[0-9a-fA-F]{4})*\""),
    (Kind.NUMBER, r"0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
    (Kind.WORD, _NAME + r"(?:\.(?:" + _NAME + r"|\[\[[^\[\]]+\]\])(?:\[[0-9]+\])*)*"),
    (Kind.SIGN, r"<=|>=|<>|!=|[-+*/%=<>(),\[\]]"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind.name if kind else 'SPACE'}>{part})" for kind, part in _PATTERNS))


def tokens(text: str) -> list[Token]:
    """The tokens of a query, END last. Raises QueryError at the first character that begins none."""
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _no_token(text, at)
        if match.lastgroup != "SPACE":
            found.append(Token(Kind[str(match.lastgroup)], match[0], at))
        at = match.end()
    return [*found, Token(Kind.END, "", len(text))]


def _no_token(text: str, at: int) -> QueryError:
    if text[at] in "'\"":
        escapes = "escapes are \\', \\\", \\\\ and \\uXXXX"
        return QueryError(at, f"the text {shown(text[at:])} has no sound end", f"close its quote; {escapes}")
    if text[at] == ".":
        return QueryError(at, "a full stop with no property after it", "name the property, as in tags.line")
    return QueryError(at, f"{shown(text[at])} means nothing here", "put text in single quotes")
