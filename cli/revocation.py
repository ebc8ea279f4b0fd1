"""`muster revocation`: what certificate revocation lists say is done in the cloud."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from cli import revocation_aws as on_aws
from cli.device import outcome_document, outcome_text
from cli.operating import ANY, FILE, LEFT_OVER, Target, json_option, plan_option, print_json, target_options
from operations import crl, revocation
from operations.actions.holds import Holds
from operations.actions.session import Session
from operations.audit import Entry, Writer
from operations.errors import CrlError
from operations.inventory import certificates
from operations.revocation import Mapped, Reconciled
from operations.revocation_aws import OnAws

UP_TO_PERCENT = 5.0


@click.group(name="revocation")
def group() -> None:
    """Certificate revocation lists, followed in the cloud."""


@group.command()
@click.option(
    "--crl",
    "files",
    type=ANY,
    multiple=True,
    required=True,
    help="A CRL, or a folder of *.crl; repeat for more.",
)
@click.option(
    "--certificates",
    "sources",
    type=ANY,
    multiple=True,
    required=True,
    help="Devices' certificates: the inventory, or PEM files and folders; repeat for more.",
)
@click.option(
    "--issuer", "issuers", type=FILE, multiple=True, help="An issuer's certificate, beside the stack's."
)
@click.option(
    "--up-to-percent",
    type=click.FloatRange(0, 100),
    default=UP_TO_PERCENT,
    show_default=True,
    help="Disable nothing when it would be more than this share of the fleet; one device may always go.",
)
@plan_option
@json_option
@target_options
def reconcile(
    files: Sequence[Path],
    sources: Sequence[Path],
    issuers: tuple[Path, ...],
    up_to_percent: float,
    only_plan: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Shut out the devices whose certificates are on CRLs, on each cloud of the fleet. Lets nobody in.

    On Azure as `muster device disable` does. On AWS the serials go into the tables of groups with
    just-in-time registration, and the certificates become INACTIVE.

    Every CRL must be signed by an issuer of the fleet, fresh, and not older than one acted on before; else
    nothing is done. A serial says nothing of a device: --certificates says whose it is. A certificate that
    was only superseded counts while the device still uses it.

    Exit codes: 0 all that is listed is disabled, 1 refused or failed, 2 wrong usage, 3 done, but some serials
    are of no device that is known.

    \b
    Example:
      muster revocation reconcile -s prod --crl oslo.crl --certificates issued/
    """
    fleet = target.certificates_of_issuers(issuers)
    log = target.log
    entries = log.entries()
    checked = _checked(files, list(fleet.values()), entries)
    with certificates(sources, list(fleet.values())) as issued:
        found = revocation.mapped(checked, issued, list(fleet.values()))
    aws = on_aws.opened(target, fleet)
    # Both clouds are planned before either is changed: what is too much for one stops the other, too.
    shut = None if aws is None else aws.plan(checked, found, up_to_percent)
    if only_plan:
        result = _planned(target, Holds(entries), found, up_to_percent)
    else:
        with log.open() as writer:
            result = _reconciled(target, writer, checked, found, up_to_percent)
            if aws is not None and shut is not None:
                shut = aws.reconcile(writer, checked, shut, target.who)
    _tell(result, shut, found, only_plan, as_json)
    sys.exit(_exit_code(result, shut))


def _planned(target: Target, holds: Holds, found: Mapped, up_to_percent: float) -> Reconciled:
    """What would be done on Azure."""
    if not target.service:
        return Reconciled(unmapped=found.unmapped)
    with target.cloud() as cloud:
        return revocation.plan(cloud, holds, found, up_to_percent)


def _reconciled(
    target: Target,
    writer: Writer,
    checked: Sequence[crl.CheckedCrl],
    found: Mapped,
    up_to_percent: float,
) -> Reconciled:
    """What was done on Azure."""
    if not target.service:
        return Reconciled(unmapped=found.unmapped)
    with target.cloud() as cloud:
        return revocation.reconcile(Session(cloud, writer), checked, found, target.who, up_to_percent)


def _checked(
    files: Sequence[Path], issuers: Sequence[x509.Certificate], entries: Sequence[Entry]
) -> list[crl.CheckedCrl]:
    """All CRLs of all files. Raises CrlError with the faults of every one."""
    faults: list[str] = []
    checked: list[crl.CheckedCrl] = []
    now, last = datetime.now(UTC), revocation.last_seen(entries)
    for file in _listed(files, faults):
        try:
            found = crl.parse(_data(file), str(file))
            checked += [crl.check(each, str(file), issuers, now, last) for each in found]
        except CrlError as error:
            faults += error.faults
    if faults:
        raise CrlError([*faults, "nothing was done"])
    return checked


def _listed(paths: Sequence[Path], faults: list[str]) -> Iterator[Path]:
    """The files, and those of the folders."""
    for path in paths:
        found = sorted(path.glob("*.crl")) if path.is_dir() else [path]
        yield from found
        if not found:
            faults.append(f"{path}: holds no *.crl")


def _data(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(crl.MAX_BYTES + 1)
    except OSError as error:
        raise CrlError([f"{file}: {error.strerror or error}"]) from error


def _exit_code(result: Reconciled, shut: OnAws | None) -> int:
    if result.failed or (shut is not None and shut.failed):
        return 1
    return LEFT_OVER if result.unmapped else 0


def _tell(result: Reconciled, shut: OnAws | None, found: Mapped, only_plan: bool, as_json: bool) -> None:
    for text in (*result.failed.values(), *(shut.failed.values() if shut is not None else ())):
        click.echo(f"Error: {text}", err=True)
    if as_json:
        told = {} if shut is None else {"aws": on_aws.document(shut)}
        print_json({**_document(result, only_plan), **told})
        return
    for outcome in result.disabled:
        click.echo(outcome_text(outcome, "disabled", only_plan))
        for listed in found.devices[outcome.registration_id]:
            click.echo(f"  {listed.where}: {listed.certificate.serial:X}, {listed.reason}")
    for name in result.left:
        click.echo(f"{name}: left, its certificate was superseded and is not the one in use")
    for one in result.unmapped:
        click.echo(f"{one.where}: {one.serial:X} ({one.reason}) of {one.issuer}: {_unmapped(one.authority)}")
    verb = "would be disabled" if only_plan else "disabled"
    click.echo(
        f"{len(result.disabled)} {verb}, {len(result.already)} disabled already, {len(result.left)} left, "
        f"{len(result.failed)} failed; {len(result.unmapped)} serials of no device that is known"
    )
    if shut is not None:
        on_aws.tell(shut, only_plan)


def _unmapped(authority: str) -> str:
    if not authority:
        return "of no device that is known; are its certificates among those given?"
    return (
        f"an issuer of this fleet, {authority}: disable the groups that it signs for (enabled: false), then "
        "their devices"
    )


def _document(result: Reconciled, only_plan: bool) -> dict[str, Any]:
    return {
        "disabled": [outcome_document(each, "disabled", only_plan) for each in result.disabled],
        "already": [each.registration_id for each in result.already],
        "left": list(result.left),
        "failed": [{"registrationId": name, "error": text} for name, text in result.failed.items()],
        "unmapped": [
            {
                "serial": f"{one.serial:X}",
                "issuer": one.issuer,
                "reason": one.reason,
                "crl": one.where,
                "authority": one.authority or None,
            }
            for one in result.unmapped
        ],
    }
