"""What stands where its cloud is not, what a cloud cannot do, what a cloud needs: nothing is dropped unsaid.

Driven by the shapes' `OnlyOn` and `NotOn`. It looks at the plain value, where it can be seen what somebody
wrote and what is a default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fleet.constraints import NotOn
from fleet.errors import Finding, Path
from fleet.filling import Added
from fleet.shapes import Field, MapShape, ObjectShape, OneOfShape, Shape

CLOUD_NAMES: Mapping[str, str] = {"azure": "Azure", "aws": "AWS"}
"""The clouds as people call them."""


def misplaced(shape: Shape, value: object, added: Added) -> Iterator[Finding]:
    """Findings of a whole description, filled in; `added` are the paths that nobody wrote."""
    return _of(shape, value, (), frozenset(), added)


def _of(shape: Shape, value: object, path: Path, clouds: frozenset[str], added: Added) -> Iterator[Finding]:
    if not isinstance(value, dict):
        return
    match shape:
        case MapShape():
            for key, entry in value.items():
                yield from _of(shape.value, entry, (*path, str(key)), clouds, added)
        case OneOfShape():
            yield from _of_kinds(shape, value, path, clouds, added)
        case ObjectShape():
            clouds = _clouds(value, clouds)
            for field in shape.fields:
                yield from _of_field(field, value, path, clouds, added)


def _of_kinds(
    shape: OneOfShape, value: dict[str, Any], path: Path, clouds: frozenset[str], added: Added
) -> Iterator[Finding]:
    for kind in shape.kinds:
        if kind.key in value:
            place = (*path, kind.key)
            yield from _impossible(kind.not_on, place, clouds)
            yield from _of(kind.shape, value[kind.key], place, clouds, added)


def _of_field(
    field: Field, value: dict[str, Any], path: Path, clouds: frozenset[str], added: Added
) -> Iterator[Finding]:
    place = (*path, field.key)
    if field.key not in value:
        if field.only_on is not None and field.only_on.needed and field.only_on.cloud in clouds:
            right = f"add {field.key} ({field.doc.split('. ')[0].rstrip('.')})"
            yield Finding(place, f"missing, and needed on {CLOUD_NAMES[field.only_on.cloud]}", right)
        return
    if field.only_on is not None:
        if clouds and field.only_on.cloud not in clouds and place not in added:
            yield _elsewhere(field.key, field.only_on.cloud, place, clouds)
            return
        if not path:
            # A whole part of the fleet; a group or the like stays on all its clouds, whatever is said of one.
            clouds &= {field.only_on.cloud}
    if place not in added:
        yield from _impossible(field.not_on, place, clouds)
    yield from _of(field.shape, value[field.key], place, clouds, added)


def _elsewhere(key: str, cloud: str, path: Path, clouds: frozenset[str]) -> Finding:
    there = " and ".join(CLOUD_NAMES[each] for each in sorted(clouds))
    wrong = f"{key} says something on {CLOUD_NAMES[cloud]} only, and this is on {there}"
    return Finding(path, wrong, f"leave it out, or add {cloud} to clouds", at_key=True)


def _impossible(not_on: NotOn | None, path: Path, clouds: frozenset[str]) -> Iterator[Finding]:
    if not_on is not None and not_on.cloud in clouds:
        yield Finding(path, not_on.why, not_on.right, at_key=True)


def _clouds(value: dict[str, Any], outer: frozenset[str]) -> frozenset[str]:
    """The clouds that an object says it is on, else those of what it stands in."""
    said = value.get("clouds", outer)
    if not isinstance(said, list | tuple | frozenset):
        return frozenset()
    return frozenset(each for each in said if isinstance(each, str) and each in CLOUD_NAMES)
