"""Query answers in pages, as DPS and hub give them: `x-ms-max-item-count` in, `x-ms-continuation` in and
out.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.calls import Answer, Call

MOST_ITEMS = 100


class BadPageError(ValueError):
    """A page size or continuation token that is none."""


def page(call: Call, items: Sequence[Mapping[str, Any]], key: str, item_type: str) -> Answer:
    """One page of `items`, which are sorted by `key`. The last page carries no continuation header:

    an empty one makes some clients ask for ever. Raises BadPageError.
    """
    rest = [it for it in items if str(it[key]) > (_after(call) or "")]
    return fetched_page(call, lambda _, limit: rest[:limit], key, item_type)


def fetched_page(
    call: Call, fetch: Callable[[str, int], Sequence[Mapping[str, Any]]], key: str, item_type: str
) -> Answer:
    """One page of what `fetch` gives: at most so many items after a key ("" for the first), sorted by it.

    Raises BadPageError.
    """
    size, after = _size(call), _after(call)
    rest = fetch(after or "", size + 1)
    headers = {"x-ms-item-type": item_type, "x-ms-max-item-count": str(size)}
    if len(rest) > size:
        headers["x-ms-continuation"] = base64.urlsafe_b64encode(str(rest[size - 1][key]).encode()).decode()
    return Answer(body=list(rest[:size]), headers=headers)


def _size(call: Call) -> int:
    text = call.header("x-ms-max-item-count") or str(MOST_ITEMS)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise BadPageError(f"x-ms-max-item-count must be a whole number above 0, not '{text[:20]}'")
    return min(int(text), MOST_ITEMS)


def _after(call: Call) -> str | None:
    text = call.header("x-ms-continuation")
    if not text:
        return None
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as fault:
        raise BadPageError("x-ms-continuation is no token of this service") from fault
