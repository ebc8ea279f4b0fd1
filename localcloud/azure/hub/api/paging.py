"""A query's rows in pages. Pure.

A page of twins or of projections ends at an identity, and the next begins after it, whatever came and went
between the two; pages of groups are counted. The last page has no continuation header: an empty one makes
some clients ask for ever.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from localcloud.azure.hub.query import Query, run
from localcloud.azure.hub.query.language import Aggregate
from localcloud.azure.pages import MOST_ITEMS, BadPageError
from localcloud.calls import Answer, Call

Row = dict[str, Any]


def query_page(call: Call, query: Query, twins: Iterable[Row]) -> Answer:
    """The page that the call asks for. Raises BadPageError."""
    size, token = _size(call), _token(call)
    left = token.get("left", query.top)
    if _is_grouped(query):
        skip = token.get("skip", 0)
        rows = list(islice(run(query, twins), skip, skip + size + 1))
        following: Row = {"skip": skip + size}
    else:
        numbered = islice(_rows(query, twins, token.get("after", "")), size + 1)
        found = list(islice(numbered, left))
        rows = [row for _, row in found]
        following = {"after": found[size - 1][0]} if len(found) > size else {}
        if left is not None:
            following["left"] = left - size
    headers = {
        "x-ms-item-type": "Raw" if query.is_projection else "Twin",
        "x-ms-max-item-count": str(size),
    }
    if len(rows) > size:
        headers["x-ms-continuation"] = base64.urlsafe_b64encode(json.dumps(following).encode()).decode()
    return Answer(body=rows[:size], headers=headers)


def _rows(query: Query, twins: Iterable[Row], after: str) -> Iterator[tuple[str, Row]]:
    """Rows with the identity that each is of."""
    for twin in twins:
        place = "/".join(str(twin[it]) for it in ("deviceId", "moduleId") if it in twin)
        if place > after:
            for row in run(query, (twin,)):
                yield place, row


def _is_grouped(query: Query) -> bool:
    return bool(query.group_by) or any(isinstance(it.value, Aggregate) for it in query.columns)


def _size(call: Call) -> int:
    text = call.header("x-ms-max-item-count") or str(MOST_ITEMS)
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise BadPageError(f"x-ms-max-item-count must be a whole number above 0, not '{text[:20]}'")
    return min(int(text[:9]), MOST_ITEMS)


def _token(call: Call) -> Row:
    text = call.header("x-ms-continuation")
    if not text:
        return {}
    try:
        token = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as fault:
        raise BadPageError("x-ms-continuation is no token of this service") from fault
    known = {"after": str, "left": int, "skip": int}
    if not isinstance(token, dict) or not all(type(it) is known.get(key) for key, it in token.items()):
        raise BadPageError("x-ms-continuation is no token of this service")
    if any(isinstance(it, int) and it < 0 for it in token.values()):
        raise BadPageError("x-ms-continuation is no token of this service")
    return token
