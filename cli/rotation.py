"""`muster rotation`: how far the rotation of an intermediate has come."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs.chain import load_certificate
from cli.operating import ANY, FILE, LEFT_OVER, Target, json_option, print_json, target_options
from operations import rotation
from operations.errors import RequestError
from operations.inventory import certificates
from operations.rotation import KINDS, LEFT, Report, Rotation


@click.group(name="rotation")
def group() -> None:
    """Rotations of an intermediate, watched."""


@group.command()
@click.option("--group", "group_id", required=True, help="The enrollment group.")
@click.option(
    "--certificates",
    "sources",
    type=ANY,
    multiple=True,
    required=True,
    help="Devices' certificates: the inventory, or PEM files and folders; repeat for more.",
)
@click.option(
    "--old",
    help="The intermediate that goes: an issuer of the stack, or a file. [of the group's two the older one]",
)
@click.option(
    "--issuer", "issuers", type=FILE, multiple=True, help="An issuer's certificate, beside the stack's."
)
@json_option
@target_options
def report(
    group_id: str,
    sources: Sequence[Path],
    old: str | None,
    issuers: tuple[Path, ...],
    as_json: bool,
    target: Target,
) -> None:
    """Tell which devices of a group still use a certificate of the old intermediate. Changes nothing.

    A hub knows the thumbprint of the certificate that a device last registered with; --certificates says who
    issued it. One that is not among them is told as unknown, and counts as left.

    Exit codes: 0 no device is left on the old one, 1 failed, 2 wrong usage, 3 some are, or are unknown.

    \b
    Example:
      muster rotation report -s prod --group reefers --certificates issued/
    """
    fleet = target.certificates_of_issuers(issuers)
    going = _going(old, fleet)
    known = [*fleet.values(), *([going] if going else [])]
    with certificates(sources, known) as issued, target.cloud() as cloud:
        found = cloud.group(group_id)
        if found is None:
            raise RequestError(f"there is no enrollment group {group_id} at {target.service}")
        turning = rotation.rotation_of(found, fleet, going)
        result = rotation.report(cloud, found, turning, issued)
    if as_json:
        print_json(_document(result, turning))
    else:
        _show(result, turning)
    sys.exit(LEFT_OVER if result.left else 0)


def _going(old: str | None, issuers: Mapping[str, x509.Certificate]) -> x509.Certificate | None:
    if old is None:
        return None
    return issuers[old] if old in issuers else load_certificate(Path(old))


def _show(result: Report, turning: Rotation) -> None:
    total = len(result.standings)
    click.echo(f"Group {result.group}, old intermediate {turning.old.subject.rfc4514_string()}:")
    for kind, meaning in KINDS.items():
        if number := result.count(kind):
            click.echo(f"  {number:>7}  {kind:<8}  {meaning}")
    for one in result.standings:
        if one.kind in LEFT:
            ends = f", until {one.not_after}" if one.not_after else ""
            click.echo(f"{one.registration_id}: {one.kind} ({one.hub}{ends})")
    click.echo(f"{total - result.left} of {total} devices done ({result.percent:.1f} %)")


def _document(result: Report, turning: Rotation) -> dict[str, Any]:
    return {
        "group": result.group,
        "old": turning.old.subject.rfc4514_string(),
        "new": turning.new.subject.rfc4514_string() if turning.new else None,
        "total": len(result.standings),
        "counts": {kind: result.count(kind) for kind in KINDS},
        "left": result.left,
        "percentDone": round(result.percent, 1),
        "devices": [
            {
                "registrationId": one.registration_id,
                "standing": one.kind,
                "hub": one.hub,
                "notAfter": one.not_after or None,
            }
            for one in result.standings
        ],
    }
