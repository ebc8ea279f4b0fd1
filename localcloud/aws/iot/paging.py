"""Lists in pages: with nextToken and maxResults, or with marker, pageSize and ascendingOrder.

A token is the last key that was given, in base64; AWS says only that it is opaque.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from localcloud.aws.iot.refusals import invalid

Item = TypeVar("Item")
DEFAULT_RESULTS = 100
DEFAULT_PAGE = 25


def page(
    name: str, items: Sequence[Item], key: Callable[[Item], str], params: dict[str, Any]
) -> dict[str, Any]:
    """`{name: items, nextToken}` for maxResults and nextToken; `items` are sorted by `key`."""
    after = _read(params.get("nextToken"))
    left = [it for it in items if key(it) > after]
    size = params.get("maxResults") or DEFAULT_RESULTS
    given = left[:size]
    found: dict[str, Any] = {name: given}
    if len(left) > size:
        found["nextToken"] = _write(key(given[-1]))
    return found


def marked_page(
    name: str, items: Sequence[Item], key: Callable[[Item], str], params: dict[str, Any]
) -> dict[str, Any]:
    """`{name: items, nextMarker}` for pageSize, marker and ascendingOrder; newest first is AWS' default."""
    ordered = sorted(items, key=key, reverse=not params.get("ascendingOrder", False))
    after = _read(params.get("marker"))
    keys = [key(it) for it in ordered]
    start = keys.index(after) + 1 if after in keys else 0
    size = params.get("pageSize") or DEFAULT_PAGE
    found: dict[str, Any] = {name: ordered[start : start + size]}
    if len(ordered) > start + size:
        found["nextMarker"] = _write(keys[start + size - 1])
    return found


def _write(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _read(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("The token is none that this account gave.") from error
