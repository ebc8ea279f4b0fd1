"""The shapes that values of a description may have, taken from the dataclasses' type hints.

`reading` (value to dataclass) and `schema` (JSON Schema) both walk shapes, so they cannot disagree.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import types
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from fleet.constraints import (
    Between,
    Count,
    Derived,
    Doc,
    Elsewhere,
    NotOn,
    NotWith,
    OnlyOn,
    Text,
    TwinDocument,
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TextShape:
    """Text of a form."""

    text: Text


@dataclass(frozen=True, slots=True)
class WholeShape:
    """A whole number within bounds."""

    bounds: Between


@dataclass(frozen=True, slots=True)
class FlagShape:
    """true or false."""


@dataclass(frozen=True, slots=True)
class ChoiceShape:
    """One of a few words."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListShape:
    """A list without repetitions."""

    item: Shape
    count: Count


@dataclass(frozen=True, slots=True)
class MapShape:
    """A mapping from names that the user chooses."""

    key: Text
    value: Shape
    count: Count


@dataclass(frozen=True, slots=True)
class TwinShape:
    """A free JSON object of a device twin; not `whole`: any value in one."""

    whole: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object: `name` in Python, `key` in the file."""

    name: str
    key: str
    shape: Shape
    doc: str
    derived: Derived | None
    not_with: str | None
    only_on: OnlyOn | None
    not_on: NotOn | None
    default: Any

    @property
    def required(self) -> bool:
        """Whether the file must have it."""
        return self.derived is None and self.default is dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """A mapping with the keys of a dataclass."""

    cls: type
    doc: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of several dataclasses that a value may be: the file names it by `key`."""

    key: str
    shape: ObjectShape
    not_on: NotOn | None


@dataclass(frozen=True, slots=True)
class OneOfShape:
    """A mapping with exactly one key, which tells the kind of the value below it.

    Its hint is the union of the kinds' dataclasses: `X509 | SymmetricKey` is `{x509: …}` or `{symmetricKey:
    …}` in the file. The key is the class's name, or what its `KIND` says.
    """

    kinds: tuple[Kind, ...]
    elsewhere: Elsewhere | None = None

    @property
    def keys(self) -> list[str]:
        """The keys there are."""
        return [kind.key for kind in self.kinds]


Shape = (
    TextShape
    | WholeShape
    | FlagShape
    | ChoiceShape
    | ListShape
    | MapShape
    | TwinShape
    | ObjectShape
    | OneOfShape
)


def shape_of(hint: Any) -> Shape:  # noqa: ANN401  a type hint may be any object
    """The shape of a type hint, with what its `Annotated` says. Raises TypeError on an unknown kind."""
    bare, notes = _parted(hint)
    if dataclasses.is_dataclass(bare) and isinstance(bare, type):
        return _object(bare)
    if (document := _first(notes, TwinDocument)) is not None:
        return TwinShape(document.whole)
    if bare is bool:
        return FlagShape()
    if bare is str:
        return TextShape(_needed(notes, Text, hint))
    if bare is int:
        return WholeShape(_needed(notes, Between, hint))
    return _composed(bare, notes)


def _composed(bare: Any, notes: tuple[Any, ...]) -> Shape:  # noqa: ANN401  a type hint may be any object
    origin, arguments = get_origin(bare), get_args(bare)
    if origin in (types.UnionType, Union):
        return _union([each for each in arguments if each is not type(None)], notes)
    if origin is Literal:
        return ChoiceShape(arguments)
    count = _first(notes, Count) or Count("entry")
    if origin is tuple:
        return ListShape(shape_of(arguments[0]), count)
    if origin is collections.abc.Mapping:
        return MapShape(_needed(_parted(arguments[0])[1], Text, bare), shape_of(arguments[1]), count)
    raise TypeError(f"no shape for {bare!r}")


def _union(arguments: list[Any], notes: tuple[Any, ...]) -> Shape:
    """`X | None` is an X that may be left out; a union of dataclasses is exactly one of them."""
    if len(arguments) == 1:
        return shape_of(arguments[0])
    kinds = tuple(Kind(_kind_key(each), _object(each), getattr(each, "NOT_ON", None)) for each in arguments)
    return OneOfShape(kinds, _first(notes, Elsewhere))


def _kind_key(cls: type) -> str:
    return str(getattr(cls, "KIND", cls.__name__[0].lower() + cls.__name__[1:]))


@cache
def _object(cls: type) -> ObjectShape:
    hints = get_type_hints(cls, include_extras=True)
    fields = tuple(_field(spec, hints[spec.name]) for spec in dataclasses.fields(cls))
    return ObjectShape(cls, cls.__doc__ or "", fields)


def _field(spec: dataclasses.Field[Any], hint: Any) -> Field:  # noqa: ANN401  a type hint may be any object
    notes = _parted(hint)[1]
    default = spec.default if spec.default_factory is dataclasses.MISSING else spec.default_factory()
    return Field(
        name=spec.name,
        key=camel_case(spec.name),
        shape=shape_of(hint),
        doc=_needed(notes, Doc, hint).text,
        derived=_first(notes, Derived),
        not_with=forbidding.key if (forbidding := _first(notes, NotWith)) else None,
        only_on=_first(notes, OnlyOn),
        not_on=_first(notes, NotOn),
        default=default,
    )


def camel_case(name: str) -> str:
    """`renew_before_days` as files spell it: `renewBeforeDays`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _parted(hint: Any) -> tuple[Any, tuple[Any, ...]]:  # noqa: ANN401  a type hint may be any object
    if get_origin(hint) is Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def _first(notes: tuple[Any, ...], kind: type[_T]) -> _T | None:
    return next((note for note in notes if isinstance(note, kind)), None)


def _needed(notes: tuple[Any, ...], kind: type[_T], hint: Any) -> _T:  # noqa: ANN401  a type hint may be any object
    found = _first(notes, kind)
    if found is None:
        raise TypeError(f"{hint!r} needs {kind.__name__}")
    return found
