"""Property values as plain Python: JSON-like data, plus a marker for unknown values and a wrapper for
secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

Plain: TypeAlias = Any
"""None, bool, int, float, str, list, dict with text keys, UNKNOWN or Secret, nested as one likes."""

Properties: TypeAlias = dict[str, Any]


class _Unknown(Enum):
    UNKNOWN = "unknown until `pulumi up` has made what it depends on"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Stands for a value that only `pulumi up` will know (a preview sees it as an input)."""


@dataclass(frozen=True)
class Secret:
    """A value that state and output must encrypt. Its text never shows in a repr, so not in a log either."""

    value: Plain

    def __repr__(self) -> str:
        return "Secret(...)"


def reveal(value: Plain) -> Plain:
    """The value without any Secret wrapper, at any depth. For sending to a service, never for showing."""
    match value:
        case Secret():
            return reveal(value.value)
        case Mapping():
            return {key: reveal(item) for key, item in value.items()}
        case list() | tuple():
            return [reveal(item) for item in value]
        case _:
            return value


def has_secret(value: Plain) -> bool:
    """Whether a Secret is in the value, at any depth."""
    return isinstance(value, Secret) or any(has_secret(item) for item in _parts(value))


def has_unknown(value: Plain) -> bool:
    """Whether UNKNOWN is in the value, at any depth, inside secrets too."""
    return value is UNKNOWN or any(has_unknown(item) for item in _parts(value))


def show(value: Plain, limit: int = 60) -> str:
    """The value as an error message may show it: secrets hidden, long texts cut after `limit` characters."""
    if has_secret(value):
        return "[secret]"
    if value is UNKNOWN:
        return "[unknown until up]"
    if "PRIVATE KEY" in str(value):
        return "[a private key, which is not shown]"
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _parts(value: Plain) -> list[Plain]:
    match value:
        case Secret():
            return [value.value]
        case Mapping():
            return list(value.values())
        case list() | tuple():
            return list(value)
        case _:
            return []
