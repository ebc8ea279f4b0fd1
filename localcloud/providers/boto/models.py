"""What a resource type's inputs and outputs may be: the service's model, with its table entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from localcloud.aws.constraints import Faults, checked
from localcloud.providers.boto import service_models
from localcloud.providers.boto.entries import Kind, Property
from localcloud.providers.shapes import Field, Judged, ListOf, MapOf, Record, Scalar, ScalarKind, Shape
from localcloud.providers.wire import Data

_KINDS: dict[str, ScalarKind] = {
    "string": "string",
    "character": "string",
    "blob": "string",
    "timestamp": "string",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
}
_ANY = Scalar("any")
REGION = Scalar("string", pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", rule="a region, such as eu-west-1")


@cache
def inputs(kind: Kind) -> Record:
    """What a program may declare; `wire` is where it stands in the parameters of the create."""
    fields = {name: _field(kind, name, it, _place(it.at)) for name, it in kind.properties.items()}
    if kind.is_regional:
        fields["region"] = Field(REGION)
    return Record(kind.token.rpartition(":")[2], fields, kind.unserved)


@cache
def seen(kind: Kind) -> dict[str, Field]:
    """The fields of `inputs` that a read gives back; `wire` is where they stand in it."""
    return {
        name: _field(kind, name, it, _place(it.seen or it.at))
        for name, it in kind.properties.items()
        if it.is_read
    }


def _place(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _field(kind: Kind, name: str, it: Property, place: tuple[str, ...]) -> Field:
    return Field(_shape(kind, name, it), required=it.required, wire=place)


def _shape(kind: Kind, name: str, it: Property) -> Shape:
    if it.shape is not None:
        return it.how(it.shape) if it.how else it.shape
    read = _Reader(kind).read(_member(kind, it.model or it.at), name)
    return it.how(read) if it.how else read


def _member(kind: Kind, place: str) -> Any:  # noqa: ANN401 - botocore has no types
    """The model of a parameter of the create."""
    first, *rest = place.split(".")
    shape = service_models.parameters(kind.service, kind.operation)[first]
    for step in rest:
        kept = {"list": "member", "map": "value"}.get(shape.type_name)
        shape = getattr(shape, kept) if kept else shape.members[step]
    return shape


class _Reader:
    """Turns a service's model into records, as Pulumi spells them."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._open: list[str] = []  # structures under way; some hold themselves

    def read(self, shape: Any, place: str) -> Shape:  # noqa: ANN401 - botocore has no types
        """The shape at a place of the program's properties."""
        limits = shape.metadata
        if shape.type_name == "structure":
            return _ANY if shape.name in self._open else self._record(shape, place)
        if shape.type_name == "list":
            item = self.read(shape.member, f"{place}[]")
            return ListOf(item, limits.get("min"), limits.get("max"), place in self._kind.sets)
        if shape.type_name == "map":
            return MapOf(self.read(shape.value, f"{place}.*"), _judged(shape.key), limits.get("max"))
        return _judged(shape)

    def _record(self, shape: Any, place: str) -> Record:  # noqa: ANN401 - botocore has no types
        self._open.append(shape.name)
        fields = dict(self._fields(shape, place))
        self._open.pop()
        below = {it.removeprefix(f"{place}.") for it in self._kind.unserved if it.startswith(f"{place}.")}
        return Record(shape.name, fields, frozenset(below), self._kind.usual.get(place, {}))

    def _fields(self, shape: Any, place: str) -> Iterator[tuple[str, Field]]:  # noqa: ANN401 - as above
        for member, inner in shape.members.items():
            usual = f"{place}.{camel(member)}"
            name = self._kind.renamed.get(f"{place}.{member}", camel(member))
            if usual not in self._kind.absent and f"{place}.{name}" not in self._kind.unserved:
                required = member in shape.required_members or f"{place}.{name}" in self._kind.demanded
                read = self.read(inner, f"{place}.{name}")
                form = self._kind.forms.get(f"{place}.{name}")
                yield name, Field(form(read) if form else read, required, wire=(member,))


def camel(member: str) -> str:
    """A member of a model as Pulumi usually spells it."""
    return member[:1].lower() + member[1:]


def _judged(shape: Any) -> Judged:  # noqa: ANN401 - botocore has no types
    return Judged(_KINDS[shape.type_name], _judge(shape))


def _judge(shape: Any) -> Callable[[Data], Sequence[str]]:  # noqa: ANN401 - botocore has no types
    """What the model says against a value, in AWS' words."""

    def judge(value: Data) -> Sequence[str]:
        if shape.type_name in ("blob", "timestamp"):
            return []
        faults = Faults()
        checked(shape, value, "", faults)
        return [it.rpartition("failed to satisfy constraint: ")[2] for it in faults]

    return judge
