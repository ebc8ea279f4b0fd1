"""What expressions of rules' SQL come to, for a message. Pure but for newuuid().

Source: "AWS IoT SQL reference": data types, operators, functions. A member that is not there, and an
operation on values of the wrong kind, is Undefined, which WHERE takes for false and SELECT leaves out.
"""

import base64
import binascii
import json
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn


class Undefined:
    """No value; unlike null."""


UNDEFINED = Undefined()
WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}


class NoJson(ValueError):  # noqa: N818 - names what is missing
    """The payload is no JSON, and the statement needs a member of it."""


@dataclass(frozen=True)
class Message:
    """What a rule sees. `timestamp` in milliseconds since 1970; `client_id` "N/A" when it came over HTTPS."""

    topic: str
    payload: bytes
    account: str
    timestamp: int
    client_id: str = "N/A"
    principal: str = "N/A"
    trace_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The payload. Raises NoJson."""
        try:
            return json.loads(self.payload.decode(), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise NoJson("the payload is no JSON") from error


@dataclass(frozen=True)
class Constant:
    """A literal."""

    value: object

    def evaluate(self, _: Message) -> Any:  # noqa: ANN401 - a value of SQL
        """Itself."""
        return self.value


@dataclass(frozen=True)
class Everything:
    """`*` as an argument: the payload, as bytes."""

    def evaluate(self, message: Message) -> Any:  # noqa: ANN401 - a value of SQL
        """The payload."""
        return message.payload


@dataclass(frozen=True)
class Path:
    """A member of the payload, or of a member; a number is a place in an array."""

    steps: tuple[str | int, ...]

    def evaluate(self, message: Message) -> Any:  # noqa: ANN401 - a value of SQL
        """The member, or UNDEFINED."""
        found: Any = message.json
        for step in self.steps:
            in_object = isinstance(step, str) and isinstance(found, dict) and step in found
            in_array = isinstance(step, int) and isinstance(found, list) and step < len(found)
            if not in_object and not in_array:
                return UNDEFINED
            found = found[step]
        return found


@dataclass(frozen=True)
class Operation:
    """An operator and what it works on."""

    sign: str
    operands: "tuple[Expression, ...]"

    def evaluate(self, message: Message) -> Any:  # noqa: ANN401 - a value of SQL
        """The result, or UNDEFINED."""
        return _OPERATORS[self.sign](*(it.evaluate(message) for it in self.operands))


@dataclass(frozen=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: "tuple[Expression, ...]"

    def evaluate(self, message: Message) -> Any:  # noqa: ANN401 - a value of SQL
        """The result, or UNDEFINED."""
        given = [it.evaluate(message) for it in self.arguments]
        return _FUNCTIONS[self.name][2](message, *given)


Expression = Constant | Everything | Path | Operation | Call


def own_name(expression: Expression) -> str | None:
    """What a column without an alias is called: a member's own name, a function's; others have none."""
    if isinstance(expression, Path):
        return next((str(step) for step in reversed(expression.steps) if isinstance(step, str)), None)
    return expression.name if isinstance(expression, Call) else None


def call_fault(name: str, count: int) -> str | None:
    """What is wrong with a call of a function with so many arguments; None when nothing is."""
    known = _FUNCTIONS.get(name)
    if known is None:
        return "no such function, or one that the local cloud does not serve"
    least, most, _ = known
    return None if least <= count <= most else f"takes {least} to {most} arguments, not {count}"


def _number(value: object) -> float | int | None:
    """Numbers, and texts that are numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            read = float(value)
        except ValueError:
            return None
        return read if math.isfinite(read) else None
    return None


def _arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
        first, second = _number(left), _number(right)
        if first is None or second is None:
            return UNDEFINED
        try:
            result = work(first, second)
        except (ZeroDivisionError, OverflowError):
            return UNDEFINED
        return result if math.isfinite(result) else UNDEFINED

    return compute


