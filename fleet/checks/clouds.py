"""Which clouds the parts of a fleet are on."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.checks.findings import Check, provisionings
from fleet.description import Fleet
from fleet.errors import Finding, Path, one_of


def _parts_are_where_the_fleet_is(fleet: Fleet) -> Iterator[Finding]:
    for path, provisioning in provisionings(fleet):
        for index, cloud in enumerate(provisioning.clouds):
            if cloud not in fleet.clouds:
                place: Path = (*path, "clouds", index)
                wrong = f"the fleet is not on {cloud}"
                yield Finding(place, wrong, one_of(fleet.clouds, cloud, "cloud"), needs=(("clouds",),))


CHECKS: tuple[Check, ...] = (_parts_are_where_the_fleet_is,)
