"""Recursive descent over the tokens of a query. It builds nothing: it ends, or says where it cannot go on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from fleet.errors import one_of, shown
from fleet.queries.tokens import Kind, QueryError, Token, tokens

_COMPARISONS = frozenset({"=", "!=", "<>", "<", ">", "<=", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
_MEMBERSHIP = frozenset({"IN", "NIN"})
_CONSTANTS = frozenset({"TRUE", "FALSE", "NULL", "UNDEFINED"})
_RESERVED = frozenset({"AND", "OR", "NOT", "SELECT", "FROM", "WHERE", "GROUP", "BY"}) | _MEMBERSHIP
_DEEPEST = 40
"""Nested parentheses; more are only met in a text that wants to do harm."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between queries.

    `functions` by their least and most arguments; `roots`: what an attribute begins with, None for anything.
    """

    functions: Mapping[str, tuple[int, int]]
    roots: tuple[str, ...] | None


class Parser:
    """Reads one query. Every method raises QueryError at the first place that does not fit."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._tokens = tokens(text)
        self._dialect = dialect
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """The token that is next."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """The next token, which is then behind; END stays."""
        token = self.token
        self._at += token.kind is not Kind.END
        return token

    def takes(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or signs; they are behind then."""
        following = self._tokens[self._at : self._at + len(words)]
        if [token.upper for token in following if token.kind is not Kind.TEXT] != list(words):
            return False
        self._at += len(words)
        return True

    def expect(self, word: str, right: str) -> None:
        """The next token must be this keyword or sign."""
        if not self.takes(word):
            raise self.error(f"{self.token} stands where {word} is due", right)

    def error(self, wrong: str, right: str) -> QueryError:
        """An error at the next token."""
        return QueryError(self.token.at, wrong, right)

    def end(self) -> None:
        """Nothing may follow."""
        if self.token.kind is not Kind.END:
            raise self.error(
                f"{self.token} follows a condition that is whole", "join conditions by AND or OR"
            )

    def condition(self) -> None:
        """Comparisons joined by AND and OR."""
        self._negated()
        while self.takes("AND") or self.takes("OR"):
            self._negated()

    def _negated(self) -> None:
        while self.takes("NOT"):
            pass
        self._compared()

    def _compared(self) -> None:
        self._computed()
        if self.token.upper in _COMPARISONS and self.token.kind is Kind.SIGN:
            self.take()
            self._computed()
        elif self.token.upper in _MEMBERSHIP:
            self.take()
            self._list()

    def _computed(self) -> None:
        self._operand()
        while self.token.kind is Kind.SIGN and self.token.text in _ARITHMETIC:
            self.take()
            self._operand()

    def _operand(self) -> None:
        while self.token.kind is Kind.SIGN and self.token.text in "+-":
            self.take()
        if self.takes("("):
            self._nested()
        elif self.token.text == "[" and self.token.kind is Kind.SIGN:
            self._list()
        elif self.token.kind is Kind.WORD and self.token.upper not in _RESERVED:
            self._word()
        elif self.token.kind in (Kind.TEXT, Kind.NUMBER):
            self.take()
        else:
            raise self.error(f"{self.token} stands where a value is due", "write a property or a constant")

    def _nested(self) -> None:
        self._inner()
        self.expect(")", "close the parenthesis")

    def _inner(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error("too many parentheses in each other", f"at most {_DEEPEST} can be")
        self.condition()
        self._depth -= 1

    def _list(self) -> None:
        self.expect("[", "a list of constants follows IN and NIN: ['a', 'b']")
        self._constant()
        while self.takes(","):
            self._constant()
        self.expect("]", "close the list")

    def _constant(self) -> None:
        while self.token.kind is Kind.SIGN and self.token.text in "+-":
            self.take()
        if self.token.kind in (Kind.TEXT, Kind.NUMBER) or self.token.upper in _CONSTANTS:
            self.take()
            return
        raise self.error(f"{self.token} stands where a constant is due", "put text in single quotes")

    def _word(self) -> None:
        word = self.take()
        if self.takes("("):
            self._arguments(word)
        elif word.upper not in _CONSTANTS:
            self._check_root(word)

    def _arguments(self, function: Token) -> None:
        known = self._dialect.functions
        if function.upper not in known:
            wrong = f"{shown(function.text)} is no function here"
            raise QueryError(function.at, wrong, one_of(known, function.upper, "function"))
        count = 0
        if not self.takes(")"):
            count = self._counted()
        least, most = known[function.upper]
        if not least <= count <= most:
            right = f"takes {least}" if least == most else f"takes {least} to {most}"
            raise QueryError(function.at, f"{function.upper} with {count} arguments", right)

    def _counted(self) -> int:
        self._inner()
        count = 1
        while self.takes(","):
            self._inner()
            count += 1
        self.expect(")", "close the parenthesis")
        return count

    def _check_root(self, word: Token) -> None:
        roots = self._dialect.roots
        if roots is None:
            return
        root = word.text.split(".")[0]
        if root.lower() not in {known.lower() for known in roots}:
            wrong = f"{shown(word.text)} is no property of a twin"
            near = difflib.get_close_matches(root[:200], roots, n=1, cutoff=0.7)
            guess = f"did you mean {near[0]}? " if near else ""
            right = f"{guess}conditions are on tags, properties.reported, deviceId and their like"
            raise QueryError(word.at, wrong, f"{right}; text stands in single quotes")
