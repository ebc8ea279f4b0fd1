"""Values on the engine's wire as plain Python, and back.

A property bag is a protobuf `Struct`. Two things in it are more than data: an unknown value (a preview
does not have it yet) and a secret. Here the first is `UNKNOWN`, the second `Secret(value)`. Signatures
and sentinels are those of the engine's `sdk/go/common/resource` (`plugin/rpc.go`, `properties.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret, not one
_UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string, and what is sent for every kind
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
Data: TypeAlias = Any
"""Plain Python that stands for a property: None, bool, int, float, str, list, dict, `UNKNOWN`, `Secret`."""

_EXACT_INTEGERS: Final = 2**53  # beyond it a double no longer counts one by one


class Unknown:
    """The type of `UNKNOWN`; a preview's placeholder for a value that only an update brings."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that the engine must encrypt in state and hide in output."""

    value: Data

    def __repr__(self) -> str:
        return "Secret(...)"


def decode(bag: Struct) -> dict[str, Any]:
    """A property bag as a dict. Nulls are left out; whole numbers become int (the wire has only doubles)."""
    return _mapping(bag)


def _mapping(bag: Struct) -> dict[str, Any]:
    pairs = ((key, _value(value)) for key, value in bag.fields.items())
    return {key: value for key, value in pairs if value is not None}


def _value(value: Value) -> Data:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _object(value.struct_value)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    return None


def _number(number: float) -> int | float:
    whole = number.is_integer() and abs(number) <= _EXACT_INTEGERS
    return int(number) if whole else number


def _object(bag: Struct) -> Data:
    signature = bag.fields.get(_SIGNATURE)
    if signature is not None and signature.string_value == _SECRET:
        return Secret(_value(bag.fields["value"]))
    return _mapping(bag)


def encode(properties: Mapping[str, Any]) -> Struct:
    """A dict as a property bag; the inverse of `decode`.

    Raises:
        TypeError: a value is of a type that the wire does not have.
    """
    return Struct(fields={key: _encoded(value) for key, value in properties.items()})


def _encoded(value: Data) -> Value:
    if value is None:
        return Value(null_value=NullValue.NULL_VALUE)
    if value is UNKNOWN:
        return Value(string_value=_UNKNOWN_STRING)
    if isinstance(value, Secret):
        return Value(struct_value=encode({_SIGNATURE: _SECRET, "value": value.value}))
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=encode(value))
    if isinstance(value, Sequence):
        return Value(list_value=ListValue(values=[_encoded(item) for item in value]))
    raise TypeError(f"the engine's wire has no {type(value).__name__}")


def reveal(value: Data) -> Data:
    """The same value with every `Secret` opened, for a request body or a comparison."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def conceal(value: Data, like: Data) -> Data:
    """`value`, secret wherever `like` is: an output that echoes a secret input stays a secret."""
    if isinstance(value, Secret):
        return value
    if isinstance(like, Secret):
        return Secret(value)
    if isinstance(value, Mapping) and isinstance(like, Mapping):
        return {key: conceal(item, like.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(like, list):
        return _conceal_items(value, like)
    return value


def _conceal_items(items: list[Any], like: list[Any]) -> Data:
    """Item by item where both lists match; else the whole list, when any item of `like` holds a secret."""
    if len(items) == len(like):
        return [conceal(item, twin) for item, twin in zip(items, like, strict=True)]
    return Secret(items) if holds(like, Secret) else items


def holds(value: Data, kind: type) -> bool:
    """Whether a value of `kind` (`Secret`, `Unknown`) is anywhere in it."""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return holds(value.value, kind)
    if isinstance(value, Mapping):
        return any(holds(item, kind) for item in value.values())
    return isinstance(value, list) and any(holds(item, kind) for item in value)