def _plus(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    """Numbers are added; with a text on one side, texts are joined."""
    if isinstance(left, str) or isinstance(right, str):
        return _joined(left, right)
    return _arithmetic(lambda first, second: first + second)(left, right)


def _joined(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    both = [_shown(left), _shown(right)]
    return UNDEFINED if None in both else "".join(str(it) for it in both)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def compare(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
        first, second = _number(left), _number(right)
        if first is not None and second is not None:
            return test(first, second)
        if isinstance(left, str) and isinstance(right, str):
            return test(left, right)
        return UNDEFINED

    return compare


def _equal(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if not (isinstance(left, str) and isinstance(right, str)):
        first, second = _number(left), _number(right)
        if first is not None and second is not None:
            return first == second
    return type(left) is type(right) and left == right


def _unequal(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    same = _equal(left, right)
    return same if same is UNDEFINED else not same


def _truth(value: object) -> bool | None:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value if isinstance(value, bool) else None


def _and(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    both = (_truth(left), _truth(right))
    return UNDEFINED if None in both else both[0] and both[1]


def _or(left: object, right: object) -> Any:  # noqa: ANN401 - a value of SQL
    both = (_truth(left), _truth(right))
    return UNDEFINED if None in both else both[0] or both[1]


def _not(value: object) -> Any:  # noqa: ANN401 - a value of SQL
    truth = _truth(value)
    return UNDEFINED if truth is None else not truth


def _topic(message: Message, place: object = None) -> Any:  # noqa: ANN401 - a value of SQL
    """topic(), or its n-th level; the first is 1."""
    if place is None:
        return message.topic
    levels = message.topic.split("/")
    if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= len(levels):
        return UNDEFINED
    return levels[place - 1]


def _encoded(_: Message, value: object, scheme: object) -> Any:  # noqa: ANN401 - a value of SQL
    data = value.encode() if isinstance(value, str) else value
    return base64.b64encode(data).decode() if isinstance(data, bytes) and scheme == "base64" else UNDEFINED


def _decoded(_: Message, value: object, scheme: object) -> Any:  # noqa: ANN401 - a value of SQL
    if not isinstance(value, str) or scheme != "base64":
        return UNDEFINED
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return UNDEFINED


def _of_texts(work: Callable[..., Any]) -> Callable[..., Any]:
    """A function of texts; values of other simple kinds count as their text."""

    def compute(_: Message, *given: object) -> Any:  # noqa: ANN401 - a value of SQL
        texts = [_shown(it) for it in given]
        return UNDEFINED if None in texts else work(*texts)

    return compute


def _shown(value: object) -> str | None:
    """A value as text; None where it has none."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float | dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return None


def text_of(value: object) -> str | None:
    """A value in a substitution template: its text; None when it is Undefined."""
    return _shown(value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_OPERATORS: dict[str, Callable[..., Any]] = {
    "or": _or,
    "and": _and,
    "not": _not,
    "=": _equal,
    "<>": _unequal,
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "+": _plus,
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
    "%": _arithmetic(math.fmod),
}
_MANY = 32
# Least and most arguments, and the function.
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "topic": (0, 1, _topic),
    "clientid": (0, 0, lambda message: message.client_id),
    "principal": (0, 0, lambda message: message.principal),
    "accountid": (0, 0, lambda message: message.account),
    "timestamp": (0, 0, lambda message: message.timestamp),
    "traceid": (0, 0, lambda message: message.trace_id),
    "newuuid": (0, 0, lambda _: str(uuid.uuid4())),
    "encode": (2, 2, _encoded),
    "decode": (2, 2, _decoded),
    "upper": (1, 1, _of_texts(str.upper)),
    "lower": (1, 1, _of_texts(str.lower)),
    "length": (1, 1, _of_texts(len)),
    "concat": (1, _MANY, _of_texts(lambda *texts: "".join(texts))),
    "startswith": (2, 2, _of_texts(str.startswith)),
    "endswith": (2, 2, _of_texts(str.endswith)),
    "isnull": (1, 1, lambda _, value: value is None),
    "isundefined": (1, 1, lambda _, value: value is UNDEFINED),
}
