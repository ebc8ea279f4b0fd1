"""From plain values to the description's dataclasses, driven by shapes.

Reading never stops at a fault: it notes it and goes on with a stand-in (the default, else an empty value),
so that one run finds everything and the checks that follow have a whole object. The caller drops it when
there is any finding. No IO. Invariant: `read` returns a value of the shape's own Python type, whatever it
was given.
"""

from __future__ import annotations

from dataclasses import MISSING
from functools import singledispatch
from typing import Any

from fleet.constraints import Count
from fleet.description.later import LATER_KEYS
from fleet.description.names import TWIN_KEY
from fleet.errors import Finding, Path, one_of, shown
from fleet.shapes import (
    ChoiceShape,
    Field,
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
from fleet.standins import stand_in

Findings = list[Finding]


@singledispatch
def read(shape: Shape, value: object, path: Path, findings: Findings) -> Any:  # noqa: ANN401  the shape decides
    """The value as the shape's Python type; what is wrong with it is added to `findings`."""
    raise TypeError(f"cannot read {value!r} at {path} as {shape!r}, after {len(findings)} findings")


def _refuse(shape: Shape, value: object, path: Path, findings: Findings, right: str) -> Any:  # noqa: ANN401
    """Note a value of the wrong type, return the stand-in."""
    findings.append(Finding(path, f"{shown(value)} stands here", f"should be {right}"))
    return stand_in(shape)


@read.register
def _(shape: TextShape, value: object, path: Path, findings: Findings) -> str:
    text = shape.text
    if not isinstance(value, str):
        return str(_refuse(shape, value, path, findings, f"{_article(text.noun)}: {text.right}"))
    if not text.matches(value):
        findings.append(Finding(path, f"{shown(value)} is no {text.noun}", f"should be {text.right}"))
    return value


@read.register
def _(shape: WholeShape, value: object, path: Path, findings: Findings) -> int:
    bounds = shape.bounds
    # JSON knows no integers apart: what the engine hands over as 60.0 was 60 in the file.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return int(_refuse(shape, value, path, findings, f"a whole number, {bounds.right}"))
    if not bounds.holds(value):
        findings.append(Finding(path, f"{shown(value)} is out of range", f"should be {bounds.right}"))
    return value


@read.register
def _(shape: FlagShape, value: object, path: Path, findings: Findings) -> bool:
    if not isinstance(value, bool):
        return bool(_refuse(shape, value, path, findings, "true or false"))
    return value


@read.register
def _(shape: ChoiceShape, value: object, path: Path, findings: Findings) -> str:
    options = ", ".join(shape.options)
    if not isinstance(value, str):
        return str(_refuse(shape, value, path, findings, f"one of {options}"))
    if value in shape.options:
        return value
    findings.append(Finding(path, f"{shown(value)} is no choice", one_of(shape.options, value, "choice")))
    return str(stand_in(shape))


@read.register
def _(shape: ListShape, value: object, path: Path, findings: Findings) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        return tuple(_refuse(shape, value, path, findings, f"a list of {shape.count.noun}s"))
    _check_count(shape.count, len(value), path, findings)
    items = [read(shape.item, item, (*path, index), findings) for index, item in enumerate(value)]
    for index, item in enumerate(items):
        if item in items[:index] and value[index] == item:
            findings.append(Finding((*path, index), f"{shown(item)} stands here twice", "name it once"))
    return tuple(items)


@read.register
def _(shape: MapShape, value: object, path: Path, findings: Findings) -> dict[str, Any]:
    if not isinstance(value, dict):
        return dict(_refuse(shape, value, path, findings, f"a mapping of {shape.count.noun}s"))
    _check_count(shape.count, len(value), path, findings)
    entries = {}
    for key, entry in value.items():
        place = (*path, key if isinstance(key, str) else shown(key))
        if not isinstance(key, str) or not shape.key.matches(key):
            wrong = f"{shown(key)} is no {shape.key.noun}"
            findings.append(Finding(place, wrong, f"should be {shape.key.right}", at_key=True))
        entries[str(place[-1])] = read(shape.value, entry, place, findings)
    return entries


@read.register
def _(shape: ObjectShape, value: object, path: Path, findings: Findings) -> object:
    keys = [field.key for field in shape.fields]
    if not isinstance(value, dict):
        return _refuse(shape, value, path, findings, f"a mapping with {', '.join(keys)}")
    findings += [_unknown_key(shape, key, path) for key in value if key not in keys]
    given = {}
    for field in shape.fields:
        if field.key in value:
            if field.not_with is not None and field.not_with in value:
                findings.append(_idle(field, path))
            given[field.name] = read(field.shape, value[field.key], (*path, field.key), findings)
        elif field.default is MISSING:
            given[field.name] = _left_out(field, path, findings)
    return shape.cls(**given)


@read.register
def _(shape: OneOfShape, value: object, path: Path, findings: Findings) -> object:
    keys = shape.keys
    if not isinstance(value, dict):
        return _refuse(shape, value, path, findings, f"a mapping with one of {', '.join(keys)}")
    given = {}
    for kind in shape.kinds:
        if kind.key in value:
            given[kind.key] = read(kind.shape, value[kind.key], (*path, kind.key), findings)
    if len(given) > 1:
        wrong = f"{' and '.join(given)} stand here together"
        findings.append(Finding(path, wrong, f"exactly one of {', '.join(keys)} can be"))
    elif not value:
        findings.append(Finding(path, "nothing is chosen", f"add one of {', '.join(keys)}"))
    findings += [_no_kind(shape, key, path, at_key=bool(given)) for key in value if key not in given]
    return next(iter(given.values()), stand_in(shape))


def _no_kind(shape: OneOfShape, key: object, path: Path, *, at_key: bool) -> Finding:
    """About a key that is no kind. With no other one beside it, the value as a whole is of no use."""
    place = (*path, key if isinstance(key, str) else shown(key)) if at_key else path
    if shape.elsewhere is not None and shape.elsewhere.key == key:
        return Finding(place, f"{key} cannot be chosen here", shape.elsewhere.right, at_key=at_key)
    right = one_of(shape.keys, key if isinstance(key, str) else shown(key), "choice")
    return Finding(place, f"{shown(key)} is no choice", right, at_key=at_key)


@read.register
def _(shape: TwinShape, value: object, path: Path, findings: Findings) -> object:
    if not isinstance(value, dict):
        if not shape.whole:
            return _twin_value(value, path, findings)
        return dict(_refuse(shape, value, path, findings, "a mapping of properties"))
    return {str(key): _twin_entry(key, entry, path, findings) for key, entry in value.items()}


def _twin_entry(key: object, value: object, path: Path, findings: Findings) -> object:
    place = (*path, key if isinstance(key, str) else shown(key))
    if not isinstance(key, str) or not TWIN_KEY.matches(key):
        wrong = f"{shown(key)} is no {TWIN_KEY.noun}"
        findings.append(Finding(place, wrong, f"should be {TWIN_KEY.right}", at_key=True))
    return _twin_value(value, place, findings)


def _twin_value(value: object, path: Path, findings: Findings) -> object:
    match value:
        case dict():
            return read(TwinShape(), value, path, findings)
        case list() | tuple():
            return [_twin_value(item, (*path, index), findings) for index, item in enumerate(value)]
        case str() | bool() | int() | float():
            return value
        case _:
            wrong = f"{shown(value)} stands here"
            findings.append(Finding(path, wrong, "should be a value; leave the key out for none"))
            return ""


def _unknown_key(shape: ObjectShape, key: object, path: Path) -> Finding:
    place = (*path, key if isinstance(key, str) else shown(key))
    keys = [field.key for field in shape.fields]
    if key in LATER_KEYS.get(shape.cls, ()):
        wrong = f"{key} is not known to this version of Muster"
        return Finding(place, wrong, f"known: {', '.join(keys)}", at_key=True)
    right = one_of(keys, str(place[-1]), "key") if keys else "nothing is said here: write {}"
    return Finding(place, "unknown key", right, at_key=True)


def _idle(field: Field, path: Path) -> Finding:
    wrong = f"{field.key} says nothing beside {field.not_with}"
    return Finding((*path, field.key), wrong, "leave one of the two out", at_key=True)


def _left_out(field: Field, path: Path, findings: Findings) -> Any:  # noqa: ANN401  the shape decides
    place = (*path, field.key)
    if field.derived is None:
        findings.append(Finding(place, "missing", f"add {field.key} ({_first_sentence(field.doc)})"))
    elif field.derived.wrong:
        findings.append(Finding(place, field.derived.wrong, field.derived.right))
    return stand_in(field.shape)


def _first_sentence(doc: str) -> str:
    return doc.split(". ")[0].rstrip(".")


def _check_count(count: Count, given: int, path: Path, findings: Findings) -> None:
    if given < count.least:
        findings.append(Finding(path, f"no {count.noun}", f"at least {count.least} is needed"))
    elif count.most is not None and given > count.most:
        findings.append(Finding(path, f"{given} {count.noun}s", f"at most {count.most} can be"))


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"
