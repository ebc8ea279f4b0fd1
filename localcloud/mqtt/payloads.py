"""JSON in messages from devices, and the query that Azure hangs on its topics."""

import json
from typing import NoReturn
from urllib.parse import parse_qsl, unquote


class BadPayload(Exception):  # noqa: N818 - names what is bad
    """The payload is no JSON object; says why."""


def read_object(payload: bytes) -> dict[str, object]:
    """A JSON object (RFC 8259, so without NaN and Infinity). Raises BadPayload."""
    try:
        value = _decode(payload.decode())
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"not JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise BadPayload("not a JSON object")
    return value


def write_object(value: object) -> bytes:
    """Compact JSON."""
    return _encode(value).encode()


def read_topic(topic: str) -> tuple[str, dict[str, str]]:
    """Split `path/?key=value&…` into the path, with its slash, and the values."""
    path, _, query = topic.partition("?")
    if query.startswith("$rid=") and "&" not in query and "%" not in query:
        return path, {"$rid": query[5:]}
    return path, {unquote(key): value for key, value in parse_qsl(query, keep_blank_values=True)}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
