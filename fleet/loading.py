"""From a stack file, or from the value that Pulumi's engine read from it, to a checked Fleet.

load_stack(path)                     the whole way, without an engine: `muster fleet check`, tools
load(value, file=path)               in a Pulumi program: `value` is `pulumi.Config().require_object("fleet")`
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from fleet.checks import check
from fleet.description import Fleet
from fleet.document import MOST_BYTES, MOST_LEVELS, MOST_VALUES, Document, Mark, parse
from fleet.errors import Fault, Finding, FleetError, Path, one_of, shown, written
from fleet.names import filled_in
from fleet.reading import read
from fleet.shapes import shape_of

FLEET_KEY = "muster:fleet"
LOCATION_KEY = "azure-native:location"
_FLEET: Path = ("config", FLEET_KEY)
_LOCATION: Path = ("config", LOCATION_KEY)
_AZURE_LOCATION: Path = ("azure", "location")
_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]{1,100})\.ya?ml")


def load_stack(path: FilePath) -> Fleet:
    """The fleet that `stacks/Pulumi.<stack>.yaml` describes. Raises FleetError with every fault."""
    document = read_stack(path)
    return load(_fleet_value(document), document, str(path))


def load(
    value: object,
    positions: Document | None = None,
    file: str | FilePath = "",
    *,
    stack: str | None = None,
    location: str | None = None,
) -> Fleet:
    """The fleet in a plain value (what JSON or YAML gives). Raises FleetError with every fault.

    `file` is the stack file the value came from; where it holds the same value, faults carry its lines.
    `stack` and `location` (the stack's `azure-native:location`) are taken from it too unless they are
    given.
    """
    name = str(file)
    _refuse_the_bottomless(value, name)
    if positions is None and name and FilePath(name).is_file():
        positions = read_stack(FilePath(name))
    if location is None and positions is not None:
        location = _text_at(positions, _LOCATION)
    same = positions if positions is not None and _at(positions, _FLEET) == value else None
    return _checked(value, same, name, stack or stack_name(name), location)


def read_stack(path: FilePath) -> Document:
    """The stack file as plain values and their places. Raises FleetError where it cannot be read."""
    try:
        # One byte more than allowed is enough to know, however long the file (or device) is.
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise FleetError([_file_fault(path, f"cannot be read: {error.strerror or error}")]) from None
    except ValueError as error:
        raise FleetError([_file_fault(path, f"is no file name: {error}")]) from None
    return parse(data, str(path))


def stack_name(file: str) -> str:
    """The stack that a file is for, by its name. Raises FleetError when Pulumi would not read such a file."""
    match = _STACK_FILE.fullmatch(FilePath(file).name)
    if match is None:
        right = "a stack file is called Pulumi.<stack>.yaml"
        raise FleetError([Fault(file, None, None, "", f"{shown(FilePath(file).name)} names no stack", right)])
    return match["stack"]


def _checked(value: object, document: Document | None, file: str, stack: str, location: str | None) -> Fleet:
    full, added = filled_in(value, stack, location)
    findings: list[Finding] = []
    fleet: Fleet = read(shape_of(Fleet), full, (), findings)
    findings += check(fleet, findings)
    faults = [_located(finding, finding.path in added, document, file) for finding in findings]
    if document is not None:
        faults += [
            _yaml_fault(finding, mark, file) for finding, mark in document.faults if _concerns(finding)
        ]
    if faults:
        raise FleetError(sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0, fault.path)))
    return fleet


def _located(finding: Finding, added: bool, document: Document | None, file: str) -> Fault:
    """The finding with its place. A value that was added, not written, is told by where it came from."""
    if added and finding.path == _AZURE_LOCATION:
        place = document.place(_LOCATION) if document else None
        return _fault(finding, place, file, _LOCATION)
    if added:
        right = f"{finding.right}; made from the names of fleet, stack and hub: set {finding.path[-1]} for another"
        finding = replace(finding, right=right)
    place = document.place((*_FLEET, *finding.path), at_key=finding.at_key) if document else None
    return _fault(finding, place, file, finding.path)


def _yaml_fault(finding: Finding, mark: Mark, file: str) -> Fault:
    inside = finding.path[: len(_FLEET)] == _FLEET
    return _fault(finding, mark, file, finding.path[len(_FLEET) :] if inside else finding.path)


def _concerns(finding: Finding) -> bool:
    """Whether a fault of the file as YAML touches the fleet; the rest of the file is for others to judge."""
    return all(given == own for given, own in zip(finding.path, _FLEET, strict=False))


def _fault(finding: Finding, place: Mark | None, file: str, path: Path) -> Fault:
    line, column = (place.line, place.column) if place else (None, None)
    return Fault(file, line, column, written(path), finding.wrong, finding.right)


def _fleet_value(document: Document) -> object:
    """The value below `config: muster:fleet:`. Raises FleetError when there is none."""
    root = document.value
    if not isinstance(root, dict):
        raise _stack_error(
            document, (), f"{shown(root)} stands here", "a stack file is a mapping with config"
        )
    config = root.get("config")
    if not isinstance(config, dict):
        right = one_of(["config"], ", ".join(root)[:200], "key") if root else "add config"
        raise _stack_error(
            document, ("config",), "no config" if config is None else f"{shown(config)} stands here", right
        )
    if FLEET_KEY not in config:
        near = one_of([FLEET_KEY], next(iter(config), ""), "key")
        raise _stack_error(document, _FLEET, "the stack describes no fleet", near)
    return config[FLEET_KEY]


def _stack_error(document: Document, path: Path, wrong: str, right: str) -> FleetError:
    return FleetError([_fault(Finding(path, wrong, right), document.place(path), document.file, path)])


def _file_fault(path: FilePath, wrong: str) -> Fault:
    return Fault(str(path), None, None, "", wrong, "name a stack file that exists and can be read")


def _at(document: Document, path: Path) -> Any:  # noqa: ANN401  whatever stands there
    value = document.value
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


def _text_at(document: Document, path: Path) -> str | None:
    value = _at(document, path)
    return value if isinstance(value, str) else None


def _refuse_the_bottomless(value: object, file: str) -> None:
    """Values of no sane size or depth, loops among them, are refused before anything recurses into them."""
    todo, seen = [(value, 0)], 0
    while todo:
        item, level = todo.pop()
        seen += 1
        if level > MOST_LEVELS or seen > MOST_VALUES:
            wrong = f"more than {MOST_VALUES} values or {MOST_LEVELS} levels"
            raise FleetError([Fault(file, None, None, "", wrong, "make the description smaller")])
        entries = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
        todo += [(entry, level + 1) for entry in entries]
