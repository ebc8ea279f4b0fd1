"""Between what a program declares and the documents that a cloud takes and answers, by their shape. No IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.shapes import (
    Coded,
    Field,
    Judged,
    ListOf,
    MapOf,
    NameSet,
    OneOf,
    Record,
    Scalar,
    Shape,
    folded,
)
from localcloud.providers.wire import UNKNOWN, Data, Secret


def object_to_wire(values: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Declared properties as the cloud's own object; what the record has not is left out."""
    body: dict[str, Any] = {}
    for name, field in record.writable.items():
        if name in values:
            put_at(body, field.wire or (name,), to_wire(values[name], field.shape))
        elif record.usual.get(name):
            put_at(body, field.wire or (name,), record.usual[name])
    return body


def put_at(document: dict[str, Any], path: tuple[str, ...], value: Data) -> None:
    """Put a value into a document, with the objects around it."""
    *holders, last = path
    place = document
    for holder in holders:
        place = place.setdefault(holder, {})
    place[last] = value


def to_wire(value: Data, shape: Shape) -> Data:
    """A declared value as the cloud writes it."""
    match shape:
        case NameSet():
            return {name: {} for name in value}
        case Coded():
            return shape.to(value)
        case OneOf():
            record = shape.chosen(value, shape.field)
            return value if record is None else object_to_wire(value, record)
        case Record():
            return object_to_wire(value, shape)
        case ListOf():
            return [to_wire(item, shape.item) for item in value]
        case MapOf():
            return {name: to_wire(item, shape.item) for name, item in value.items()}
        case Scalar() | Judged():
            return value


def object_from_wire(
    document: Mapping[str, Any], fields: Mapping[str, Field], *, writable: bool = False
) -> dict[str, Any]:
    """A cloud's object as Pulumi has it: all of `fields`, at any depth, or only what a program may set."""
    values: dict[str, Any] = {}
    for name, field in fields.items():
        found = at(document, field.wire or (name,))
        if found is not None:
            values[name] = from_wire(found, field.shape, writable)
    return values


def at(document: Mapping[str, Any], path: tuple[str, ...]) -> Data:
    """What stands at a path; None when nothing does."""
    place: Any = document
    for step in path:
        place = place.get(step) if isinstance(place, Mapping) else None
    return place


def from_wire(value: Data, shape: Shape, writable: bool) -> Data:
    """A value of the cloud as Pulumi has it: all of it, or only what a program may set."""
    match shape:
        case NameSet():
            return sorted(value) if writable else value
        case Coded():
            return shape.back(value)
        case OneOf():
            record = shape.chosen(value, shape.wire)
            return value if record is None else from_wire(value, record, writable)
        case Record():
            fields = shape.writable if writable else shape.fields
            return object_from_wire(value, fields, writable=writable)
        case ListOf():
            return [from_wire(item, shape.item, writable) for item in value]
        case MapOf():
            return {name: from_wire(item, shape.item, writable) for name, item in value.items()}
        case Scalar() | Judged():
            return value


@dataclass(frozen=True)
class Projection:
    """What a cloud has of what was declared; what the service added (defaults, links) is none of it.

    Attributes:
        same: whether two values of a property mean the same to the cloud.
        hidden: whether the cloud does not show a property's value; it is taken to be as declared then.
    """

    same: Callable[[str, Data, Data], bool]
    hidden: Callable[[str, Data], bool]

    def record(self, declared: Mapping[str, Any], live: Mapping[str, Any], record: Record) -> dict[str, Any]:
        """Likewise, with what is declared nowhere and is not at rest."""
        moved = {
            name: live[name]
            for name, usual in record.usual.items()
            if name in live and name not in declared and live[name] != usual
            if not self.same(name, live[name], None)
        }
        return self.object(declared, live, record.writable) | moved

    def object(
        self, declared: Mapping[str, Any], live: Mapping[str, Any], fields: Mapping[str, Field]
    ) -> dict[str, Any]:
        """The live values of the declared properties."""
        return {
            name: self._value(value, live.get(name), fields[name].shape, name)
            for name, value in declared.items()
            if name in fields and (name in live or self.hidden(name, None) or self.same(name, value, None))
        }

    def _value(self, declared: Data, live: Data, shape: Shape, name: str) -> Data:
        if isinstance(declared, Secret):
            return Secret(self._value(declared.value, live, shape, name))
        if self.hidden(name, live):
            return declared
        if isinstance(shape, Coded):
            return self._value(declared, live, shape.shape, name)
        if isinstance(shape, OneOf) and isinstance(declared, Mapping):
            record = shape.chosen(declared, shape.field)
            return live if record is None else self._value(declared, live, record, name)
        if isinstance(shape, Record) and isinstance(declared, Mapping) and isinstance(live, Mapping):
            return self.record(declared, live, shape)
        if isinstance(shape, ListOf) and isinstance(declared, list) and isinstance(live, list):
            return self._items(declared, live, shape)
        return declared if self.same(name, declared, live) or _is_choice(shape, declared, live) else live

    def _items(self, declared: list[Any], live: list[Any], shape: ListOf) -> list[Any]:
        """Item by item, as far as both go; items that are only live are drift."""
        live = _aligned(declared, live) if shape.unordered else live
        shared = [
            self._value(mine, theirs, shape.item, "") for mine, theirs in zip(declared, live, strict=False)
        ]
        return shared + live[len(shared) :]


def _is_choice(shape: Shape, declared: Data, live: Data) -> bool:
    """Whether both are one of a shape's values: their case and blanks mean nothing (`shapes.Scalar`)."""
    both = isinstance(declared, str) and isinstance(live, str)
    return both and isinstance(shape, Scalar) and bool(shape.values) and folded(declared) == folded(live)


def _aligned(declared: list[Any], live: list[Any]) -> list[Any]:
    """The live items in the declared order; those that are not declared come last."""
    kept = [item for item in declared if item in live]
    return kept + [item for item in live if item not in declared]


def fill(values: Mapping[str, Any], record: Record, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What is known of an object beforehand: what is declared; all that the service may add is unknown."""
    return {
        name: _filled(values.get(name, UNKNOWN), field.shape)
        for name, field in record.fields.items()
        if name not in left_out
    }


def _filled(value: Data, shape: Shape) -> Data:
    if isinstance(value, Secret):
        return Secret(_filled(value.value, shape))
    if isinstance(shape, NameSet):
        return UNKNOWN
    if isinstance(shape, OneOf) and isinstance(value, Mapping):
        record = shape.chosen(value, shape.field)
        return value if record is None else fill(value, record)
    if isinstance(shape, Record) and isinstance(value, Mapping):
        return fill(value, shape)
    if isinstance(shape, ListOf) and isinstance(value, list):
        return [_filled(item, shape.item) for item in value]
    return value
