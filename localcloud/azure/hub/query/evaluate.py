"""An expression over one twin.

A condition is true or it is not: everything but `true` counts as false, undefined and null too (reference,
"Expressions and conditions"). A comparison with something that is not there, of two different kinds, or of
objects and lists is undefined, and so no reason to include a twin, `!=` as little as `=`.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.azure.hub.query.language import (
    UNDEFINED,
    Array,
    Attribute,
    Binary,
    Call,
    Expression,
    Literal,
    Scalar,
    Unary,
    Undefined,
)

Twin = Mapping[str, Any]
Value = Any


def holds(where: Expression | None, twin: Twin) -> bool:
    """Whether a twin is meant."""
    return where is None or value_of(where, twin) is True


def value_of(expression: Expression, twin: Twin) -> Value:
    """What an expression is for a twin; UNDEFINED where there is nothing."""
    match expression:
        case Attribute(path):
            return lookup(twin, path)
        case Literal(value):
            return value
        case Array(items):
            return list(items)
        case Binary(sign, left, right):
            return _binary(sign, left, right, twin)
        case Unary("NOT", operand):
            return value_of(operand, twin) is not True
        case Unary(_, operand):
            return _arithmetic("-", 0, value_of(operand, twin))
        case Call(name, arguments):
            return _FUNCTIONS[name](*(value_of(it, twin) for it in arguments))


def lookup(twin: Twin, path: tuple[str, ...]) -> Value:
    """The value at a path. The twin's own members are found in any case (the reference's example selects
    DeviceId), names below them exactly as written. A leading `devices` or `modules` may stand before them.
    """
    names = path[1:] if len(path) > 1 and path[0].lower() in ("devices", "modules") else path
    value: Any = twin
    for depth, name in enumerate(names):
        if not isinstance(value, Mapping):
            return UNDEFINED
        key = canonical(value, name) if depth == 0 else name
        if key not in value:
            return UNDEFINED
        value = value[key]
    return value


def canonical(twin: Twin, name: str) -> str:
    """The spelling of one of the twin's own members."""
    if name in twin:
        return name
    wanted = name.lower()
    return next((it for it in twin if it.lower() == wanted), name)


def _binary(sign: str, left: Expression, right: Expression, twin: Twin) -> Value:
    if sign == "AND":
        return holds(left, twin) and holds(right, twin)
    if sign == "OR":
        return holds(left, twin) or holds(right, twin)
    first, second = value_of(left, twin), value_of(right, twin)
    if sign in ("IN", "NIN"):
        return _membership(sign, first, second)
    if sign in _ARITHMETIC:
        return _arithmetic(sign, first, second)
    return _comparison(sign, first, second)


def _membership(sign: str, value: Value, items: list[Scalar | Undefined]) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    found = any(_comparison("=", value, item) is True for item in items)
    return found if sign == "IN" else not found


def _comparison(sign: str, left: Value, right: Value) -> Value:
    kind = _kind(left)
    if kind is None or kind != _kind(right):
        if {kind, _kind(right)} <= {"null", "text", "number", "truth"} and "null" in (kind, _kind(right)):
            return {"=": False, "!=": True}.get(sign, UNDEFINED)
        return UNDEFINED
    if kind in ("null", "truth") and sign not in ("=", "!="):
        return UNDEFINED
    return _COMPARISONS[sign](left, right)


def _kind(value: Value) -> str | None:
    """None for what cannot be compared: undefined, objects and lists."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    if _kind(left) != "number" or _kind(right) != "number":
        return UNDEFINED
    try:
        return _ARITHMETIC[sign](left, right)
    except (ZeroDivisionError, OverflowError):
        return UNDEFINED


def _text_test(test: Callable[[str, str], bool]) -> Callable[[Value, Value], Value]:
    def run(text: Value, part: Value) -> Value:
        return test(text, part) if isinstance(text, str) and isinstance(part, str) else UNDEFINED

    return run


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "IS_DEFINED": lambda value: value is not UNDEFINED,
    "STARTSWITH": _text_test(str.startswith),
    "ENDSWITH": _text_test(str.endswith),
}
