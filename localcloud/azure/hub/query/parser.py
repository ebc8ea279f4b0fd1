"""Tokens to a query or a condition, by recursive descent.

Binding, weakest first: OR, AND, NOT, comparisons with IN and NIN, + and -, * / and %. The published grammar
names the operators without an order; this is SQL's.
"""

from collections.abc import Callable
from typing import TypeVar

from localcloud.azure.hub.query import words
from localcloud.azure.hub.query.errors import QueryError
from localcloud.azure.hub.query.language import (
    UNDEFINED,
    Aggregate,
    Array,
    Attribute,
    Binary,
    Call,
    Column,
    Condition,
    Expression,
    Literal,
    Query,
    Scalar,
    Unary,
    Undefined,
)
from localcloud.azure.hub.query.lexer import Token, read_tokens

T = TypeVar("T")
LONGEST_QUERY = 8192
DEEPEST_NESTING = 50


def read_query(text: str) -> Query:
    """`SELECT … FROM … [WHERE …] [GROUP BY …]`. Raises QueryError."""
    parser = _Parser(text)
    query = parser.query()
    parser.finish()
    return query


def read_condition(text: str) -> Condition:
    """The target condition of a configuration: `*`, a bare condition, or `FROM devices.modules WHERE …`.

    Raises QueryError.
    """
    parser = _Parser(text)
    condition = parser.target()
    parser.finish()
    return condition


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_QUERY:
            raise QueryError(f"a query has at most {LONGEST_QUERY} characters, this one {len(text)}", 1)
        self._tokens = read_tokens(text)
        self._at = 0
        self._depth = 0

    # clauses

    def query(self) -> Query:
        self._need("SELECT")
        top = self._top()
        columns = self._columns()
        self._need("FROM")
        condition = self._source()
        group_by: tuple[Attribute, ...] = ()
        if self._take("GROUP"):
            self._need("BY")
            group_by = tuple(self._several(self._attribute))
        _check_grouping(columns, group_by, self._peek())
        return Query(condition, columns, group_by, top)

    def target(self) -> Condition:
        if self._take("*"):
            return Condition("devices", None)
        if self._take("FROM"):
            return self._source()
        return Condition("devices", self._expression())

    def finish(self) -> None:
        self._take(";")
        token = self._peek()
        if token.kind != "end":
            raise QueryError(f"{_shown(token)} does not belong here", token.position)

    def _top(self) -> int | None:
        if not self._take("TOP"):
            return None
        token = self._next()
        if not (token.kind == "number" and token.text.isdigit() and int(token.text) > 0):
            raise QueryError("TOP needs a whole number above 0", token.position)
        return int(token.text)

    def _columns(self) -> tuple[Column, ...]:
        if self._take("*"):
            return ()
        return tuple(self._several(self._column))

    def _column(self) -> Column:
        token = self._peek()
        function = token.text.upper()
        value: Attribute | Aggregate
        if token.kind == "word" and function in words.AGGREGATES and self._peek(1).text == "(":
            value = self._aggregate()
        else:
            value = self._attribute()
        alias = self._word("a name after AS") if self._take("AS") else ""
        return Column(value, alias)

    def _aggregate(self) -> Aggregate:
        function = self._next().text.upper()
        self._need("(")
        attribute = None if function == "COUNT" else self._attribute()
        self._need(")")
        return Aggregate(function, attribute)

    def _source(self) -> Condition:
        token = self._peek()
        collection = ".".join(self._attribute().path).lower()
        if collection not in words.COLLECTIONS:
            known = " and ".join(words.COLLECTIONS)
            raise QueryError(f"FROM {collection} is not served; {known} are", token.position)
        return Condition(collection, self._expression() if self._take("WHERE") else None)

    # expressions

    def _expression(self) -> Expression:
        self._deeper()
        left = self._conjunction()
        while self._take("OR"):
            left = Binary("OR", left, self._conjunction())
        self._depth -= 1
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self._take("AND"):
            left = Binary("AND", left, self._negation())
        return left

    def _negation(self) -> Expression:
        if not self._take("NOT"):
            return self._comparison()
        self._deeper()
        operand = self._negation()
        self._depth -= 1
        return Unary("NOT", operand)

    def _comparison(self) -> Expression:
        left = self._chain(words.SUMS, lambda: self._chain(words.PRODUCTS, self._factor))
        token = self._peek()
        operator = token.text.upper()
        if token.kind == "word" and operator in ("IN", "NIN"):
            self._next()
            return Binary(operator, left, self._array())
        if token.kind == "sign" and operator in words.COMPARISONS:
            self._next()
            right = self._chain(words.SUMS, lambda: self._chain(words.PRODUCTS, self._factor))
            return Binary(words.COMPARISONS[operator], left, right)
        return left

    def _chain(self, operators: frozenset[str], operand: Callable[[], Expression]) -> Expression:
        left = operand()
        while self._peek().kind == "sign" and self._peek().text in operators:
            left = Binary(self._next().text, left, operand())
        return left

    def _factor(self) -> Expression:
        token = self._peek()
        if token.kind == "number" or token.kind == "text" or _is_constant(token):
            return Literal(self._constant())
        if self._take("("):
            inner = self._expression()
            self._need(")")
            return inner
        if token.text == "[" and token.kind == "sign":
            return self._array()
        if self._take("-"):
            self._deeper()
            operand = self._factor()
            self._depth -= 1
            return Unary("-", operand)
        if token.kind == "word" and self._peek(1).text == "(" and self._peek(1).kind == "sign":
            return self._call()
        return self._attribute()

    def _call(self) -> Call:
        token = self._next()
        name = token.text.upper()
        if name not in words.FUNCTIONS:
            known = ", ".join(sorted(words.FUNCTIONS))
            raise QueryError(f"{token.text} is no function of twin queries; {known} are", token.position)
        self._need("(")
        arguments = tuple(self._several(self._expression))
        self._need(")")
        if len(arguments) != words.FUNCTIONS[name]:
            wants = words.FUNCTIONS[name]
            raise QueryError(f"{name} takes {wants} argument{'s' * (wants > 1)}", token.position)
        if name == "IS_DEFINED" and not isinstance(arguments[0], Attribute):
            raise QueryError("IS_DEFINED takes a property", token.position)
        return Call(name, arguments)

    def _array(self) -> Array:
        self._need("[")
        items = tuple(self._several(self._constant))
        self._need("]")
        return Array(items)

    def _constant(self) -> Scalar | Undefined:
        minus = self._take("-")
        token = self._next()
        if token.kind == "number":
            number = _number(token)
            return -number if minus else number
        if token.kind == "text" and not minus:
            return token.text
        if _is_constant(token) and not minus:
            return words.CONSTANTS.get(token.text.lower(), UNDEFINED)
        raise QueryError(f"a constant is expected, not {_shown(token)}", token.position)

    def _attribute(self) -> Attribute:
        first = self._peek()
        if first.kind == "word" and first.text.upper() in words.RESERVED:
            raise QueryError(f"a property is expected, not {first.text}", first.position)
        path = [self._word("a property")]
        while self._take("."):
            path.append(self._word("a property after the dot"))
        return Attribute(tuple(path))

    # tokens

    def _several(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self._take(","):
            found.append(one())
        return found

    def _word(self, wanted: str) -> str:
        token = self._next()
        if token.kind not in ("word", "quoted"):
            raise QueryError(f"{wanted} is expected, not {_shown(token)}", token.position)
        return token.text

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            message = f"the condition is nested deeper than {DEEPEST_NESTING} levels"
            raise QueryError(message, self._peek().position)

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token.kind not in ("word", "sign") or token.text.upper() != text:
            return False
        self._at += 1
        return True

    def _need(self, text: str) -> None:
        token = self._peek()
        if not self._take(text):
            raise QueryError(f"{text} is expected, not {_shown(token)}", token.position)


def _is_constant(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() in (*words.CONSTANTS, "undefined")


def _number(token: Token) -> int | float:
    if token.text[:2].lower() == "0x":
        return int(token.text, 16)
    number = float(token.text)
    if number in (float("inf"), float("-inf")):
        raise QueryError("the number is too large", token.position)
    return int(token.text) if token.text.isdigit() else number


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text[:40])


def _check_grouping(columns: tuple[Column, ...], group_by: tuple[Attribute, ...], token: Token) -> None:
    """With aggregates or GROUP BY, a plain column must be one that is grouped by."""
    if not group_by and not any(isinstance(it.value, Aggregate) for it in columns):
        return
    if not columns:
        raise QueryError("GROUP BY needs a list of columns, not *", token.position)
    for column in columns:
        if isinstance(column.value, Attribute) and column.value not in group_by:
            name = ".".join(column.value.path)
            raise QueryError(f"{name} must be in GROUP BY or inside an aggregate", token.position)
