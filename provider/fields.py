"""How a resource declares its properties: a frozen, keyword-only dataclass whose fields are made by `prop`.

    @dataclass(frozen=True, kw_only=True)
    class Inputs:
        service_host: str = prop("Host of the service.", replaces="it is the address", rule=host)
        enabled: bool = prop("Whether devices may enrol.", default=True)

Check, diff, schema and the conversion to and from plain properties all follow from that declaration. A
field's type is `str`, `int`, `float`, `bool`, `tuple[T, ...]`, `Mapping[str, Any]` (free JSON), another
such dataclass, or one of those `| None`. A property's name is the field's in camelCase."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from provider.values import UNKNOWN, Plain, Properties, Secret, has_secret, reveal

T = TypeVar("T")
Hint: TypeAlias = Any
"""A type, as an annotation names it."""

Rule = Callable[[Any], str | None]
"""Looks at a well-typed value; says what would be right when it is not, else None."""

_REQUIRED: Final = object()
_KEY: Final = "muster"


@dataclass(frozen=True)
class _Declared:
    doc: str
    default: Any
    replaces: str
    secret: bool
    rule: Rule | None
    normal: Callable[[Any], Any] | None


@dataclass(frozen=True)
class Prop:
    """One property of a resource, as its dataclass declares it.

    `replaces` is the reason why a change needs a new resource ("" when an update will do). `normal` maps a
    value to what is compared, so that two spellings of one thing make no diff."""

    name: str
    attribute: str
    hint: Any
    optional: bool
    doc: str
    default: Any
    replaces: str
    secret: bool
    rule: Rule | None
    normal: Callable[[Any], Any] | None

    @property
    def required(self) -> bool:
        """Whether the program must give it."""
        return self.default is _REQUIRED

    @property
    def fallback(self) -> Plain:
        """The value, as plain data, that holds when the program gives none."""
        return None if self.required else write_value(self.default)


def prop(
    doc: str,
    *,
    default: Plain = _REQUIRED,
    replaces: str = "",
    secret: bool = False,
    rule: Rule | None = None,
    normal: Callable[[Any], Any] | None = None,
) -> Plain:
    """A dataclass field that is a property. `doc` goes into the schema; the rest is as in `Prop`."""
    metadata = {_KEY: _Declared(doc, default, replaces, secret, rule, normal)}
    if default is _REQUIRED:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def props(cls: Hint) -> tuple[Prop, ...]:
    """The properties that a dataclass declares, in order."""
    return _props(cls)


@lru_cache
def _props(cls: type) -> tuple[Prop, ...]:
    hints = get_type_hints(cls)
    return tuple(_prop(field, hints[field.name]) for field in dataclasses.fields(cls))


def read(cls: type[T], plain: Mapping[str, Plain]) -> T:
    """The dataclass that plain properties describe, secrets revealed. UNKNOWN stays where it is; keys that
    the dataclass does not declare are left out, missing ones get their defaults."""
    return cls(
        **{each.attribute: _read(each.hint, plain.get(each.name, each.fallback)) for each in props(cls)}
    )


def write(instance: object) -> Properties:
    """The plain properties of a dataclass; those that are None are left out."""
    values = {each.name: getattr(instance, each.attribute) for each in props(type(instance))}
    return {name: write_value(value) for name, value in values.items() if value is not None}


def write_value(value: Plain) -> Plain:
    """One value of a dataclass as plain data."""
    match value:
        case Mapping():
            return {key: write_value(item) for key, item in value.items()}
        case list() | tuple():
            return [write_value(item) for item in value]
        case _ if is_record(type(value)):
            return write(value)
        case _:
            return value


def complete(cls: type, plain: Mapping[str, Plain]) -> Properties:
    """The declared properties with defaults filled in, in nested dataclasses too. Absent ones stay absent."""
    values = {each.name: _completed(each, plain.get(each.name)) for each in props(cls)}
    return {name: value for name, value in values.items() if value is not None}


def conceal(cls: type, plain: Mapping[str, Plain], like: Mapping[str, Plain]) -> Properties:
    """The properties with a Secret around each that is declared secret, or that is secret in `like`.

    One that still holds its secrets, as the program marked them inside it, is left as it is.
    """
    declared = {each.name for each in props(cls) if each.secret}
    return {name: _concealed(value, name in declared, like.get(name)) for name, value in plain.items()}


def attribute(name: str) -> str:
    """The field that a property's name stands for: `hubHost` is `hub_host`."""
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def top_level(path: str) -> str:
    """The name of the property that a path such as `initialTwin.tags["a"]` is in."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def is_record(hint: Hint) -> bool:
    """Whether the type is a dataclass, which is to say an object with declared properties."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint is not Secret


def item_hint(hint: Hint) -> Hint:
    """The type of the items of a `tuple[T, ...]`; None for anything else."""
    origin: Hint = get_origin(hint)
    return get_args(hint)[0] if origin is tuple else None


def _prop(field: dataclasses.Field[Any], hint: Hint) -> Prop:
    declared: _Declared = field.metadata[_KEY]
    origin: Hint = get_origin(hint)
    optional = origin in (Union, UnionType)
    inner = next(each for each in get_args(hint) if each is not NoneType) if optional else hint
    head, *tail = field.name.split("_")
    name = head + "".join(word.capitalize() for word in tail)
    return Prop(name=name, attribute=field.name, hint=inner, optional=optional, **vars(declared))


def _read(hint: Hint, value: Plain) -> Plain:
    value = reveal(value)
    if value is None or value is UNKNOWN:
        return value
    if is_record(hint) and isinstance(value, Mapping):
        return read(hint, value)
    if (inner := item_hint(hint)) is not None and isinstance(value, list):
        return tuple(_read(inner, item) for item in value)
    return value


def _concealed(value: Plain, declared: bool, like: Plain) -> Plain:
    if isinstance(value, Secret) or not (declared or has_secret(like)):
        return value
    return value if has_secret(value) and not declared else Secret(reveal(value))


def _completed(each: Prop, value: Plain) -> Plain:
    if value is None:
        return each.fallback
    if is_record(each.hint) and isinstance(value, Mapping):
        return complete(each.hint, value)
    return value
