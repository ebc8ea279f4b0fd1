"""Check: are the inputs that a program gave right? All faults at once, each with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from provider.fields import Hint, Prop, complete, is_record, item_hint, props, top_level
from provider.values import UNKNOWN, Plain, Properties, Secret, has_unknown, reveal, show


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the inputs: the property's path, and what is wrong and would be right."""

    path: str
    reason: str

    @property
    def name(self) -> str:
        """The top-level property that the path is in."""
        return top_level(self.path)


@dataclass(frozen=True)
class Checked:
    """The outcome: the inputs with defaults filled in, and the faults (none when the inputs may be used)."""

    inputs: Properties
    faults: tuple[Fault, ...]


def check(cls: type, given: Mapping[str, Plain]) -> Checked:
    """Check what a program gave against the declaration of the inputs. Unknown values pass: `up` checks
    them.
    """
    given = {key: value for key, value in given.items() if not key.startswith("__")}
    return Checked(complete(cls, given), tuple(_object_faults(cls, given, "")))


def _object_faults(cls: type, given: Mapping[str, Plain], prefix: str) -> Iterator[Fault]:
    declared = {each.name: each for each in props(cls)}
    for key in given.keys() - declared.keys():
        yield Fault(f"{prefix}{key}", _unknown_key(key, list(declared)))
    for name, each in declared.items():
        yield from _prop_faults(each, given.get(name), f"{prefix}{name}")


def _unknown_key(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"there is no such property; {advice}"


def _prop_faults(each: Prop, value: Plain, path: str) -> Iterator[Fault]:
    if value is None:
        if each.required:
            yield Fault(path, f"is missing; it is required: {each.doc}")
        return
    if each.secret and not isinstance(value, Secret):
        value = Secret(value)  # what a program forgot to mark is not shown either
    faults = list(_type_faults(each.hint, value, path))
    yield from faults
    if each.rule is None or faults or has_unknown(value):
        return
    if (right := each.rule(reveal(value))) is not None:
        yield Fault(path, f"is {show(value)}; {right}")


def _type_faults(hint: Hint, value: Plain, path: str) -> Iterator[Fault]:
    bare = value.value if isinstance(value, Secret) else value
    if bare is UNKNOWN:
        return
    if is_record(hint) and isinstance(bare, Mapping):
        yield from _object_faults(hint, bare, f"{path}.")
    elif (inner := item_hint(hint)) is not None and isinstance(bare, list):
        for index, item in enumerate(bare):
            yield from _type_faults(inner, item, f"{path}[{index}]")
    elif not _fits(hint, bare):
        yield Fault(path, f"is {show(value)}; {_wanted(hint)} is needed here")


def _fits(hint: Hint, value: Plain) -> bool:
    if hint in _SCALARS:
        return _SCALARS[hint][1](value)
    return not is_record(hint) and item_hint(hint) is None and isinstance(value, Mapping)


def _wanted(hint: Hint) -> str:
    if hint in _SCALARS:
        return _SCALARS[hint][0]
    return "a list" if item_hint(hint) is not None else "a map"


_SCALARS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("text", lambda value: isinstance(value, str)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}
"""A scalar type: how a person calls it, and its test."""
