"""Shapes read from the published azure-mgmt models, so that no schema is written by hand here.

Two generations of models exist: the older carry `_attribute_map` and `_validation` (azure-mgmt-iothub 4.0.0,
azure-mgmt-authorization 4.0.0, azure-mgmt-monitor 7.0.0), the newer one `rest_field` a property (all others).
Enumerations are found in the type annotations of either.

A package of models is loaded without the client around it, under another name (`published_models.…`): some
clients take two seconds to import, and whoever wants one still gets the real package.
"""

import importlib
import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ForwardRef

from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, Member, OneOf, Scalar, Shape

_ALIAS = "published_models"
_TRACKED = {"location": Member(Scalar("str"), required=True), "tags": Member(MapOf(Scalar("str")))}
_OLD_SCALARS = {
    "str": "str",
    "bool": "bool",
    "int": "int",
    "long": "int",
    "float": "float",
    "object": "any",
    "iso-8601": "str",
    "rfc-1123": "str",
    "duration": "str",
    "bytearray": "bytes",
}
_NEW_SCALARS = {
    str: "str",
    bool: "bool",
    int: "int",
    float: "float",
    bytes: "bytes",
    **dict.fromkeys((date, datetime, time, timedelta), "str"),
}


@dataclass(frozen=True)
class Published:
    """A model of an azure-mgmt package, read when it is first needed.

    Attributes:
        package: e.g. "azure.mgmt.eventhub" or "azure.mgmt.iothub.v2023_06_30".
        model: the class in its `models`.
        tracked: whether the API version served has it as a tracked resource, and the model no longer.
    """

    package: str
    model: str
    tracked: bool = False

    @property
    def shape(self) -> Shape:
        """The model's shape."""
        shape = _reader(self.package).shape(self.model)
        return Shape(shape.name, _TRACKED | shape.members, shape.lifted) if self.tracked else shape


def shape_of(source: Published | Shape) -> Shape:
    """The shape of a source: a published model, or one that no package has."""
    return source.shape if isinstance(source, Published) else source


@cache
def _reader(package: str) -> "_Reader":
    return _Reader(_bare(f"{package}.models"))


def _bare(name: str) -> types.ModuleType:
    """A package's models; the packages above them are stood in for by empty modules at the same paths."""
    parts = name.split(".")
    home = _folder(".".join(parts[:3]))
    alias = _ALIAS
    _stand_in(alias, None)
    for depth, part in enumerate(parts[2:-1]):
        alias = f"{alias}.{part}"
        _stand_in(alias, home.joinpath(*parts[3 : 3 + depth]))
    return importlib.import_module(f"{alias}.{parts[-1]}")


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None, package
    assert found.submodule_search_locations, package
    return Path(next(iter(found.submodule_search_locations)))


def _stand_in(name: str, folder: Path | None) -> None:
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__path__ = [str(folder)] if folder else []
        sys.modules[name] = module


