"""Between what a program declares, what ARM takes and answers, and what the program sees. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers.azure_native import models
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.shapes import Field, ListOf, MapOf, NameSet, OneOf, Record, Scalar, Shape
from localcloud.providers.wire import UNKNOWN, Data, Secret, reveal

SECRETS = frozenset(
    {"primaryKey", "secondaryKey", "connectionString", "masterKey", "functionKeys", "systemKeys"}
)
"""Properties that hold a key, wherever they stand; ARM masks or leaves them out when it is read."""

_STABLE = ("name", "location", "type")


def to_body(kind: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The request body of declared inputs, secrets opened."""
    return _object_to_wire(reveal(inputs), models.request(kind))


def _object_to_wire(values: Mapping[str, Any], record: Record) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, field in record.writable.items():
        if name in values:
            *holders, last = field.wire or (name,)
            place = body
            for holder in holders:
                place = place.setdefault(holder, {})
            place[last] = _to_wire(values[name], field.shape)
    return body


def _to_wire(value: Data, shape: Shape) -> Data:
    match shape:
        case NameSet():
            return {name: {} for name in value}
        case OneOf():
            record = shape.chosen(value, shape.field)
            return value if record is None else _object_to_wire(value, record)
        case Record():
            return _object_to_wire(value, shape)
        case ListOf():
            return [_to_wire(item, shape.item) for item in value]
        case MapOf():
            return {name: _to_wire(item, shape.item) for name, item in value.items()}
        case Scalar():
            return value


def to_outputs(kind: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the program sees of an ARM document: keys secret, `properties` lifted where azure-native does."""
    found = {name: value for name, value in document.items() if name != "id"}
    outputs = _object_from_wire(found, models.answer(kind).fields)
    return {"azureApiVersion": kind.api_version} | _sealed(outputs)


def sealed(value: Data) -> Data:
    """The value with every key in it made secret."""
    if isinstance(value, Mapping):
        return _sealed(value)
    return [sealed(item) for item in value] if isinstance(value, list) else value


def _sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Secret(value) if name in SECRETS and not _is_masked(value) else sealed(value)
        for name, value in values.items()
    }


def to_inputs(kind: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of an ARM document that a program could have declared, path parameters apart."""
    return _object_from_wire(document, models.request(kind).writable, writable=True)


def _object_from_wire(
    document: Mapping[str, Any], fields: Mapping[str, Field], *, writable: bool = False
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in fields.items():
        found = _at(document, field.wire or (name,))
        if found is not None:
            values[name] = _from_wire(found, field.shape, writable)
    return values


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Data:
    place: Any = document
    for step in path:
        place = place.get(step) if isinstance(place, Mapping) else None
    return place


def _from_wire(value: Data, shape: Shape, writable: bool) -> Data:
    """A value of ARM as Pulumi has it: all of it, or only what a program may set."""
    match shape:
        case NameSet():
            return sorted(value) if writable else value
        case OneOf():
            record = shape.chosen(value, shape.wire)
            return value if record is None else _from_wire(value, record, writable)
        case Record():
            fields = shape.writable if writable else shape.fields
            return _object_from_wire(value, fields, writable=writable)
        case ListOf():
            return [_from_wire(item, shape.item, writable) for item in value]
        case MapOf():
            return {name: _from_wire(item, shape.item, writable) for name, item in value.items()}
        case Scalar():
            return value


def project(kind: ResourceType, declared: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The live values of what was declared. What the service added (defaults, links) is none of it.

    A key that ARM does not give back is taken to be as declared.
    """
    live = to_inputs(kind, document)
    fields = models.request(kind).writable
    kept = {name: it for name, it in declared.items() if name not in fields or name in kind.unread}
    return kept | _project_object({name: declared[name] for name in fields if name in declared}, live, fields)


def _project_object(
    declared: Mapping[str, Any], live: Mapping[str, Any], fields: Mapping[str, Field]
) -> dict[str, Any]:
    return {
        name: _project(value, live.get(name), fields[name].shape, name)
        for name, value in declared.items()
        if name in fields and (name in live or name in SECRETS)
    }


def _project(declared: Data, live: Data, shape: Shape, name: str) -> Data:
    if isinstance(declared, Secret):
        return Secret(_project(declared.value, live, shape, name))
    if name in SECRETS and _is_masked(live):
        return declared
    if isinstance(shape, OneOf) and isinstance(declared, Mapping):
        record = shape.chosen(declared, shape.field)
        return live if record is None else _project(declared, live, record, name)
    if isinstance(shape, Record) and isinstance(declared, Mapping) and isinstance(live, Mapping):
        return _project_object(declared, live, shape.writable)
    if isinstance(shape, ListOf) and isinstance(declared, list) and isinstance(live, list):
        return _project_items(declared, live, shape)
    return declared if same(name, declared, live) else live


def _project_items(declared: list[Any], live: list[Any], shape: ListOf) -> list[Any]:
    """Item by item, as far as both go; items that are only live are drift."""
    shared = [_project(mine, theirs, shape.item, "") for mine, theirs in zip(declared, live, strict=False)]
    return shared + live[len(shared) :]


def _is_masked(live: Data) -> bool:
    """Whether ARM answered a key with nothing or with stars; one secret leaf hides all of `properties`."""
    return not live or (isinstance(live, str) and "****" in live)


def same(name: str, declared: Data, live: Data) -> bool:
    """Whether two values mean the same to ARM: the case of words and ids, the blanks of a location.

    ARM answers a role definition `/providers/…` with its id in the subscription.
    """
    if not (isinstance(declared, str) and isinstance(live, str)):
        return bool(declared == live)
    left, right = declared.casefold(), live.casefold()
    if name == "location":
        return left.replace(" ", "") == right.replace(" ", "")
    if left.startswith("/"):
        return left == right or (left.startswith("/providers/") and right.endswith(left))
    return declared == live


def preview(kind: ResourceType, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of the outputs beforehand: what is declared, and on an update what never changes.

    All that the service may add is unknown, at every depth, as azure-native says it.
    """
    known = _fill(inputs, models.answer(kind))
    stable = {name: outputs[name] for name in _STABLE if name in outputs}
    return {"azureApiVersion": kind.api_version} | known | stable


def _fill(values: Mapping[str, Any], record: Record) -> dict[str, Any]:
    return {
        name: _filled(values.get(name, UNKNOWN), field.shape)
        for name, field in record.fields.items()
        if name != "id"
    }


def _filled(value: Data, shape: Shape) -> Data:
    if isinstance(value, Secret):
        return Secret(_filled(value.value, shape))
    if isinstance(shape, NameSet):
        return UNKNOWN
    if isinstance(shape, OneOf) and isinstance(value, Mapping):
        record = shape.chosen(value, shape.field)
        return value if record is None else _fill(value, record)
    if isinstance(shape, Record) and isinstance(value, Mapping):
        return _fill(value, shape)
    if isinstance(shape, ListOf) and isinstance(value, list):
        return [_filled(item, shape.item) for item in value]
    return value
