"""The certificates that identities come from."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.checks.findings import Check
from fleet.description import Fleet
from fleet.errors import Finding, Path, shown


def _files_differ(fleet: Fleet) -> Iterator[Finding]:
    first = {fleet.identity.root: "root"}
    for key, file in fleet.identity.issuers.items():
        other = first.setdefault(file, key)
        if other != key:
            wrong = f"{shown(file)} is the file of {other} already"
            needs: Path = ("identity", "root")
            right = "an issuer needs a file of its own"
            yield Finding(("identity", "issuers", key), wrong, right, needs=(needs,))


def _renewal_comes_before_the_end(fleet: Fleet) -> Iterator[Finding]:
    device = fleet.identity.device
    if device.renew_before_days >= device.days:
        path: Path = ("identity", "device")
        wrong = f"renewal {device.renew_before_days} days before the end of {device.days} days"
        right = f"should be less than days ({device.days})"
        yield Finding((*path, "renewBeforeDays"), wrong, right, needs=((*path, "days"),))


CHECKS: tuple[Check, ...] = (_files_differ, _renewal_comes_before_the_end)
