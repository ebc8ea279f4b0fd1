"""Shapes read from the published azure-mgmt models, so that no schema is written by hand here.

Two generations of models exist: the older carry `_attribute_map` and `_validation` (azure-mgmt-iothub 4.0.0,
azure-mgmt-authorization 4.0.0), the newer one `rest_field` a property (azure-mgmt-resource 26,
azure-mgmt-iothubprovisioningservices 2.1.0). Enumerations are found in the type annotations of either.
"""

import inspect
import types
import typing
from enum import Enum
from functools import lru_cache
from typing import Any, ForwardRef

from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, Member, Scalar, Shape

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
_NEW_SCALARS = {str: "str", bool: "bool", int: "int", float: "float", bytes: "bytes"}


@lru_cache(maxsize=64)
def shape_of(package: types.ModuleType, model: str) -> Shape:
    """The shape of a model of a `….models` package."""
    return _Reader(package).shape(model)


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
        return self._known[model]

    def _old_members(self, model: Any) -> dict[str, Member]:  # noqa: ANN401 - generated class
        members: dict[str, Member] = {}
        arguments = inspect.signature(model.__init__).parameters
        for attribute, described in model._attribute_map.items():
            rules = dict(model._validation.get(attribute, {}))
            choice = self._choice(arguments[attribute].annotation) if attribute in arguments else None
            member = Member(
                choice or self._old_kind(described["type"]),
                required=bool(rules.pop("required", False)),
                read_only=bool(rules.pop("readonly", False)),
                limits=rules,
            )
            _place(members, described["key"], member, model.__name__)
        return members

    def _old_kind(self, text: str) -> Kind:
        if text.startswith("["):
            return ListOf(self._old_kind(text[1:-1]))
        if text.startswith("{"):
            return MapOf(self._old_kind(text[1:-1]))
        return Scalar(_OLD_SCALARS[text]) if text in _OLD_SCALARS else self.shape(text)

    def _new_members(self, model: Any) -> dict[str, Member]:  # noqa: ANN401 - generated class
        hints: dict[str, Any] = {}
        for base in reversed(model.__mro__):
            hints.update(getattr(base, "__annotations__", {}))
        fields = {
            name: vars(base)[name] for base in model.__mro__ for name in vars(base) if _is_field(base, name)
        }
        return {it._rest_name_input or name: self._new_member(it, hints[name]) for name, it in fields.items()}

    def _new_member(self, rest_field: Any, hint: Any) -> Member:  # noqa: ANN401 - generated class
        optional = type(None) in typing.get_args(hint)
        read_only = rest_field._visibility == ["read"]
        kind = self._choice(hint) or self._new_kind(hint)
        return Member(kind, required=not optional and not read_only, read_only=read_only)

    def _new_kind(self, hint: Any) -> Kind:  # noqa: ANN401 - a type annotation
        if isinstance(hint, str | ForwardRef):
            return self.shape(_model_name(hint))
        if hint in _NEW_SCALARS:
            return Scalar(_NEW_SCALARS[hint])
        inner = [it for it in typing.get_args(hint) if it is not type(None)]
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


def _model_name(hint: str | ForwardRef) -> str:
    text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
    return text.rpartition(".")[2]


def _place(members: dict[str, Member], key: str, member: Member, model: str) -> None:
    """Put a member where its key says: "properties.principalId" goes into an object "properties"."""
    head, _, rest = key.replace("\\.", "\0").partition(".")
    if not rest:
        members[head.replace("\0", ".")] = member
        return
    holder = members.setdefault(head, Member(Shape(f"{model}.{head}")))
    members[head] = Member(holder.kind, required=holder.required or member.required)
    assert isinstance(holder.kind, Shape)
    _place(holder.kind.members, rest, member, model)
