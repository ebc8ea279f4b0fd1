"""What a table of operations is made of, and what the operations share."""

from collections.abc import Awaitable
from typing import Any, Literal, NamedTuple

from localcloud.azure.hub.errors import HubError
from localcloud.azure.shapes import Faults, Shape
from localcloud.calls import Answer, Call, Route

Reply = Answer | Awaitable[Answer]
Caller = Literal["service", "device", "module", "both"]


class Entry(NamedTuple):
    """An operation. `right` is what a shared access policy must hold. `caller`: a service; the device, or the
    device's module, that the path names; or both, a service and the device.
    """

    route: Route[Reply]
    right: str
    caller: Caller = "service"


def checked(shape: Shape, document: object, **names: str) -> dict[str, Any]:
    """A body that fits its shape and does not contradict the names in the address. Raises HubError 400."""
    faults: Faults = []
    body = shape.check(document, "", faults)
    wrong = [str(it) for it in faults]
    for name, value in names.items():
        given = body.get(name, value) if isinstance(body, dict) else value
        if given != value:
            wrong.append(f"{name}: '{given}' differs from '{value}' in the address")
    if wrong:
        raise HubError(400, "ArgumentInvalid", "; ".join(wrong))
    return dict(body)


def with_etag(document: dict[str, Any]) -> Answer:
    """A document with its etag as a header."""
    return Answer(body=document, headers={"ETag": f'"{document["etag"]}"'})


def whole_number(call: Call, name: str, most: int) -> int:
    """A query parameter from 1 to `most`, `most` when it is absent. Raises HubError 400."""
    text = call.query.get(name, str(most))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise HubError(400, "ArgumentInvalid", f"{name} must be 1 to {most}, not '{text[:20]}'")
    return int(text)


def required_match(call: Call, what: str) -> str:
    """If-Match, which must be there. Raises HubError 412."""
    if_match = call.header("if-match")
    if if_match is None:
        text = f"If-Match is required to delete a {what}; * fits any etag."
        raise HubError(412, "PreconditionFailed", text)
    return if_match
