"""The kinds of queries that a description has, each with its dialect."""

from __future__ import annotations

from collections.abc import Callable

from fleet.queries.parser import Dialect, Parser
from fleet.queries.tokens import Kind, QueryError

QueryFault = tuple[str, str]
"""What is wrong with a query, with its place, and what would be right."""

TWINS = Dialect(
    {"IS_DEFINED": (1, 1)},
    (
        *("tags", "properties", "deviceId", "moduleId", "capabilities", "configurations"),
        *("status", "statusReason", "connectionState", "lastActivityTime", "statusUpdateTime"),
        *("authenticationType", "modelId", "deviceScope", "parentScopes", "etag", "deviceEtag", "version"),
        *("cloudToDeviceMessageCount", "x509Thumbprint"),
    ),
)
"""Queries on twins know one function; attributes are those of the twin's JSON ("Understand and use device
twins in IoT Hub", learn.microsoft.com)."""

MESSAGES = Dialect(
    {
        **dict.fromkeys(("ABS", "EXP", "SQUARE", "CEILING", "FLOOR", "SIGN", "SQRT"), (1, 1)),
        **dict.fromkeys(("AS_NUMBER", "IS_ARRAY", "IS_BOOL", "IS_DEFINED", "IS_NULL"), (1, 1)),
        **dict.fromkeys(("IS_NUMBER", "IS_OBJECT", "IS_PRIMITIVE", "IS_STRING"), (1, 1)),
        **dict.fromkeys(("LENGTH", "LOWER", "UPPER"), (1, 1)),
        **dict.fromkeys(("POWER", "INDEX_OF", "STARTS_WITH", "ENDS_WITH", "CONTAINS"), (2, 2)),
        "CONCAT": (2, 100),
        "SUBSTRING": (2, 3),
    },
    None,
)
"""Routing queries know more functions, and any property of a message."""

_SOURCES = ("devices", "devices.modules")


def target_fault(text: str, *, modules: bool) -> QueryFault | None:
    """What is wrong with a target condition. One for modules begins with `FROM devices.modules WHERE`."""
    if text.strip() == "*" and not modules:
        return None
    return _fault(text, TWINS, _module_target if modules else _device_target)


def metric_fault(text: str) -> QueryFault | None:
    """What is wrong with a metric: `SELECT … FROM devices [WHERE …] [GROUP BY …]`."""
    return _fault(text, TWINS, _metric)


def route_fault(text: str) -> QueryFault | None:
    """What is wrong with a routing query."""
    return _fault(text, MESSAGES, Parser.condition)


def _fault(text: str, dialect: Dialect, read: Callable[[Parser], None]) -> QueryFault | None:
    try:
        parser = Parser(text, dialect)
        read(parser)
        parser.end()
    except QueryError as error:
        return f"does not parse at character {error.at + 1}: {error.wrong}", error.right
    return None


def _device_target(parser: Parser) -> None:
    if parser.token.upper in ("FROM", "SELECT", "WHERE"):
        right = "write the condition alone; FROM devices.modules WHERE … is for content for modules"
        raise parser.error(f"{parser.token} begins a query, not a condition", right)
    parser.condition()


def _module_target(parser: Parser) -> None:
    right = "content for modules is targeted by FROM devices.modules WHERE and a condition"
    if not parser.takes("FROM", "DEVICES.MODULES", "WHERE"):
        raise parser.error(f"{parser.token} does not begin a target of modules", right)
    parser.condition()


def _metric(parser: Parser) -> None:
    right = "a metric is SELECT deviceId FROM devices WHERE and a condition"
    parser.expect("SELECT", right)
    if parser.token.upper == "FROM":
        raise parser.error("nothing is selected", right)
    while parser.token.upper != "FROM" and parser.token.kind is not Kind.END:
        parser.take()
    parser.expect("FROM", right)
    source = parser.take()
    if source.text.lower() not in _SOURCES:
        raise QueryError(source.at, f"{source} cannot be queried", f"known: {', '.join(_SOURCES)}")
    if parser.takes("WHERE"):
        parser.condition()
    if parser.takes("GROUP", "BY"):
        parser.condition()
