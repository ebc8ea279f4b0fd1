"""The limits of a twin, checked before anything is sent.

"Understand and use device twins in IoT Hub" (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-device-twins,
"Tags and properties format" and "Device twin size"): tags 8 KB, desired properties 32 KB, keys 1 KB without
control characters, '.', '$' and spaces, texts 4 KB, objects ten deep, integers of 53 bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provider.fields import Rule

TAGS_BYTES = 8 * 1024
DESIRED_BYTES = 32 * 1024
KEY_BYTES = 1024
TEXT_BYTES = 4 * 1024
DEPTH = 10
INTEGERS = 2**52
_FORBIDDEN = frozenset(".$ ")


def _limited(limit: int) -> Rule:
    def check(section: Mapping[str, Any]) -> str | None:
        faults = list(_faults(section, "", 0))
        if (size := _size(section)) > limit:
            faults.append(f"its {size} bytes are over the service's limit of {limit}")
        return "; ".join(faults) or None

    return check


tags = _limited(TAGS_BYTES)
"""A rule: tags that a twin can hold."""

desired = _limited(DESIRED_BYTES)
"""A rule: desired properties that a twin can hold."""


def _faults(value: Any, path: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            if depth > DEPTH:
                yield f"{path} is deeper than the service's limit of {DEPTH} levels"
                return
            for key, item in value.items():
                where = f"{path}.{key}" if path else str(key)
                yield from _key_faults(str(key), where)
                yield from _faults(item, where, depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _faults(item, f"{path}[{index}]", depth + 1)
        case str() if len(value.encode()) > TEXT_BYTES:
            yield f"{path} is a text of {len(value.encode())} bytes; up to {TEXT_BYTES} would be right"
        case int() if not isinstance(value, bool) and not -INTEGERS <= value <= INTEGERS:
            yield f"{path} is a whole number outside -2^52 to 2^52"


def _key_faults(key: str, where: str) -> Iterator[str]:
    if not key or _FORBIDDEN & set(key) or any(map(_is_control, key)):
        yield f"the key {where!r} may not be empty or hold . $ spaces or control characters"
    if len(key.encode()) > KEY_BYTES:
        yield f"a key is {len(key.encode())} bytes long; up to {KEY_BYTES} would be right"


def _size(value: Any) -> int:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            return sum(_size(str(key)) + _size(item) for key, item in value.items())
        case list() | tuple():
            return sum(map(_size, value))
        case str():
            return sum(len(each.encode()) for each in value if not _is_control(each))
        case bool():
            return 4
        case None:
            return 0
    return 8


def _is_control(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) <= 0x9F
