"""A query over many twins: filter, group, project."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from localcloud.azure.hub.query.evaluate import Twin, canonical, holds, lookup
from localcloud.azure.hub.query.language import UNDEFINED, Aggregate, Attribute, Column, Query

Row = dict[str, Any]


def run(query: Query, twins: Iterable[Twin]) -> Iterator[Row]:
    """The rows, in the order of the twins; groups in the order of their first twin."""
    found = (it for it in twins if holds(query.condition.where, it))
    rows: Iterator[Row]
    if not query.columns:
        rows = (dict(it) for it in found)
    elif query.group_by or any(isinstance(it.value, Aggregate) for it in query.columns):
        rows = _groups(query, found)
    else:
        rows = (_projected(query.columns, it) for it in found)
    return rows if query.top is None else islice(rows, query.top)


def count_rows(query: Query, twins: Iterable[Twin]) -> int:
    """How many rows: a metric's value."""
    return sum(1 for _ in run(query, twins))


def _projected(columns: tuple[Column, ...], twin: Twin) -> Row:
    """What the twin does not have is left out of the row."""
    row: Row = {}
    for column in columns:
        assert isinstance(column.value, Attribute)
        value = lookup(twin, column.value.path)
        if value is not UNDEFINED:
            row[_name(column, twin)] = value
    return row


def _name(column: Column, twin: Twin) -> str:
    """The alias, or the attribute's last name. How the service names an aggregate is not published: $1."""
    if column.alias:
        return column.alias
    if isinstance(column.value, Aggregate):
        return "$1"
    path = column.value.path
    return canonical(twin, path[0]) if len(path) == 1 else path[-1]


def _groups(query: Query, twins: Iterable[Twin]) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], list[Twin]] = {}
    for twin in twins:
        key = tuple(_hashable(lookup(twin, it.path)) for it in query.group_by)
        groups.setdefault(key, []).append(twin)
    if not groups and not query.group_by:
        groups[()] = []
    for members in groups.values():
        yield _group_row(query.columns, members)


def _group_row(columns: tuple[Column, ...], members: list[Twin]) -> Row:
    row: Row = {}
    for column in columns:
        first: Twin = members[0] if members else {}
        if isinstance(column.value, Aggregate):
            value = _aggregate(column.value, members)
        else:
            value = lookup(first, column.value.path)
        if value is not UNDEFINED:
            row[_name(column, first)] = value
    return row


def _aggregate(aggregate: Aggregate, members: list[Twin]) -> Any:  # noqa: ANN401 - JSON
    """Over numbers only; of none, COUNT and SUM are 0 and the others are left out."""
    if aggregate.attribute is None:
        return len(members)
    values = [lookup(it, aggregate.attribute.path) for it in members]
    numbers = [it for it in values if isinstance(it, int | float) and not isinstance(it, bool)]
    if aggregate.function == "SUM":
        return sum(numbers)
    if not numbers:
        return UNDEFINED
    if aggregate.function == "AVG":
        return sum(numbers) / len(numbers)
    return min(numbers) if aggregate.function == "MIN" else max(numbers)


def _hashable(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A value's key in a dict: true is not 1, and objects group by their text."""
    return value if value is UNDEFINED else (type(value).__name__, repr(value))
