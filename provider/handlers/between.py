"""Rules between properties, for every resource. A value may be UNKNOWN: then it may be anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provider.checking import Fault
from provider.fields import attribute
from provider.values import UNKNOWN


def exactly_one(names: tuple[str, ...], inputs: object) -> Iterator[Fault]:
    """One of these properties is given, and no more. False counts as not given."""
    right = f"exactly one of {', '.join(names)} would be right"
    yield from at_most_one(names, inputs, right)
    if not any(value_of(inputs, name) for name in names):
        yield Fault(names[0], f"is missing; {right}")


def at_most_one(names: tuple[str, ...], inputs: object, right: str) -> Iterator[Fault]:
    """No two of these properties are given."""
    given = [name for name in names if value_of(inputs, name) not in (UNKNOWN, None, False)]
    for name in given[1:]:
        yield Fault(name, f"stands beside {given[0]}; {right}")


def beside(first: str, second: str, inputs: object) -> Iterator[Fault]:
    """The second of two slots is filled only beside the first."""
    if value_of(inputs, second) and value_of(inputs, first) is None:
        yield Fault(second, f"stands without {first}; the first slot is filled first")


def value_of(inputs: object, name: str) -> Any:  # noqa: ANN401 - whatever the property holds
    """The value of a property, by the name that programs write."""
    return getattr(inputs, attribute(name))