class _Reader:
    """Reads models of one package; `known` keeps those under way, for models that hold each other."""

    def __init__(self, package: types.ModuleType) -> None:
        self._package = package
        self._known: dict[str, Shape] = {}

    def shape(self, model: str) -> Shape:
        if model not in self._known:
            shape = self._known[model] = Shape(model)
            source = getattr(self._package, model)
            read = self._old_members if hasattr(source, "_attribute_map") else self._new_members
            shape.members.update(read(source))
            shape.lifted = _lifted(source)
        return self._known[model]

    def kind(self, model: str) -> Kind:
        """The model's shape; of a model that only others derive from, the choice among them."""
        source = getattr(self._package, model)
        derived = dict(_derived(source))
        if not derived:
            return self.shape(model)
        field = _discriminator(source)
        return OneOf(field, {value: self.shape(name) for value, name in derived.items()})

    def _old_members(self, model: Any) -> dict[str, Member]:  # noqa: ANN401 - generated class
        members: dict[str, Member] = {}
        arguments = inspect.signature(model.__init__).parameters
        for attribute, described in model._attribute_map.items():
            if not described["key"]:  # additional_properties: what the model does not know
                continue
            rules = dict(model._validation.get(attribute, {}))
            # Choices are of texts; a severity, say, is a number that happens to have names.
            named = attribute in arguments and described["type"] not in ("int", "long", "float")
            choice = self._choice(arguments[attribute].annotation) if named else None
            member = Member(
                choice or self._old_kind(described["type"]),
                required=bool(rules.pop("required", False)),
                read_only=bool(rules.pop("readonly", False)),
                limits=rules,
                client_name=_client_name(_steps(described["key"])[-1], attribute),
            )
            _place(members, _steps(described["key"]), member, model.__name__)
        return members

    def _old_kind(self, text: str) -> Kind:
        if text.startswith("["):
            return ListOf(self._old_kind(text[1:-1]))
        if text.startswith("{"):
            return MapOf(self._old_kind(text[1:-1]))
        return Scalar(_OLD_SCALARS[text]) if text in _OLD_SCALARS else self.kind(text)

    def _new_members(self, model: Any) -> dict[str, Member]:  # noqa: ANN401 - generated class
        hints: dict[str, Any] = {}
        for base in reversed(model.__mro__):
            hints.update(getattr(base, "__annotations__", {}))
        fields = {
            name: vars(base)[name]
            for base in reversed(model.__mro__)
            for name in vars(base)
            if _is_field(base, name)
        }
        return dict(self._new_member(name, it, hints[name]) for name, it in fields.items())

    def _new_member(self, name: str, rest_field: Any, hint: Any) -> tuple[str, Member]:  # noqa: ANN401 - generated
        optional = type(None) in typing.get_args(hint)
        read_only = rest_field._visibility == ["read"]
        kind = self._choice(hint) or self._new_kind(hint)
        wire = rest_field._rest_name_input or name
        client = _client_name(wire, name)
        required = not optional and not read_only
        return wire, Member(kind, required=required, read_only=read_only, client_name=client)

    def _new_kind(self, hint: Any) -> Kind:  # noqa: ANN401 - a type annotation
        if isinstance(hint, str | ForwardRef):
            return self.kind(_model_name(hint))
        if hint in _NEW_SCALARS:
            return Scalar(_NEW_SCALARS[hint])
        inner = [it for it in typing.get_args(hint) if it is not type(None)]
        if typing.get_origin(hint) is typing.Literal:
            return Choice(tuple(str(getattr(it, "value", it)) for it in inner))
        if typing.get_origin(hint) is list:
            return ListOf(self._new_kind(inner[0]))
        if typing.get_origin(hint) is dict:
            return MapOf(self._new_kind(inner[1]))
        return self._new_kind(inner[0]) if inner else Scalar("any")

    def _choice(self, hint: Any) -> Choice | None:  # noqa: ANN401 - a type annotation
        for part in typing.get_args(hint):
            if isinstance(part, ForwardRef | str):
                source = getattr(self._package, _model_name(part), None)
                if isinstance(source, type) and issubclass(source, Enum):
                    return Choice(tuple(it.value for it in source))
        return None


def _is_field(base: type, name: str) -> bool:
    return type(vars(base)[name]).__name__ == "_RestField"


def _derived(source: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - generated class
    """The values of the discriminator with the models they stand for; none for a plain model."""
    own = vars(source)
    for values in own.get("_subtype_map", {}).values():
        yield from values.items()
    for value, model in own.get("__mapping__", {}).items():
        if model is not source:
            yield str(getattr(value, "value", value)), model.__name__


def _discriminator(source: Any) -> str:  # noqa: ANN401 - generated class
    if hasattr(source, "_attribute_map"):
        return _steps(source._attribute_map[next(iter(source._subtype_map))]["key"])[-1]
    fields = (
        it for base in source.__mro__ for it in vars(base).values() if type(it).__name__ == "_RestField"
    )
    return next(str(it._rest_name_input) for it in fields if it._is_discriminator)


def _lifted(source: Any) -> str:  # noqa: ANN401 - generated class
    """The member that the newer SDKs show flattened; the older ones spell it in their keys."""
    for base in source.__mro__:
        if f"_{base.__name__.lstrip('_')}__flattened_items" in vars(base):
            return "properties"
    keys = (_steps(it["key"]) for it in getattr(source, "_attribute_map", {}).values())
    return next((steps[0] for steps in keys if len(steps) > 1), "")


def _steps(key: str) -> list[str]:
    """The properties that an older model's key leads through; an escaped period is part of a name."""
    return [it.replace("\0", ".") for it in key.replace("\\.", "\0").split(".")]


def _client_name(wire: str, attribute: str) -> str:
    """A property's name in SDKs (`x-ms-client-name`), "" when it is that of JSON."""
    words = attribute.split("_")
    spelled = wire.lower() == "".join(words) and (len(words) == 1 or wire != wire.lower())
    return "" if spelled else words[0] + "".join(it.capitalize() for it in words[1:])


def _model_name(hint: str | ForwardRef) -> str:
    text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
    return text.rpartition(".")[2]


def _place(members: dict[str, Member], steps: list[str], member: Member, model: str) -> None:
    """Put a member where its key leads: "properties.principalId" goes into an object "properties"."""
    head, *rest = steps
    if not rest:
        members[head] = member
        return
    holder = members.setdefault(head, Member(Shape(f"{model}.{head}")))
    members[head] = Member(holder.kind, required=holder.required or member.required)
    assert isinstance(holder.kind, Shape)
    _place(holder.kind.members, rest, member, model)
