"""The initial twin of a row: the resource's, with what the row says laid over it. Its limits are rules of the
settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from provider.fields import Rule
from provider.manifest.certificates import CellError
from provider.manifest.columns import twin_path


def part(name: str, cells: Mapping[str, Any], shared: Mapping[str, Any], rule: Rule | None) -> dict[str, Any]:
    """The `tags` or the `desired` properties of one row. Raises CellError."""
    found = _object(cells[name]) if name in cells else {}
    for column, cell in cells.items():
        path = twin_path(column)
        if path is not None and path[0] == name:
            found = _laid(found, _nested(path[1], _value(cell)))
    if not found:
        return dict(shared)
    whole = _laid(shared, found)
    wrong = next(_not_json(found), None) or (rule(whole) if rule else None)
    if wrong is not None:
        raise CellError(wrong)
    return whole


def _object(cell: object) -> dict[str, Any]:
    if isinstance(cell, str):
        try:
            cell = json.loads(cell, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise CellError("is no JSON; a JSON object would be right") from None
    if not isinstance(cell, dict):
        raise CellError("is no JSON object; one would be right")
    return {key: value for key, value in cell.items() if value is not None}


def _value(cell: object) -> Any:  # noqa: ANN401 - any JSON
    # A CSV cell is a JSON value where it reads as one (60, true, "0060" in quotes), and else the text it is.
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return cell


def _no_number(word: str) -> float:
    raise ValueError(word)  # NaN and Infinity, which Python would take


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        deeper = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = _laid(both[key], value) if deeper else value
    return both


def _not_json(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a file holds
    match value:
        case dict():
            for key, item in value.items():
                yield from _not_json(key)
                yield from _not_json(item)
        case list():
            for item in value:
                yield from _not_json(item)
        case str() if any("\ud800" <= each <= "\udfff" for each in value):
            yield "has half a character (a lone surrogate)"
        case float() if value - value != 0:  # not a number, or infinite
            yield f"has the number {value}, which JSON does not know"
        case None | bool() | int() | float() | str():
            return
        case _:
            yield f"has a value of the type {type(value).__name__}, which JSON does not know"
