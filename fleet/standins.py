"""Values to go on with where the given ones are of no use, so that one reading finds every fault."""

from __future__ import annotations

from dataclasses import MISSING
from functools import singledispatch
from typing import Any

from fleet.shapes import (
    ChoiceShape,
    FlagShape,
    ListShape,
    MapShape,
    ObjectShape,
    OneOfShape,
    Shape,
    TextShape,
    TwinShape,
    WholeShape,
)


@singledispatch
def stand_in(shape: Shape) -> Any:  # noqa: ANN401  the shape decides
    """A value of the shape's Python type."""
    raise TypeError(f"cannot stand in for {shape!r}")


@stand_in.register(TextShape)
@stand_in.register(ChoiceShape)
def _(shape: TextShape | ChoiceShape) -> str:
    return shape.options[0] if isinstance(shape, ChoiceShape) else ""


@stand_in.register
def _(shape: WholeShape) -> int:
    return shape.bounds.among[0] if shape.bounds.among else shape.bounds.least


@stand_in.register(FlagShape)
def _(_shape: FlagShape) -> bool:
    return False


@stand_in.register(ListShape)
def _(_shape: ListShape) -> tuple[Any, ...]:
    return ()


@stand_in.register(MapShape)
@stand_in.register(TwinShape)
def _(_shape: MapShape | TwinShape) -> dict[str, Any]:
    return {}


@stand_in.register
def _(shape: ObjectShape) -> object:
    needed = [field for field in shape.fields if field.default is MISSING]
    return shape.cls(**{field.name: stand_in(field.shape) for field in needed})


@stand_in.register
def _(shape: OneOfShape) -> object:
    return stand_in(shape.kinds[0].shape)
