"""What must hold between fields. Types and forms of single fields are `reading`'s.

Each check is a pure function from a description to findings. It may be given a description with
stand-ins: a finding whose path, or any path in its `needs`, is unsound already is dropped by `check`.
To add one: a function in the file of its topic, and its name in that file's CHECKS.
"""

from __future__ import annotations

from collections.abc import Iterator

from fleet import twins
from fleet.checks import (
    allocation,
    audit,
    aws,
    azure,
    clouds,
    configurations,
    devices,
    enrolment,
    hubs,
    identity,
    routing,
)
from fleet.checks.findings import Check, provisionings_on
from fleet.description import Fleet, Twin
from fleet.errors import Finding, Path


def check(fleet: Fleet, known: list[Finding]) -> list[Finding]:
    """What is wrong between fields, without what only follows from `known` findings."""
    unsound = {finding.path for finding in known if not finding.at_key}
    checks = [
        *CHECKS,
        *(AZURE_CHECKS if fleet.azure is not None and "azure" in fleet.clouds else ()),
        *AWS_CHECKS,
    ]
    return [finding for each in checks for finding in each(fleet) if _counts(finding, unsound)]


def _counts(finding: Finding, unsound: set[Path]) -> bool:
    paths = (finding.path, *finding.needs)
    return not any(path[:end] in unsound for path in paths for end in range(len(path) + 1))


def _twins_fit(fleet: Fleet) -> Iterator[Finding]:
    for path, twin in _twins(fleet):
        yield from twins.findings(twin.tags, (*path, "twin", "tags"), twins.TAGS_BYTES)
        yield from twins.findings(twin.desired, (*path, "twin", "desired"), twins.DESIRED_BYTES)


def _twins(fleet: Fleet) -> Iterator[tuple[Path, Twin]]:
    for path, provisioning in provisionings_on(fleet, "azure"):
        yield path, provisioning.twin
    for key, device in fleet.devices.items():
        yield ("devices", key), device.twin
        for module_id, module in device.modules.items():
            yield ("devices", key, "modules", module_id), module.twin


CHECKS: tuple[Check, ...] = (*clouds.CHECKS, *identity.CHECKS, *enrolment.CHECKS)
AZURE_CHECKS: tuple[Check, ...] = (
    *hubs.CHECKS,
    *routing.CHECKS,
    *azure.CHECKS,
    *allocation.CHECKS,
    *devices.CHECKS,
    *configurations.CHECKS,
    _twins_fit,
)
"""Of what a fleet has on Azure: not asked where it has nothing there."""
AWS_CHECKS: tuple[Check, ...] = (*aws.CHECKS, *audit.CHECKS)
