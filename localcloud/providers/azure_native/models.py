"""What a resource type's inputs and outputs may be: the published models, with its table entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from localcloud.azure import shapes as arm
from localcloud.azure.arm import models as arm_models
from localcloud.azure.arm.models import Published
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.shapes import (
    Field,
    ListOf,
    MapOf,
    NameSet,
    OneOf,
    Record,
    Scalar,
    ScalarKind,
    Shape,
)

_KINDS: dict[str, ScalarKind] = {
    "str": "string",
    "bytes": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "any": "any",
}


@cache
def inputs(kind: ResourceType) -> Record:
    """What a program may declare: path parameters and the writable part of the body."""
    path = {name: Field(kind.names[name], required=True) for name in kind.path_names}
    body = {name: field for name, field in request(kind).fields.items() if name not in path}
    return Record(kind.token.rpartition(":")[2], path | body)


@cache
def request(kind: ResourceType) -> Record:
    """The request body."""
    return _Reader(kind).top(kind.body)


@cache
def answer(kind: ResourceType) -> Record:
    """The response body, as Pulumi shows it."""
    return _Reader(kind, whole=True).top(kind.answer or kind.body)


class _Reader:
    """Turns the ARM side's reading of a model into records, as azure-native's API version has them.

    Args:
        kind: the entry whose model it is.
        whole: whether what a program may not say is part of it too, as in an answer.
    """

    def __init__(self, kind: ResourceType, *, whole: bool = False) -> None:
        self._kind = kind
        self._whole = whole
        self._absent = frozenset() if whole else kind.absent
        self._open: list[str] = []  # models under way; some hold themselves

    def top(self, source: Published | arm.Shape) -> Record:
        """The record of a whole body."""
        shape = arm_models.shape_of(source)
        lifted = "properties" if self._kind.flattened else shape.lifted
        return self._record(shape, "", lifted)

    def _record(self, shape: arm.Shape, place: str, lifted: str) -> Record:
        self._open.append(shape.name)
        fields = dict(self._fields(shape, place, lifted, ()))
        self._open.pop()
        return Record(shape.name, fields)

    def _fields(
        self, shape: arm.Shape, place: str, lifted: str, above: tuple[str, ...]
    ) -> Iterator[tuple[str, Field]]:
        """The fields by their Pulumi names; those of what is lifted stand among the others."""
        served = self._kind.narrowed.get(place)
        for wire, member in shape.members.items():
            if wire == lifted and isinstance(member.kind, arm.Shape):
                yield from self._fields(member.kind, place, member.kind.lifted, (*above, wire))
                continue
            name = member.client_name or wire
            where = f"{place}.{name}" if place else name
            name = self._kind.renamed.get(where, name)
            path = (*above, wire)
            if served is not None and name not in served:
                if self._whole:
                    yield name, Field(Scalar("any"), readonly=True, wire=path)
            elif where not in self._absent:
                yield name, self._field(member, where, path)

    def _field(self, member: arm.Member, where: str, wire: tuple[str, ...]) -> Field:
        if member.read_only:  # what only the service writes is shown as it comes
            return Field(Scalar("any"), readonly=True, wire=wire)
        shape = self._shape(member.kind, where)
        return Field(
            _limited(shape, member),
            required=member.required or where in self._kind.required,
            readonly=isinstance(shape, Record) and not shape.writable,
            wire=wire,
        )

    def _shape(self, kind: arm.Kind, where: str) -> Shape:
        if isinstance(kind, arm.Scalar):
            return Scalar(_KINDS[kind.name])
        if isinstance(kind, arm.Choice):
            return Scalar("string", values=kind.values)
        if isinstance(kind, arm.ListOf):
            return ListOf(self._shape(kind.item, f"{where}[]"))
        if isinstance(kind, arm.MapOf):
            return _map_of(self._shape(kind.item, f"{where}.*"))
        if isinstance(kind, arm.OneOf):
            return self._choice(kind, where)
        return Scalar("any") if kind.name in self._open else self._record(kind, where, kind.lifted)

    def _choice(self, kind: arm.OneOf, where: str) -> Shape:
        shapes = {value: self._shape(shape, where) for value, shape in kind.shapes.items()}
        first = next(iter(kind.shapes.values()))
        name = first.members[kind.field].client_name or kind.field
        return OneOf(name, kind.field, {value: it for value, it in shapes.items() if isinstance(it, Record)})


def _map_of(item: Shape) -> Shape:
    """A map whose values take nothing is a list of its names in Pulumi (user-assigned identities)."""
    return NameSet() if isinstance(item, Record) and not item.writable else MapOf(item)


def _limited(shape: Shape, member: arm.Member) -> Shape:
    """The shape with the model's own validation rules."""
    limits = member.limits
    if isinstance(shape, Scalar):
        return replace(
            shape,
            pattern=limits.get("pattern", ""),
            minimum=limits.get("minimum"),
            maximum=limits.get("maximum"),
        )
    if isinstance(shape, ListOf):
        return replace(shape, minimum=limits.get("min_items"), maximum=limits.get("max_items"))
    return shape
