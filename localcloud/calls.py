"""One HTTP exchange as plain values, so that each service is a function from a Call to an Answer.

`http.py` turns aiohttp's requests into Calls; tests make them by hand. Nothing here does IO. A service
answers at once, or with an awaitable where it has to wait for somebody else.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol
from urllib.parse import unquote

from cryptography import x509
from typing_extensions import TypeVar


class BadBodyError(ValueError):
    """The body is not the JSON that the route takes; the text is for the person."""


@dataclass(frozen=True)
class Call:
    """A request. `path` is as it arrived (percent-encoded), header names are lower case, `host` without port.

    `peer` is what the TLS client presented, leaf first: its possession is proved, its chain is not checked.
    `raw_query` is the query as it arrived, which signatures of AWS are over.
    """

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    peer: tuple[x509.Certificate, ...] = ()
    raw_query: str = ""

    def header(self, name: str) -> str | None:
        """A header's value, or None."""
        return self.headers.get(name.lower())

    def document(self) -> dict[str, Any]:
        """The body, which must be a JSON object. Raises BadBodyError."""
        value = self.json()
        if not isinstance(value, dict):
            raise BadBodyError(f"The body must be a JSON object, not {_kind(value)}.")
        return value

    def json(self) -> Any:  # noqa: ANN401 - JSON is whatever the client sent
        """The body as JSON; None when it is empty. Raises BadBodyError."""
        if not self.raw.strip():
            return None
        try:
            return json.loads(self.raw, parse_constant=_no_such_number)
        except (ValueError, RecursionError) as fault:
            raise BadBodyError(f"The body is not valid JSON: {fault}.") from fault


@dataclass(frozen=True)
class Answer:
    """A response; `body` is sent as JSON, bytes as they are, None as an empty body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """A host's API."""

    def answer(self, call: Call) -> Answer | Awaitable[Answer]:
        """The response, or what to wait for; refusals are answers too."""

    def fault(self, status: int, message: str) -> Answer:
        """An error in this service's shape, for what goes wrong outside it (body too large, defect)."""


A = TypeVar("A", default=Answer)
Handler = Callable[..., A]


class NoRouteError(Exception):
    """No route takes this path, or not with this method: `allowed` tells which methods it takes."""

    def __init__(self, call: Call, allowed: tuple[str, ...]) -> None:
        wrong = f"{call.method} {call.path} is not served"
        also = f"; this path takes {', '.join(allowed)}" if allowed else " by the local cloud"
        super().__init__(f"{wrong}{also}.")
        self.status = 405 if allowed else 404
        self.allowed = allowed


class Route(NamedTuple, Generic[A]):
    """One method on one path pattern."""

    method: str
    pattern: re.Pattern[str]
    handler: Callable[..., A]


def route(method: str, template: str, handler: Callable[..., A]) -> Route[A]:
    """A route from a template such as "/twins/{id}": case does not matter, a final slash is allowed.

    `{*scope}` takes several segments. The handler gets the Call and the decoded path parameters by name.
    """
    pattern = re.sub(r"\\{\\\*(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", pattern)
    return Route(method, re.compile(pattern + "/?", re.IGNORECASE), handler)


def dispatch(routes: Sequence[Route[A]], call: Call) -> A:
    """Call the route that fits. Raises NoRouteError and whatever the handler raises."""
    fitting = [(it, found) for it in routes if (found := it.pattern.fullmatch(call.path))]
    for it, found in fitting:
        if it.method == call.method:
            return it.handler(call, **{name: unquote(value) for name, value in found.groupdict().items()})
    raise NoRouteError(call, tuple(it.method for it, _ in fitting))


def etag_fits(if_match: str | None, etag: str | None) -> bool:
    """Whether an If-Match header allows a change of what carries `etag`.

    Clients send it quoted (azure-iot-hub) or not (azure-iot-deviceprovisioning); absent and `*` fit anything.
    """
    if if_match is None or if_match.strip() == "*":
        return True
    return etag is not None and bare_etag(if_match) == bare_etag(etag)


def bare_etag(etag: str) -> str:
    """An ETag without `W/` and quotes."""
    return etag.strip().removeprefix("W/").strip('"')


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "empty"}
    return names.get(type(value), "a number")


def _no_such_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
