"""IoT Hub's limits of device twins.

Source: "Understand and use device twins in IoT Hub", learn.microsoft.com: tags 8 KB, desired properties 32
KB, keys 1 KB, text 4 KB, ten levels, integers from -4503599627370496 to 4503599627370495.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from fleet.errors import Finding, Path, shown

TAGS_BYTES = 8 * 1024
DESIRED_BYTES = 32 * 1024
_KEY_BYTES = 1024
_TEXT_BYTES = 4 * 1024
_LEVELS = 10
_LEAST, _MOST = -4503599627370496, 4503599627370495


def size_bytes(value: object) -> int:
    """The size of a twin value as the service counts.

    Keys and text count in UTF-8 without control characters, a number 8, true and false 4.
    """
    match value:
        case Mapping():
            return sum(size_bytes(key) + size_bytes(entry) for key, entry in value.items())
        case list():
            return sum(size_bytes(item) for item in value)
        case bool():
            return 4
        case str():
            # A lone surrogate has no UTF-8: count it as what it would take, the text check names it.
            return sum(
                len(char.encode(errors="surrogatepass"))
                for char in value
                if unicodedata.category(char) != "Cc"
            )
        case _:
            return 8


def findings(document: Mapping[str, Any], path: Path, limit_bytes: int) -> Iterator[Finding]:
    """What IoT Hub would refuse in a twin's tags or desired properties."""
    size = size_bytes(document)
    if size > limit_bytes:
        yield Finding(path, f"{size} bytes by IoT Hub's count", f"at most {limit_bytes} can be")
    yield from _object(document, path, 1)


def _object(document: Mapping[str, Any], path: Path, level: int) -> Iterator[Finding]:
    if level > _LEVELS:
        yield Finding(path, f"more than {_LEVELS} levels of nesting", "make the document flatter")
        return
    for key, value in document.items():
        place = (*path, key)
        if size_bytes(key) > _KEY_BYTES:
            yield Finding(place, "a key too long for a twin", f"at most {_KEY_BYTES} bytes", at_key=True)
        yield from _value(value, place, level)


def _value(value: object, path: Path, level: int) -> Iterator[Finding]:
    match value:
        case Mapping():
            yield from _object(value, path, level + 1)
        case list():
            for index, item in enumerate(value):
                yield from _value(item, (*path, index), level)
        case str():
            if size_bytes(value) > _TEXT_BYTES:
                yield Finding(path, "a text too long for a twin", f"at most {_TEXT_BYTES} bytes")
        case float() if not math.isfinite(value):
            yield Finding(path, f"{value} stands here", "should be a finite number")
        case int() if not isinstance(value, bool) and not _LEAST <= value <= _MOST:
            yield Finding(
                path,
                f"{shown(value)} is out of range",
                f"should be {_LEAST} to {_MOST}, or text for more digits",
            )
