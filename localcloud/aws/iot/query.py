"""Fleet indexing's query language, read into a test of a document.

Source: "Query syntax" and "Example thing queries" (AWS IoT developer guide): terms and phrases, fields,
prefixes, ranges, AND, OR, NOT and the hyphen, grouping, also within a field; AND where nothing stands; case
matters in field names only; at most twelve terms. A document has a list of values by field name
(`attributes.line`, `connectivity.connected`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Value = str | float | bool
Document = Mapping[str, Sequence[Value]]
Test = Callable[[Document], bool]
MOST_TERMS = 12
LONGEST_WITH_LEADING = 100
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<minus>-)(?=\S) |
      (?P<range>[\[{]\s*(?P<low>[^\s\]}]+)\s+TO\s+(?P<high>[^\s\]}]+)\s*[\]}]) |
      "(?P<phrase>(?:[^"\\]|\\.)*)" |
      (?P<field>[A-Za-z$_](?:[\w.$-]|\\.)*):(?=\S) |
      (?P<compare>[<>]=?)(?P<bound>[^\s()]+) |
      (?P<word>(?:[^\s()"\[\]{}:\\]|\\.)+)
    )""",
    re.VERBOSE,
)
_FORBIDDEN = re.compile(r"(?<!\\)[`@#%/';,<>]")


class InvalidQuery(ValueError):  # noqa: N818 - names the query, as AWS' InvalidQueryException does
    """The text is no query; says where."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int
    low: str = ""
    high: str = ""


def read(text: str) -> Test:
    """The test that a query is. Raises InvalidQuery."""
    if text.strip() == "*":
        return lambda _document: True
    reader = _Reader(text, _tokens(text))
    test = reader.alternatives(None)
    if reader.left():
        raise InvalidQuery(f"unexpected {reader.left()!r}")
    if reader.terms > MOST_TERMS:
        raise InvalidQuery(f"a query has at most {MOST_TERMS} terms, not {reader.terms}")
    if reader.leading > 1 or (reader.leading and len(text) > LONGEST_WITH_LEADING):
        raise InvalidQuery("one term may begin with a wildcard, in a query of at most 100 characters")
    return test


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise InvalidQuery(f"cannot be read at {text[at : at + 20]!r}")
        found.append(_token(match))
        at = match.end()
    return found


def _token(match: re.Match[str]) -> _Token:
    parts = match.groupdict()
    at = match.start()
    if parts["range"]:
        return _Token("range", parts["range"], at, parts["low"], parts["high"])
    if parts["compare"]:
        return _Token("compare", parts["compare"], at, parts["bound"])
    if parts["word"] is not None:
        return _word(parts["word"], at)
    for kind in ("open", "close", "minus", "phrase", "field"):
        if parts[kind] is not None:
            return _Token(kind, parts[kind], at)
    raise InvalidQuery(f"cannot be read at {match[0]!r}")


def _word(text: str, at: int) -> _Token:
    if text in ("AND", "OR", "NOT"):
        return _Token(text, text, at)
    if _FORBIDDEN.search(text):
        raise InvalidQuery(f"{text!r} has a character that queries do not take")
    return _Token("word", text, at)


class _Reader:
    """Recursive descent: alternatives of sequences of (negated) terms."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self.terms = 0
        self.leading = 0

    def left(self) -> str:
        """What was not read."""
        return self._text[self._tokens[self._next].at :] if self._next < len(self._tokens) else ""

    def alternatives(self, field: str | None) -> Test:
        """`a OR b`."""
        tests = [self._sequence(field)]
        while self._take("OR"):
            tests.append(self._sequence(field))
        return tests[0] if len(tests) == 1 else lambda it: any(test(it) for test in tests)

    def _sequence(self, field: str | None) -> Test:
        tests = [self._negated(field)]
        while self._take("AND") or self._peek() not in (None, "OR", "close"):
            tests.append(self._negated(field))
        return tests[0] if len(tests) == 1 else lambda it: all(test(it) for test in tests)

    def _negated(self, field: str | None) -> Test:
        if self._take("NOT") or self._take("minus"):
            test = self._negated(field)
            return lambda it: not test(it)
        return self._term(field)

    def _term(self, field: str | None) -> Test:
        token = self._token()
        if token.kind == "open":
            test = self.alternatives(field)
            if not self._take("close"):
                raise InvalidQuery("a parenthesis is not closed")
            return test
        if token.kind == "field":
            if field is not None:
                raise InvalidQuery(f"{token.text!r} stands within another field")
            return self._signed(_plain(token.text))
        self.terms += 1
        return _values(field, self._value_test(token))

    def _signed(self, field: str) -> Test:
        """What a field is to be; a hyphen before it is a sign, not an exclusion."""
        if not self._take("minus"):
            return self._term(field)
        token = self._token()
        if token.kind != "word":
            raise InvalidQuery(f"a value is missing before {token.text!r}")
        self.terms += 1
        return _values(field, self._value_test(token._replace(text=f"-{token.text}")))

    def _value_test(self, token: _Token) -> Callable[[Value], bool]:
        if token.kind == "phrase":
            wanted = _plain(token.text).lower()
            return lambda value: _spelt(value) == wanted
        if token.kind == "range":
            return _between(token.low, token.high, token.text[0] == "[", token.text[-1] == "]")
        if token.kind == "compare":
            return _compared(token.text, token.low)
        if token.kind != "word":
            raise InvalidQuery(f"a term is missing before {token.text!r}")
        self.leading += token.text[0] in "*?" and token.text != "*"
        pattern = _pattern(token.text)
        return lambda value: pattern.fullmatch(_spelt(value)) is not None

    def _token(self) -> _Token:
        if self._next == len(self._tokens):
            raise InvalidQuery("a term is missing at the end")
        self._next += 1
        return self._tokens[self._next - 1]

    def _peek(self) -> str | None:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        if self._peek() != kind:
            return False
        self._next += 1
        return True


def _values(field: str | None, test: Callable[[Value], bool]) -> Test:
    if field is None:
        return lambda it: any(test(value) for values in it.values() for value in values)
    return lambda it: any(test(value) for value in it.get(field, ()))


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", text.lower())
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(it) or re.escape(it[-1]) for it in parts), re.DOTALL)


def _between(low: str, high: str, with_low: bool, with_high: bool) -> Callable[[Value], bool]:
    above = (lambda _value: True) if low == "*" else _compared(">=" if with_low else ">", low)
    below = (lambda _value: True) if high == "*" else _compared("<=" if with_high else "<", high)
    return lambda value: above(value) and below(value)


def _compared(operator: str, bound: str) -> Callable[[Value], bool]:
    tests: dict[str, Callable[[int], bool]] = {
        "<": lambda it: it < 0,
        "<=": lambda it: it <= 0,
        ">": lambda it: it > 0,
        ">=": lambda it: it >= 0,
    }
    wanted = _plain(bound)
    return lambda value: tests[operator](_order(value, wanted))


def _order(value: Value, bound: str) -> int:
    """Below, at or above: as numbers where both are, as text otherwise."""
    left, right = _number(value), _number(bound)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    return (_spelt(value) > bound.lower()) - (_spelt(value) < bound.lower())


def _number(value: Value) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _spelt(value: Value) -> str:
    return str(value).lower()


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
