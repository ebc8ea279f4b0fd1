"""What a request body may hold, and all that is wrong with one.

A `Shape` is read from a published azure-mgmt model (`arm/models.py`). `check` reports every fault at once,
drops what only the service writes, and gives enumeration values their published spelling, as ARM does.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request; `target` is where, e.g. "properties.minTlsVersion"."""

    target: str
    message: str

    def __str__(self) -> str:
        return f"{self.target}: {self.message}"


Faults = list[Fault]


@dataclass(frozen=True)
class Scalar:
    """A plain JSON value. `name`: str, str? (or null), bool, int, float, any, bytes (base64 text)."""

    name: str

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The value; adds a fault when it is of another type."""
        words, test = _SCALARS[self.name]
        if not test(value):
            faults.append(Fault(where, f"must be {words}, not {_shown(value)}"))
        return value


@dataclass(frozen=True)
class Choice:
    """One of an enumeration's values, or several joined by ", " where all of the parts are values (flags)."""

    values: tuple[str, ...]

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The published spelling of the value; adds a fault when it is none."""
        known = {it.lower(): it for it in self.values}
        if not isinstance(value, str):
            faults.append(Fault(where, f"must be one of {', '.join(self.values)}, not {_shown(value)}"))
            return value
        if value.lower() in known:
            return known[value.lower()]
        parts = [it.strip().lower() for it in value.split(",")]
        if len(parts) > 1 and all(it in known for it in parts):
            return ", ".join(known[it] for it in parts)
        faults.append(Fault(where, f"must be one of {', '.join(self.values)}, not {_shown(value)}"))
        return value


@dataclass(frozen=True)
class ListOf:
    """A JSON list."""

    item: "Kind"

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The list with each item checked."""
        if not isinstance(value, list):
            faults.append(Fault(where, f"must be a list, not {_shown(value)}"))
            return value
        return [self.item.check(it, f"{where}[{n}]", faults) for n, it in enumerate(value)]


@dataclass(frozen=True)
class MapOf:
    """A JSON object whose keys the caller chooses."""

    item: "Kind"

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The object with each value checked."""
        if not isinstance(value, dict):
            faults.append(Fault(where, f"must be an object, not {_shown(value)}"))
            return value
        return {key: self.item.check(it, f"{where}.{key}", faults) for key, it in value.items()}


@dataclass(frozen=True)
class Member:
    """A named property of an object; `limits` are the model's validation rules (pattern, minimum, …)."""

    kind: "Kind"
    required: bool = False
    read_only: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)
    client_name: str = ""
    """What published SDKs call it, when that is not its name in JSON."""


@dataclass
class Shape:
    """A JSON object with known properties. Filled after it is made, since models refer to each other."""

    name: str
    members: dict[str, Member] = field(default_factory=dict)
    lifted: str = ""
    """The member whose properties SDKs show beside the others (`x-ms-client-flatten`), or ""."""

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The object without read-only properties and nulls; adds a fault for each thing wrong."""
        if not isinstance(value, dict):
            faults.append(Fault(where or "body", f"must be an object, not {_shown(value)}"))
            return value
        given = {key: it for key, it in value.items() if it is not None}
        self._report_unknown(given, where, faults)
        self._report_missing(given, where, faults)
        return {
            key: _check_member(self.members[key], it, _join(where, key), faults)
            for key, it in given.items()
            if key in self.members and not self.members[key].read_only
        }

    def _report_unknown(self, given: dict[str, Any], where: str, faults: Faults) -> None:
        for key in given.keys() - self.members.keys():
            near = [it for it in self.members if it.lower() == key.lower()]
            hint = f"; did you mean '{near[0]}'?" if near else ""
            faults.append(Fault(_join(where, key), f"is no property of {self.name}{hint}"))

    def _report_missing(self, given: dict[str, Any], where: str, faults: Faults) -> None:
        missing = [key for key, it in self.members.items() if it.required and key not in given]
        faults.extend(Fault(_join(where, key), f"is required by {self.name}") for key in missing)


@dataclass(frozen=True)
class OneOf:
    """A JSON object of one of several shapes; the member `field` tells which."""

    field: str
    shapes: Mapping[str, Shape]

    def check(self, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
        """The object checked as the shape that it names; adds a fault when it names none."""
        if not isinstance(value, dict):
            faults.append(Fault(where, f"must be an object, not {_shown(value)}"))
            return value
        shape = self.shapes.get(str(value.get(self.field)))
        if shape is None:
            known = ", ".join(sorted(self.shapes))
            faults.append(Fault(_join(where, self.field), f"must be one of {known}"))
            return value
        return shape.check(value, where, faults)


Kind = Scalar | Choice | ListOf | MapOf | Shape | OneOf


def _check_member(member: Member, value: Any, where: str, faults: Faults) -> Any:  # noqa: ANN401 - JSON
    before = len(faults)
    cleaned = member.kind.check(value, where, faults)
    if len(faults) == before:
        for rule, bound in member.limits.items():
            if rule in _LIMITS and not _LIMITS[rule][1](value, bound):
                faults.append(Fault(where, f"{_LIMITS[rule][0].format(bound)}, not {_shown(value)}"))
    return cleaned


def _is_base64(value: Any) -> bool:  # noqa: ANN401 - JSON
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return False


def _is_number(value: Any, kinds: tuple[type, ...]) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, kinds) and not isinstance(value, bool)


_SCALARS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("text", lambda it: isinstance(it, str)),
    "str?": ("text or null", lambda it: it is None or isinstance(it, str)),
    "bool": ("true or false", lambda it: isinstance(it, bool)),
    "int": ("a whole number", lambda it: _is_number(it, (int,))),
    "float": ("a number", lambda it: _is_number(it, (int, float))),
    "bytes": ("base64 text", _is_base64),
    "any": ("any value", lambda _: True),
}
_LIMITS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "pattern": ("must match {}", lambda it, rule: re.search(rule, it) is not None),
    "minimum": ("must be at least {}", lambda it, bound: it >= bound),
    "maximum": ("must be at most {}", lambda it, bound: it <= bound),
    "min_items": ("must have at least {} items", lambda it, bound: len(it) >= bound),
    "max_items": ("must have at most {} items", lambda it, bound: len(it) <= bound),
    "min_length": ("must have at least {} characters", lambda it, bound: len(it) >= bound),
    "max_length": ("must have at most {} characters", lambda it, bound: len(it) <= bound),
}


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
