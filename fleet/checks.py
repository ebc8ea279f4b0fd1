"""What must hold between fields. Types and forms of single fields are `reading`'s.

Each check is a pure function from a description to findings. It may be given a description with
stand-ins: a finding whose path, or any path in its `needs`, is unsound already is dropped by `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleet import twins
from fleet.description import X509, CaReference, Fleet
from fleet.errors import Finding, Path, named, one_of, shown

_UNITS_MOST = {"F1": 1, "S1": 200, "S2": 200, "S3": 10}


def check(fleet: Fleet, known: list[Finding]) -> list[Finding]:
    """What is wrong between fields, without what only follows from `known` findings."""
    unsound = {finding.path for finding in known if not finding.at_key}
    return [finding for each in CHECKS for finding in each(fleet) if _counts(finding, unsound)]


def _counts(finding: Finding, unsound: set[Path]) -> bool:
    paths = (finding.path, *finding.needs)
    return not any(path[:end] in unsound for path in paths for end in range(len(path) + 1))


def _issuers_exist(fleet: Fleet) -> Iterator[Finding]:
    issuers = fleet.identity.issuers
    for group_id, group in fleet.groups.items():
        if not isinstance(group.attestation, X509 | CaReference):
            continue
        issuer = group.attestation.issuer
        if issuer not in issuers:
            path = ("groups", group_id, "attestation", "x509", "issuer")
            right = one_of(issuers, issuer, "issuer in identity.issuers")
            yield Finding(
                path, f"there is no issuer {shown(issuer)}", right, needs=(("identity", "issuers"),)
            )


def _hubs_exist(fleet: Fleet) -> Iterator[Finding]:
    hubs = fleet.azure.hubs
    for group_id, group in fleet.groups.items():
        for index, hub in enumerate(group.allocation.hubs):
            if hub not in hubs:
                path = ("groups", group_id, "allocation", "hubs", index)
                right = one_of(hubs, hub, "hub in azure.hubs")
                yield Finding(path, f"there is no hub {shown(hub)}", right, needs=(("azure", "hubs"),))


def _one_group_an_issuer(fleet: Fleet) -> Iterator[Finding]:
    """DPS finds a device's group by who signed its certificate: it cannot tell two groups of one issuer."""
    first: dict[str, str] = {}
    for group_id, group in fleet.groups.items():
        if not isinstance(group.attestation, X509):
            continue
        issuer = group.attestation.issuer
        other = first.setdefault(issuer, group_id)
        if other != group_id:
            path = ("groups", group_id, "attestation", "x509", "issuer")
            wrong = f"issuer {shown(issuer)} belongs to group {named(other)} already"
            needs: Path = ("groups", other, "attestation", "x509", "issuer")
            yield Finding(path, wrong, "a group needs an issuer of its own", needs=(needs,))


def _group_ids_differ(fleet: Fleet) -> Iterator[Finding]:
    """Enrollment group ids are case-insensitive (DPS service API 2021-10-01)."""
    first: dict[str, str] = {}
    for group_id in fleet.groups:
        other = first.setdefault(group_id.lower(), group_id)
        if other != group_id:
            wrong = f"{shown(group_id)} and {shown(other)} differ only in case, which DPS ignores"
            yield Finding(("groups", group_id), wrong, "choose another id", at_key=True)


def _hub_names_differ(fleet: Fleet) -> Iterator[Finding]:
    """Azure compares names without regard to case."""
    first: dict[str, str] = {}
    for key, hub in fleet.azure.hubs.items():
        other = first.setdefault(hub.name.lower(), key)
        if other != key:
            wrong = f"hub {named(other)} has the name {shown(hub.name)} already"
            needs: Path = ("azure", "hubs", other, "name")
            yield Finding(("azure", "hubs", key, "name"), wrong, "choose another name", needs=(needs,))


def _units_fit_the_sku(fleet: Fleet) -> Iterator[Finding]:
    """Units an edition allows: "IoT Hub quotas and throttling", learn.microsoft.com."""
    for key, hub in fleet.azure.hubs.items():
        most = _UNITS_MOST[hub.sku]
        if hub.units > most:
            path: Path = ("azure", "hubs", key)
            wrong = f"{hub.units} units are too many for {hub.sku}"
            yield Finding((*path, "units"), wrong, f"{hub.sku} has at most {most}", needs=((*path, "sku"),))


def _one_free_hub(fleet: Fleet) -> Iterator[Finding]:
    """A subscription has at most one free hub: "IoT Hub quotas and throttling", learn.microsoft.com."""
    free = [key for key, hub in fleet.azure.hubs.items() if hub.sku == "F1"]
    for key in free[1:]:
        wrong = f"a second free hub, {named(free[0])} is one"
        yield Finding(
            ("azure", "hubs", key, "sku"), wrong, "a subscription has one F1 hub at most: S1, S2 or S3"
        )


def _certificates_differ(fleet: Fleet) -> Iterator[Finding]:
    first = {fleet.identity.root: "root"}
    for key, file in fleet.identity.issuers.items():
        other = first.setdefault(file, key)
        if other != key:
            wrong = f"{shown(file)} is the file of {named(other)} already"
            needs: Path = ("identity", "root")
            yield Finding(
                ("identity", "issuers", key), wrong, "an issuer needs a file of its own", needs=(needs,)
            )


def _renewal_comes_before_the_end(fleet: Fleet) -> Iterator[Finding]:
    device = fleet.identity.device
    if device.renew_before_days >= device.days:
        path: Path = ("identity", "device")
        wrong = f"renewal {device.renew_before_days} days before the end of {device.days} days"
        right = f"should be less than days ({device.days})"
        yield Finding((*path, "renewBeforeDays"), wrong, right, needs=((*path, "days"),))


def _twins_fit(fleet: Fleet) -> Iterator[Finding]:
    for group_id, group in fleet.groups.items():
        path: Path = ("groups", group_id, "twin")
        yield from twins.findings(group.twin.tags, (*path, "tags"), twins.TAGS_BYTES)
        yield from twins.findings(group.twin.desired, (*path, "desired"), twins.DESIRED_BYTES)


CHECKS: tuple[Callable[[Fleet], Iterator[Finding]], ...] = (
    _issuers_exist,
    _hubs_exist,
    _one_group_an_issuer,
    _group_ids_differ,
    _hub_names_differ,
    _units_fit_the_sku,
    _one_free_hub,
    _certificates_differ,
    _renewal_comes_before_the_end,
    _twins_fit,
)
