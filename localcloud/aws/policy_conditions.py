"""The Condition element of policies: which operators there are, and whether conditions hold. Pure.

Source: "IAM JSON policy elements: Condition operators" and "Creating a condition with multiple keys or
values" (AWS IAM user guide). All operators and keys must hold; of several values one has to fit (none, for a
negated operator). A key that the request does not have fails, passes with `IfExists`, and passes a negated
operator.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Values = str | Sequence[str]
Fill = Callable[[str, bool], str | None]
_SET = re.compile(r"(?:(ForAnyValue|ForAllValues):)?(\w+?)(IfExists)?")
_NEGATED = re.compile(r"(String|Arn|Date|Numeric)Not|NotIp")


def spelt(key: str) -> str:
    """A key as it is compared: without case, but for the name of a thing's attribute."""
    name, bracket, rest = key.partition("[")
    return name.lower() + bracket + rest


def fault(given: object) -> str | None:
    """What is wrong with a Condition; None when nothing is."""
    if not isinstance(given, dict):
        return "must be an object"
    for operator, keys in given.items():
        found = _SET.fullmatch(str(operator))
        if not found or found[2] not in _OPERATORS or (found[2] == "Null" and found[3]):
            return f"{operator} is no operator"
        if not isinstance(keys, dict) or not keys:
            return f"{operator} must be an object of keys"
        for key, values in keys.items():
            if not _listed(values) or not all(isinstance(it, str | bool | int) for it in _listed(values)):
                return f"{operator}.{key} must be a text or a list of texts"
    return None


def hold(given: Mapping[str, Mapping[str, Any]], context: Mapping[str, Values], fill: Fill) -> bool:
    """Whether all conditions hold; `context` has keys as `spelt`; `fill` makes an expression of a
    value, with wildcards or without.
    """
    return all(
        _holds(operator, context.get(spelt(key)), [_text(it) for it in _listed(values)], fill)
        for operator, keys in given.items()
        for key, values in keys.items()
    )


def _holds(operator: str, actual: Values | None, wanted: list[str], fill: Fill) -> bool:
    found = _SET.fullmatch(operator)
    assert found is not None, "conditions are checked before they are used"
    over, name, if_exists = found.groups()
    if name == "Null":
        return any((actual is None) == (it.lower() == "true") for it in wanted)
    negated = _NEGATED.match(name) is not None
    if actual is None or (not isinstance(actual, str) and not actual):
        return bool(if_exists) or over == "ForAllValues" or (negated and over is None)
    test = _OPERATORS[name]
    fits = [any(test(one, value, fill) for value in wanted) for one in _listed(actual)]
    if over == "ForAllValues":
        return all(it != negated for it in fits)
    if over == "ForAnyValue":
        return any(it != negated for it in fits)
    return any(fits) != negated


def _equals(actual: str, wanted: str, fill: Fill) -> bool:
    expression = fill(wanted, False)
    return expression is not None and re.fullmatch(expression, actual, re.DOTALL) is not None


def _equals_ignoring_case(actual: str, wanted: str, fill: Fill) -> bool:
    expression = fill(wanted, False)
    return expression is not None and re.fullmatch(expression, actual, re.DOTALL | re.IGNORECASE) is not None


def _like(actual: str, wanted: str, fill: Fill) -> bool:
    """ARNs too: IAM compares their parts one by one, so there a `*` may fit more than it should."""
    expression = fill(wanted, True)
    return expression is not None and re.fullmatch(expression, actual, re.DOTALL) is not None


def _is_bool(actual: str, wanted: str, _: Fill) -> bool:
    return actual.lower() == wanted.lower() and actual.lower() in ("true", "false")


def _in_network(actual: str, wanted: str, _: Fill) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _compared(read: Callable[[str], float | None], test: Callable[[float, float], bool]) -> Any:  # noqa: ANN401
    def compare(actual: str, wanted: str, _: Fill) -> bool:
        left, right = read(actual), read(wanted)
        return left is not None and right is not None and test(left, right)

    return compare


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    """Seconds since 1970: an ISO 8601 date or such a number."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return _number(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON: one thing or a list of them
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda left, right: left == right,
    "NotEquals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanEquals": lambda left, right: left >= right,
}
# A negated operator has the test of its positive form: `_holds` turns the outcome round.
_OPERATORS: dict[str, Callable[[str, str, Fill], bool]] = {
    "Null": lambda *_: False,
    "Bool": _is_bool,
    "StringEquals": _equals,
    "StringNotEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringNotEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": _like,
    "StringNotLike": _like,
    "ArnEquals": _like,
    "ArnNotEquals": _like,
    "ArnLike": _like,
    "ArnNotLike": _like,
    "IpAddress": _in_network,
    "NotIpAddress": _in_network,
    **{f"Numeric{name}": _compared(_number, test) for name, test in _COMPARISONS.items()},
    **{f"Date{name}": _compared(_moment, test) for name, test in _COMPARISONS.items()},
}
