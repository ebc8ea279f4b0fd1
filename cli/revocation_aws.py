"""What `muster revocation reconcile` does on AWS: for which stack, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from cryptography import x509

from certs.store import key_id
from cli.operating import Target
from components.aws import names
from fleet import Fleet
from fleet.description import X509, Group, Jitr
from operations import revocation_aws
from operations.audit import Writer
from operations.aws import AwsCloud
from operations.crl import CheckedCrl
from operations.revocation import Mapped
from operations.revocation_aws import INACTIVE, Filling, OnAws, Place, Shut, Table
from provider.clients.aws import Aws


@dataclass(frozen=True)
class Opened:
    """The account of a fleet, and what the fleet has there."""

    cloud: revocation_aws.Cloud
    place: Place

    def plan(self, crls: Sequence[CheckedCrl], found: Mapped, up_to_percent: float) -> OnAws:
        """What would be done. Raises TooManyError."""
        return revocation_aws.plan(self.cloud, self.place, crls, found, up_to_percent)

    def reconcile(self, writer: Writer, crls: Sequence[CheckedCrl], planned: OnAws, who: str) -> OnAws:
        """Do it."""
        return revocation_aws.reconcile(self.cloud, writer, crls, planned, who)


def opened(target: Target, issuers: Mapping[str, x509.Certificate]) -> Opened | None:
    """The fleet's account, or None for a fleet that is not on AWS. Raises ClientError."""
    if target.fleet is None or "aws" not in target.fleet.clouds:
        return None
    described = target.fleet.on_aws
    aws = Aws(target.variables, described.region)
    cloud = AwsCloud(aws, described.region, described.account)
    return Opened(cloud, place(target.fleet, target.stack, issuers))


def place(fleet: Fleet, stack: str, issuers: Mapping[str, x509.Certificate]) -> Place:
    """The names of what `components.fleet.aws` made for a stack. Pure."""
    groups = {key: each for key, each in fleet.groups.items() if "aws" in each.clouds}
    tables = (
        Table(
            key,
            names.scoped(fleet.name, stack, key, "revoked"),
            frozenset(key_id(issuers[name].public_key()) for name in _issuers(group)),
        )
        for key, group in groups.items()
        if isinstance(group.on_aws.enrolment, Jitr)
    )
    manifests = (key for key, each in fleet.manifests.items() if "aws" in each.clouds)
    kinds = [names.group(fleet.name, key) for key in (*groups, *manifests)]
    return Place(tuple(tables), (*kinds, fleet.name))


def tell(result: OnAws, only_plan: bool) -> None:
    """What came of it, for the person."""
    for filling in result.filled:
        verb = "would go" if only_plan else "went"
        click.echo(f"AWS: {len(filling.items)} serials {verb} into {filling.table.name}")
    for each in result.shut:
        verb = "would become" if only_plan else "became"
        click.echo(f"AWS: {each.registration_id}: certificate {each.certificate_id} {verb} {INACTIVE}")
        serial = each.listed.certificate.serial
        click.echo(f"  {each.listed.where}: {serial:X}, {each.listed.reason}")
    verb = "would be shut out" if only_plan else "shut out"
    click.echo(
        f"AWS: {len(result.shut)} {verb}, {len(result.already)} shut out already, {len(result.absent)} not "
        f"in AWS IoT, {len(result.failed)} failed"
    )


def document(result: OnAws) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "filled": [_filling(each) for each in result.filled],
        "shutOut": [_shut(each) for each in result.shut],
        "already": [_shut(each) for each in result.already],
        "absent": [each.certificate.registration_id for each in result.absent],
        "failed": [{"registrationId": name, "error": text} for name, text in result.failed.items()],
    }


def _issuers(group: Group) -> list[str]:
    attestation = group.attestation
    if not isinstance(attestation, X509):
        return []
    return [each for each in (attestation.issuer, attestation.secondary) if each is not None]


def _filling(each: Filling) -> dict[str, Any]:
    return {"group": each.table.group, "table": each.table.name, "serials": len(each.items)}


def _shut(each: Shut) -> dict[str, Any]:
    return {
        "registrationId": each.registration_id,
        "certificate": each.certificate_id,
        "statusBefore": each.status,
        "serial": f"{each.listed.certificate.serial:X}",
        "reason": each.listed.reason,
        "crl": each.listed.where,
    }
