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
    heavy = name in cells
    for column, cell in cells.items():
        path = twin_path(column)
        if path is not None and path[0] == name:
            value = _value(cell)
            heavy = heavy or len(path[1]) > _LIGHT_LEVELS or not _is_light(value)
            found = _laid(found, _nested(path[1], value))
    if not found:
        return dict(shared)
    whole = _laid(shared, found)
    # Nearly all rows say a few short words, which cannot break a rule; and a million rules take their time.
    if (heavy or len(str(whole)) > _LIGHT_SIZE) and (wrong := _fault(found, whole, rule)) is not None:
        raise CellError(wrong)
    return whole


def _fault(found: Mapping[str, Any], whole: Mapping[str, Any], rule: Rule | None) -> str | None:
    return next(_not_json(found), None) or (rule(whole) if rule else None)


def _is_light(value: object) -> bool:
    if isinstance(value, str):
        return len(value) < _LIGHT_TEXT and value.isascii()
    return isinstance(value, int | float) and abs(value) < _EXACT


def _object(cell: object) -> dict[str, Any]:
    if isinstance(cell, str):
        try:
            cell = _JSON.decode(cell)
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
        return _JSON.decode(cell) if cell[:1] in _STARTS else cell
    except (ValueError, RecursionError):
        return cell


def _no_number(word: str) -> float:
    raise ValueError(word)  # NaN and Infinity, which Python would take


_JSON = json.JSONDecoder(parse_constant=_no_number)
_STARTS = frozenset(' \t\r\n{["-0123456789tfn')
_EXACT = 2**52
_LIGHT_LEVELS = 4  # under ten, with room for what is shared
_LIGHT_TEXT = 256
_LIGHT_SIZE = 1000  # of the text Python writes: far from 8 KB in any spelling


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
