"""Hubs among themselves, and what their edition allows."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from fleet.checks.findings import Check, ranges_begin_within, unknown
from fleet.description import Fleet, Hub
from fleet.errors import Finding, Path, named, shown

_UNITS_MOST = {"F1": 1, "S1": 200, "S2": 200, "S3": 10}
_FREE_MOST = {"partitions": 2, "retentionDays": 1, "endpoints": 1, "routes": 5, "enrichments": 2}
"""What the free edition has: "IoT Hub quotas and throttling", learn.microsoft.com."""


def _names_differ(fleet: Fleet) -> Iterator[Finding]:
    """Azure compares names without regard to case."""
    first: dict[str, str] = {}
    for key, hub in fleet.on_azure.hubs.items():
        other = first.setdefault(hub.name.lower(), key)
        if other != key:
            wrong = f"hub {named(other)} has the name {shown(hub.name)} already"
            needs: Path = ("azure", "hubs", other, "name")
            yield Finding(("azure", "hubs", key, "name"), wrong, "choose another name", needs=(needs,))


def _units_fit_the_sku(fleet: Fleet) -> Iterator[Finding]:
    """Units an edition allows: "IoT Hub quotas and throttling", learn.microsoft.com."""
    for key, hub in fleet.on_azure.hubs.items():
        most = _UNITS_MOST[hub.sku]
        if hub.units > most:
            path: Path = ("azure", "hubs", key)
            wrong = f"{hub.units} units are too many for {hub.sku}"
            yield Finding((*path, "units"), wrong, f"{hub.sku} has at most {most}", needs=((*path, "sku"),))


def _one_free_hub(fleet: Fleet) -> Iterator[Finding]:
    """A subscription has at most one free hub: "IoT Hub quotas and throttling", learn.microsoft.com."""
    free = [key for key, hub in fleet.on_azure.hubs.items() if hub.sku == "F1"]
    for key in free[1:]:
        wrong = f"a second free hub, {named(free[0])} is one"
        right = "a subscription has one F1 hub at most: S1, S2 or S3"
        yield Finding(("azure", "hubs", key, "sku"), wrong, right)


def _free_hubs_are_small(fleet: Fleet) -> Iterator[Finding]:
    for key, hub in fleet.on_azure.hubs.items():
        for field, most in _FREE_MOST.items() if hub.sku == "F1" else ():
            given = _size(hub, field)
            if given > most:
                path: Path = ("azure", "hubs", key)
                wrong = f"{given} are too many for F1"
                yield Finding((*path, field), wrong, f"F1 has at most {most}", needs=((*path, "sku"),))


def _size(hub: Hub, field: str) -> int:
    value = getattr(hub, {"retentionDays": "retention_days"}.get(field, field))
    return len(value) if isinstance(value, Sized) else int(value)


def _standby_is_another_hub_elsewhere(fleet: Fleet) -> Iterator[Finding]:
    hubs = fleet.on_azure.hubs
    where: Path = ("azure", "hubs")
    for key, hub in hubs.items():
        path = (*where, key, "standbyFor")
        if hub.standby_for is None:
            continue
        yield from unknown(path, hub.standby_for, hubs, "hub", where)
        primary = hubs.get(hub.standby_for)
        if hub.standby_for == key:
            yield Finding(path, "a hub that stands by for itself", "name another hub")
        elif primary is not None and primary.standby_for is not None:
            wrong = f"hub {named(hub.standby_for)} is a standby itself"
            yield Finding(path, wrong, f"name the hub that takes devices: {named(primary.standby_for)}")
        elif primary is not None and primary.location == hub.location != "":
            needs = ((*where, key, "location"), (*where, hub.standby_for, "location"))
            wrong = f"both hubs are in {hub.location}, and would fail together"
            yield Finding(path, wrong, "set location of one of them to another region", needs=needs)


def _somebody_can_reach_it(fleet: Fleet) -> Iterator[Finding]:
    for key, hub in fleet.on_azure.hubs.items():
        path: Path = ("azure", "hubs", key, "network")
        network = hub.network
        if not network.public and not network.private_endpoints:
            wrong = "closed to the internet, and no private endpoint: nobody could reach the hub"
            yield Finding((*path, "public"), wrong, "add privateEndpoints, or leave public out")
        if not network.public and network.allow:
            wrong = "rules for the internet, to which the hub is closed"
            yield Finding((*path, "allow"), wrong, "leave allow out, or set public to true")


def _ranges_are_ranges(fleet: Fleet) -> Iterator[Finding]:
    for key, hub in fleet.on_azure.hubs.items():
        yield from ranges_begin_within(("azure", "hubs", key, "network", "allow"), hub.network.allow)


CHECKS: tuple[Check, ...] = (
    _names_differ,
    _units_fit_the_sku,
    _one_free_hub,
    _free_hubs_are_small,
    _standby_is_another_hub_elsewhere,
    _somebody_can_reach_it,
    _ranges_are_ranges,
)
