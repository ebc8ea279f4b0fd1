"""Rules' SQL as text: SELECT … FROM 'topic filter' WHERE …, read into a Statement. Pure.

Source: "AWS IoT SQL reference" (AWS IoT developer guide). What AWS has beyond this (SET, CASE, nested
queries, cast, get_thing_shadow and other functions that `rule_values` does not name) is refused with words
that say so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from localcloud.aws.iot import rule_values as values
from localcloud.aws.iot.rule_values import Expression
from localcloud.mqtt.topics import is_filter

DEEPEST = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^'\\]|''|\\.)*')"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign><>|!=|<=|>=|[=<>+\-*/%(),.\[\]]))",
    re.DOTALL | re.ASCII,
)
_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_RESERVED = (
    "select",
    "from",
    "where",
    "as",
    "and",
    "or",
    "not",
    "case",
    "when",
    "set",
    "value",
    "in",
    "exists",
)
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")


class SqlError(ValueError):
    """The text is no statement; says where and why."""


class Token(NamedTuple):
    """A word of the text. `kind`: number, text, name, sign, end; `at`: where it starts."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Column:
    """What SELECT lists. `alias` None: no name can be made of the expression."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True)
class Statement:
    """A statement; `everything`: SELECT has a `*`."""

    everything: bool
    columns: tuple[Column, ...]
    topic_filter: str
    where: Expression | None


def parse(sql: str) -> Statement:
    """Read a statement. Raises SqlError."""
    reader = _Reader(sql)
    reader.expect("name", "select")
    everything, columns = False, []
    while True:
        if reader.take("sign", "*"):
            everything = True
        else:
            columns.append(_column(reader))
        if not reader.take("sign", ","):
            break
    reader.expect("name", "from")
    topic_filter = _text(reader.expect("text"))
    if not is_filter(topic_filter):
        raise SqlError(f"FROM '{topic_filter}' is no topic filter")
    where = reader.expression() if reader.take("name", "where") else None
    reader.expect("end")
    return Statement(everything, tuple(columns), topic_filter, where)


def parse_template(text: str) -> list[str | Expression]:
    """Read a substitution template, `…${expression}…`, into its parts. Raises SqlError."""
    parts: list[str | Expression] = []
    end = 0
    for found in _TEMPLATE.finditer(text):
        reader = _Reader(found[1])
        parts += [text[end : found.start()], reader.expression()]
        reader.expect("end")
        end = found.end()
    return [*parts, text[end:]]


def _column(reader: "_Reader") -> Column:
    expression = reader.expression()
    if reader.take("name", "as"):
        return Column(expression, reader.expect("name").text)
    return Column(expression, values.own_name(expression))


class _Reader:
    """Descends through the grammar, one method a level of binding."""

    def __init__(self, sql: str) -> None:
        self._tokens = _tokens(sql)
        self._place = 0
        self._depth = 0

    def take(self, kind: str, text: str | None = None) -> Token | None:
        """The next token when it is such, else None. Keywords have no case."""
        token = self._tokens[self._place]
        if token.kind != kind or (text is not None and token.text.lower() != text):
            return None
        self._place += 1
        return token

    def expect(self, kind: str, text: str | None = None) -> Token:
        """The next token. Raises SqlError when it is another."""
        return self.take(kind, text) or self._fail(text.upper() if text else f"a {kind}")

    def expression(self) -> Expression:
        """OR, which binds least."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise SqlError(f"expressions are nested more than {DEEPEST} deep")
        left = self._both("or", lambda: self._both("and", self._negation))
        self._depth -= 1
        return left

    def _both(self, word: str, inner: Callable[[], Expression]) -> Expression:
        left = inner()
        while self.take("name", word):
            left = values.Operation(word, (left, inner()))
        return left

    def _negation(self) -> Expression:
        times = 0
        while self.take("name", "not"):
            times += 1
        inner = self._comparison()
        for _ in range(times):
            inner = values.Operation("not", (inner,))
        return inner

    def _comparison(self) -> Expression:
        left = self._chain(("+", "-"), lambda: self._chain(("*", "/", "%"), self._signed))
        for sign in _COMPARISONS:
            if self.take("sign", sign):
                right = self._chain(("+", "-"), lambda: self._chain(("*", "/", "%"), self._signed))
                return values.Operation("<>" if sign == "!=" else sign, (left, right))
        return left

    def _chain(self, signs: tuple[str, ...], inner: Callable[[], Expression]) -> Expression:
        left = inner()
        while (token := self._tokens[self._place]).kind == "sign" and token.text in signs:
            self._place += 1
            left = values.Operation(token.text, (left, inner()))
        return left

    def _signed(self) -> Expression:
        if not self.take("sign", "-"):
            return self._primary()
        return values.Operation("-", (values.Constant(0), self._primary()))

    def _primary(self) -> Expression:
        if self.take("sign", "("):
            inner = self.expression()
            self.expect("sign", ")")
            return inner
        if token := self.take("number"):
            return values.Constant(float(token.text) if set(".eE") & set(token.text) else int(token.text))
        if token := self.take("text"):
            return values.Constant(_text(token))
        token = self.expect("name")
        if self.take("sign", "("):
            return self._call(token)
        word = token.text.lower()
        if word in values.WORDS:
            return values.Constant(values.WORDS[word])
        if word in _RESERVED:
            raise SqlError(f"{token.text} at {token.at} is not expected, or not served by the local cloud")
        return self._path(token)

    def _path(self, first: Token) -> Expression:
        steps: list[str | int] = [first.text]
        while True:
            if self.take("sign", "."):
                steps.append(self.expect("name").text)
            elif self.take("sign", "["):
                steps.append(int(self.expect("number").text.partition(".")[0]))
                self.expect("sign", "]")
            else:
                return values.Path(tuple(steps))

    def _call(self, name: Token) -> Expression:
        arguments: list[Expression] = []
        if not self.take("sign", ")"):
            while True:
                arguments.append(values.Everything() if self.take("sign", "*") else self.expression())
                if not self.take("sign", ","):
                    break
            self.expect("sign", ")")
        fault = values.call_fault(name.text.lower(), len(arguments))
        if fault:
            raise SqlError(f"{name.text} at {name.at}: {fault}")
        return values.Call(name.text.lower(), tuple(arguments))

    def _fail(self, wanted: str) -> NoReturn:
        token = self._tokens[self._place]
        found = "the end" if token.kind == "end" else f"'{token.text}'"
        raise SqlError(f"expected {wanted} at {token.at}, found {found}")


def _tokens(sql: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while match := _TOKEN.match(sql, at):
        kind = str(match.lastgroup)
        found.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    if sql[at:].strip():
        raise SqlError(f"'{sql[at:].strip()[:20]}' at {at} is not understood")
    return [*found, Token("end", "", len(sql))]


def _text(token: Token) -> str:
    return re.sub(r"''|\\(.)", lambda it: it[1] or "'", token.text[1:-1], flags=re.DOTALL)
