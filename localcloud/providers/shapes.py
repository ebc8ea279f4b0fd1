"""What an input may look like, and every fault in it at once. No IO, no SDK.

A `Record` is read from a cloud's published model (azure-mgmt, botocore) and says which properties exist,
which must be there, and what each may hold. `faults` walks a value against it; unknown values of a
preview are in order anywhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Literal

from localcloud.providers.paths import Path
from localcloud.providers.wire import UNKNOWN, Data, Secret

ScalarKind = Literal["string", "integer", "number", "boolean", "any"]


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where, and what would be right."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scalar:
    """A single value. `values` are the only ones allowed, compared without case and blanks, as ARM does."""

    kind: ScalarKind
    values: tuple[str, ...] = ()
    pattern: str = ""
    rule: str = ""  # `pattern` in words
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Judged:
    """A single value that a service's own model judges: `judge` says all that is wrong, without the value."""

    kind: ScalarKind
    judge: Callable[[Data], Sequence[str]]


@dataclass(frozen=True)
class Coded:
    """A value that the cloud writes otherwise: `to` makes its form of the program's, `back` the reverse."""

    shape: Shape
    to: Callable[[Data], Data]
    back: Callable[[Data], Data]


@dataclass(frozen=True)
class ListOf:
    """A list of items of one shape; `unordered` when their order means nothing."""

    item: Shape
    minimum: int | None = None
    maximum: int | None = None
    unordered: bool = False


@dataclass(frozen=True)
class MapOf:
    """Named items of one shape; every name is allowed that `name` allows."""

    item: Shape
    name: Shape | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class NameSet:
    """A list of names here, an object with those names and empty values in the cloud's JSON."""


@dataclass(frozen=True)
class Field:
    """One property of a record. `wire` is where it stands in the cloud's JSON, when that is deeper."""

    shape: Shape
    required: bool = False
    readonly: bool = False
    wire: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """An object with known properties.

    Attributes:
        name: what it is called.
        fields: its properties.
        unserved: properties that a published provider takes and a stand-in not.
        usual: the values of properties that are at rest when they are not declared; any other is drift.
    """

    name: str
    fields: Mapping[str, Field]
    unserved: frozenset[str] = frozenset()
    usual: Mapping[str, Data] = default(default_factory=dict)

    @property
    def writable(self) -> dict[str, Field]:
        """The properties that a program may set."""
        return {name: field for name, field in self.fields.items() if not field.readonly}


@dataclass(frozen=True)
class OneOf:
    """An object of one of several records; the property `field` (`wire` in the cloud's JSON) tells which."""

    field: str
    wire: str
    records: Mapping[str, Record]

    def chosen(self, value: Mapping[str, object], by: str) -> Record | None:
        """The record that the value's property `by` names."""
        return self.records.get(str(value.get(by)))


Shape = Scalar | Judged | Coded | ListOf | MapOf | NameSet | Record | OneOf


def faults(value: Data, shape: Shape, path: Path = ()) -> Iterator[Fault]:
    """Everything wrong with a value. Secrets are looked into and never quoted."""
    if value is UNKNOWN:
        return
    if isinstance(value, Secret):
        yield from (_unquoted(fault, value.value) for fault in faults(value.value, shape, path))
        return
    match shape:
        case Scalar():
            yield from _scalar_faults(value, shape, path)
        case Judged():
            yield from _judged_faults(value, shape, path)
        case Coded():
            yield from faults(value, shape.shape, path)
        case ListOf():
            yield from _list_faults(value, shape, path)
        case NameSet():
            yield from _list_faults(value, ListOf(Scalar("string")), path)
        case MapOf():
            yield from _map_faults(value, shape, path)
        case Record():
            yield from _record_faults(value, shape, path)
        case OneOf():
            yield from _choice_faults(value, shape, path)


def _unquoted(fault: Fault, secret: Data) -> Fault:
    reason = fault.reason
    for value in _leaves(secret):
        reason = reason.replace(repr(value), "the secret value")
    return Fault(fault.path, reason)


def _leaves(value: Data) -> Iterator[Data]:
    if isinstance(value, Secret):
        yield from _leaves(value.value)
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(item)
    else:
        yield value


