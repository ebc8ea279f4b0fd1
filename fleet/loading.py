"""From a stack file, or from the value that Pulumi's engine read from it, to a checked Fleet.

`load_stack(path)` is the whole way without an engine (`muster fleet check`, tools). `load(value, file=path)`
is for a Pulumi program, where `value` is what `pulumi.Config().require_object("fleet")` gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from fleet.checks import check
from fleet.description import Fleet
from fleet.document import MOST_LEVELS, MOST_VALUES
from fleet.errors import Fault, Finding, FleetError, Path, written
from fleet.filling import FLEET_NAME, Added, filled_in
from fleet.placing import misplaced
from fleet.reading import read
from fleet.secrecy import secrets
from fleet.shapes import shape_of
from fleet.stackfile import FLEET, LOCATION, REGION, StackFile, fault, read_stack, stack_name

_FROM_CONFIG: Mapping[Path, Path] = {("azure", "location"): LOCATION, ("aws", "region"): REGION}
"""What stands beside the fleet in the stack's config."""


def load_stack(path: FilePath) -> Fleet:
    """The fleet that `stacks/Pulumi.<stack>.yaml` describes. Raises FleetError with every fault."""
    source = read_stack(path)
    return load(source.fleet(), source, path)


def load(
    value: object,
    source: StackFile | None = None,
    file: str | FilePath = "",
    *,
    stack: str | None = None,
    location: str | None = None,
    region: str | None = None,
) -> Fleet:
    """The fleet in a plain value (what JSON or YAML gives). Raises FleetError with every fault.

    `file` is the stack file that the value came from (`source`: the same, read already): where it holds the
    same value, faults carry its lines. `stack`, `location` (the stack's `azure-native:location`) and `region`
    (its `aws:region`) are taken from it too unless they are given.
    """
    name = str(file)
    _refuse_the_bottomless(value, name)
    if source is None and name and FilePath(name).is_file():
        source = read_stack(FilePath(name))
    if source is not None:
        location, region = location or source.location, region or source.region
    full, added = filled_in(value, stack or stack_name(name), location, region)
    formal: list[Finding] = []
    fleet: Fleet = read(shape_of(Fleet), full, (), formal)
    formal += misplaced(shape_of(Fleet), full, added)
    findings = [_secret(*each) for each in secrets(value)]
    secret = {finding.path for finding in findings}
    findings += [finding for finding in formal if finding.path not in secret]
    findings += check(fleet, findings)
    faults = _located(value, findings, added, source, name)
    if faults:
        raise FleetError(sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0, fault.path)))
    return fleet


def _secret(path: Path, kind: str, at_key: bool) -> Finding:
    right = (
        "take it out, and out of the file's history: Azure makes keys, and one that must be given is a "
        "secret of Pulumi's config (pulumi config set --secret NAME); a digest is written in hexadecimal"
    )
    return Finding(path, f"{kind} stands here", right, at_key=at_key)


def _located(
    value: object, findings: list[Finding], added: Added, source: StackFile | None, file: str
) -> list[Fault]:
    """Faults from findings, and from what is wrong with the file as YAML; nothing is told twice."""
    odd = source.odd if source is not None else []
    told = {finding.path for finding, _ in odd}
    faults = [fault(finding, mark, file) for finding, mark in odd]
    document = source.document if source is not None and source.holds(value) else None
    unsound = {finding.path for finding in findings}
    for finding in (_traced(finding, added) for finding in findings if not _repeats(finding, added, unsound)):
        if finding.path not in told:
            place = document.place(finding.path, at_key=finding.at_key) if document is not None else None
            faults.append(fault(finding, place, file))
    return faults


def _repeats(finding: Finding, added: Added, unsound: set[Path]) -> bool:
    """Whether the value was taken from elsewhere, and is found at fault there."""
    path = finding.path
    origins = ((added.get(path[:end]), path[end:]) for end in range(len(path), 0, -1))
    return any(origin is not None and (*origin, *below) in unsound for origin, below in origins)


def _traced(finding: Finding, added: Added) -> Finding:
    """The finding with its path in the stack file. One that nobody wrote is told by its origin."""
    path = (*FLEET, *finding.path)
    if finding.path in _FROM_CONFIG and finding.path in added:
        return replace(finding, path=_FROM_CONFIG[finding.path])
    ends = (end for end in range(len(path), 0, -1) if finding.path[:end] in added)
    origin = next((added[finding.path[:end]] for end in ends), None)
    if origin is None:
        return replace(finding, path=path)
    told = f"taken from {written(origin)}"
    if origin == FLEET_NAME:
        told = f"made from the names of fleet, stack and hub: set {finding.path[-1]} for another"
    return replace(finding, path=path, right=f"{finding.right}; {told}")


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
