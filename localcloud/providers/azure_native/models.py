"""What a resource type's inputs and outputs may be: the published models, with its table entry."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from localcloud.azure import shapes as arm
from localcloud.azure.arm import models as arm_models
from localcloud.providers.azure_native.table import PATH_PARAMETERS, ResourceType
from localcloud.providers.shapes import Field, ListOf, MapOf, NameSet, Record, Scalar, ScalarKind, Shape

_KINDS: dict[str, ScalarKind] = {
    "str": "string",
    "bytes": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "any": "any",
}


def path_names(kind: ResourceType) -> tuple[str, ...]:
    """The path parameters that a program gives, by their Pulumi names."""
    return tuple(name for name in re.findall(r"{(\w+)}", kind.path) if name != "subscriptionId")


@cache
def inputs(kind: ResourceType) -> Record:
    """What a program may declare: path parameters and the writable part of the body."""
    path = {name: Field(PATH_PARAMETERS[name], required=True) for name in path_names(kind)}
    body = {name: field for name, field in request(kind).fields.items() if name not in path}
    return Record(kind.token.rpartition(":")[2], path | body)


@cache
def request(kind: ResourceType) -> Record:
    """The request body."""
    return _record(kind, kind.body, kind.absent)


@cache
def answer(kind: ResourceType) -> Record:
    """The response body, as Pulumi shows it."""
    return _record(kind, kind.answer or kind.body, frozenset())


def _record(kind: ResourceType, model: str, absent: frozenset[str]) -> Record:
    package = importlib.import_module(f"{kind.client.package}.models")
    record = _Reader(kind.required, absent).record(arm_models.shape_of(package, model), "")
    return _lifted(record) if kind.flattened else record


def _lifted(record: Record) -> Record:
    """The record with what stands under `properties` beside the rest."""
    fields = dict(record.fields)
    inner = fields.pop("properties").shape
    assert isinstance(inner, Record)
    lifted = {name: replace(field, wire=("properties", name)) for name, field in inner.fields.items()}
    return Record(record.name, fields | lifted)


class _Reader:
    """Turns the ARM side's reading of a model into records, as azure-native's API version has them."""

    def __init__(self, required: frozenset[str], absent: frozenset[str]) -> None:
        self._required = required
        self._absent = absent
        self._open: list[str] = []  # models under way; some hold themselves

    def record(self, shape: arm.Shape, place: str) -> Record:
        """The record of a model that stands at `place`."""
        self._open.append(shape.name)
        fields = dict(self._fields(shape, place))
        self._open.pop()
        return Record(shape.name, fields)

    def _fields(self, shape: arm.Shape, place: str) -> Iterator[tuple[str, Field]]:
        for name, member in shape.members.items():
            where = f"{place}.{name}" if place else name
            if where not in self._absent:
                yield name, self._field(member, where)

    def _field(self, member: arm.Member, where: str) -> Field:
        shape = self._shape(member.kind, where)
        return Field(
            _limited(shape, member),
            required=member.required or where in self._required,
            readonly=member.read_only or (isinstance(shape, Record) and not shape.writable),
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
        return Scalar("any") if kind.name in self._open else self.record(kind, where)


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