def _judged_faults(value: Data, shape: Judged, path: Path) -> Iterator[Fault]:
    if not _is_kind(value, shape.kind):
        yield _wrong_kind(value, _ARTICLES[shape.kind], path)
        return
    for reason in shape.judge(value):
        yield Fault(path, f"{value!r} is not allowed: {reason}")


def _choice_faults(value: Data, shape: OneOf, path: Path) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong_kind(value, "an object", path)
        return
    tag = value.get(shape.field)
    record = shape.chosen(value, shape.field)
    if record is not None:
        yield from _record_faults(value, record, path)
    elif tag is not UNKNOWN:
        known = ", ".join(sorted(shape.records))
        yield Fault(
            (*path, shape.field),
            f"must be one of: {known}" if tag is None else f"{tag!r} is none of: {known}",
        )


def _record_faults(value: Data, record: Record, path: Path) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong_kind(value, "an object", path)
        return
    for name, field in record.fields.items():
        if field.required and not field.readonly and name not in value:
            yield Fault((*path, name), f"required by {record.name}, and missing")
    for name, item in value.items():
        yield from _property_faults(name, item, record, path)


def _property_faults(name: str, item: Data, record: Record, path: Path) -> Iterator[Fault]:
    field = record.fields.get(name)
    if name.startswith("__"):  # the engine's and the provider's own keys
        return
    if name in record.unserved:
        yield Fault((*path, name), f"the local stand-in does not serve this property of {record.name}")
    elif field is None:
        yield Fault((*path, name), f"unknown property of {record.name}{_likely(name, record)}")
    elif field.readonly:
        yield Fault((*path, name), f"set by the service; {record.name} does not take it")
    else:
        yield from faults(item, field.shape, (*path, name))


def _likely(name: str, record: Record) -> str:
    """What the writer may have meant: the nearest name, else all of them."""
    known = sorted(record.writable)
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; it has: {', '.join(known)}"


def _list_faults(value: Data, shape: ListOf, path: Path) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield _wrong_kind(value, "a list", path)
        return
    if shape.minimum is not None and len(value) < shape.minimum:
        yield Fault(path, f"has {len(value)} items; at least {shape.minimum} are needed")
    if shape.maximum is not None and len(value) > shape.maximum:
        yield Fault(path, f"has {len(value)} items; at most {shape.maximum} are allowed")
    for index, item in enumerate(value):
        yield from faults(item, shape.item, (*path, index))


def _map_faults(value: Data, shape: MapOf, path: Path) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield _wrong_kind(value, "an object", path)
        return
    if shape.maximum is not None and len(value) > shape.maximum:
        yield Fault(path, f"has {len(value)} items; at most {shape.maximum} are allowed")
    for name, item in value.items():
        if shape.name is not None:
            yield from faults(name, shape.name, (*path, name))
        yield from faults(item, shape.item, (*path, name))


def _scalar_faults(value: Data, shape: Scalar, path: Path) -> Iterator[Fault]:
    if not _is_kind(value, shape.kind):
        yield _wrong_kind(value, _ARTICLES[shape.kind], path)
        return
    if shape.values and folded(value) not in {folded(known) for known in shape.values}:
        yield Fault(path, f"{value!r} is none of: {', '.join(shape.values)}")
    if shape.pattern and not re.search(shape.pattern, value):
        yield Fault(path, f"{value!r} is not allowed: {shape.rule or f'must match {shape.pattern}'}")
    if shape.minimum is not None and value < shape.minimum:
        yield Fault(path, f"{value} is too low; the least is {shape.minimum:g}")
    if shape.maximum is not None and value > shape.maximum:
        yield Fault(path, f"{value} is too high; the most is {shape.maximum:g}")


_ARTICLES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _is_kind(value: Data, kind: ScalarKind) -> bool:
    if kind == "any":
        return True
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    numeric = int if kind == "integer" else int | float
    return isinstance(value, numeric) and not isinstance(value, bool)


def folded(text: str) -> str:
    """A word without its case and blanks, as ARM compares words of a list."""
    return text.replace(" ", "").casefold()


def _wrong_kind(value: Data, wanted: str, path: Path) -> Fault:
    return Fault(path, f"must be {wanted}, not {_kind_of(value)}")


def _kind_of(value: Data) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
