"""A value against its shape in a service model: type, length, range, pattern, enumeration, members.

botocore's own validator checks types and required members only. What the model says beside that
(smithy.io/2.0/spec/constraint-traits) is checked here, as the service does; the words of a fault are AWS'.
"""

import base64
import binascii
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

LONGEST_SHOWN = 200
_JAVA = {"Graph": r"\x21-\x7e", "Upper": "A-Z", "Digit": "0-9", "Cntrl": r"\x00-\x1f\x7f"}
_INTEGERS = {"integer": 32, "long": 64}


class Faults(list[str]):
    """What is wrong with a request, in AWS' words."""

    def add(self, path: str, value: object, shape: Any, words: str) -> None:  # noqa: ANN401 - botocore has no types
        """One more: the value at `path` breaks a constraint."""
        shown = "***" if shape.metadata.get("sensitive") else _shown(value)
        self.append(f"Value '{shown}' at '{path}' failed to satisfy constraint: {words}")

    def text(self) -> str:
        """All of them in one message."""
        return f"{len(self)} validation error{'s' if len(self) > 1 else ''} detected: {'; '.join(self)}"


def checked(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - what a caller may send
    """The value as Python has it: a blob's bytes, a timestamp's datetime. What is wrong goes to `faults`."""
    read = _READERS.get(shape.type_name)
    if read is None:
        raise ValueError(f"a shape of type {shape.type_name} is not known here")
    return read(shape, value, path, faults)


def _structure(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if shape.is_document_type:
        return value
    if not isinstance(value, dict):
        faults.add(path, value, shape, "Member must be an object")
        return {}
    prefix = f"{path}." if path else ""
    given = {name: it for name, it in value.items() if it is not None}
    for name in sorted(set(given) - set(shape.members)):
        faults.append(f"'{prefix}{name}' is not a member of {shape.name}")
    for name in shape.required_members:
        if name not in given:
            faults.add(f"{prefix}{name}", None, shape.members[name], "Member must not be null")
    if shape.is_tagged_union and len(set(given) & set(shape.members)) != 1:
        faults.add(path, sorted(given), shape, "exactly one member of a union must be set")
    return {
        name: checked(shape.members[name], it, f"{prefix}{name}", faults)
        for name, it in given.items()
        if name in shape.members
    }


def _list(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, list):
        faults.add(path, value, shape, "Member must be a list")
        return []
    _size(shape, len(value), path, value, faults)
    return [
        checked(shape.member, it, f"{path}.{number}.member", faults) for number, it in enumerate(value, 1)
    ]


def _map(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, dict):
        faults.add(path, value, shape, "Member must be a map")
        return {}
    _size(shape, len(value), path, value, faults)
    return {
        checked(shape.key, name, f"{path}.key", faults): checked(
            shape.value, it, f"{path}.{name}.member", faults
        )
        for name, it in value.items()
    }


def _string(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, str):
        faults.add(path, value, shape, "Member must be a string")
        return ""
    _size(shape, len(value), path, value, faults)
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        faults.add(path, value, shape, f"Member must satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        faults.add(path, value, shape, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return value


def _blob(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    try:
        data = value if isinstance(value, bytes) else base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        faults.add(path, value, shape, "Member must be base64")
        return b""
    _size(shape, len(data), path, "(binary)", faults)
    return data


def _integer(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2 ** (_bits(shape) - 1):
        faults.add(path, value, shape, f"Member must be a whole number of {_bits(shape)} bits")
        return 0
    _range(shape, value, path, faults)
    return value


def _number(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        faults.add(path, value, shape, "Member must be a number")
        return 0.0
    _range(shape, value, path, faults)
    return value


def _boolean(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, bool):
        faults.add(path, value, shape, "Member must be true or false")
        return False
    return value


def _timestamp(shape: Any, value: object, path: str, faults: Faults) -> Any:  # noqa: ANN401 - as above
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        faults.add(path, value, shape, "Member must be a timestamp")
        return datetime.fromtimestamp(0, UTC)
    faults.add(path, value, shape, "Member must be a timestamp")
    return datetime.fromtimestamp(0, UTC)


_READERS: dict[str, Callable[[Any, object, str, Faults], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "character": _string,
    "blob": _blob,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def _size(shape: Any, size: int, path: str, value: object, faults: Faults) -> None:  # noqa: ANN401 - as above
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        faults.add(path, value, shape, f"Member must have length greater than or equal to {least}")
    if most is not None and size > most:
        faults.add(path, value, shape, f"Member must have length less than or equal to {most}")


def _range(shape: Any, value: float, path: str, faults: Faults) -> None:  # noqa: ANN401 - as above
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        faults.add(path, value, shape, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        faults.add(path, value, shape, f"Member must have value less than or equal to {most}")


def _bits(shape: Any) -> int:  # noqa: ANN401 - as above
    return _INTEGERS[shape.type_name]


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""A pattern of the models, which are Java's: `\p{…}` becomes ranges."""
    return re.compile(re.sub(r"\\p\{(\w+)\}", lambda found: _class(found[1]), pattern))


def _class(name: str) -> str:
    return _JAVA.get(name) or "".join(_ranges(name))


def _ranges(category: str) -> Iterator[str]:
    """The characters whose general category starts with `category`, as ranges of a character class."""
    for is_in, runs in groupby(_runs(), lambda run: run[0].startswith(category)):
        if is_in:
            joined = list(runs)
            yield f"\\U{joined[0][1]:08x}-\\U{joined[-1][2]:08x}"


@lru_cache(maxsize=1)
def _runs() -> tuple[tuple[str, int, int], ...]:
    """All of Unicode in runs of one general category: looked through once, as that takes some time."""
    runs: list[tuple[str, int, int]] = []
    for code in range(sys.maxunicode + 1):
        name = unicodedata.category(chr(code))
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1], code)
        else:
            runs.append((name, code, code))
    return tuple(runs)
