"""`muster certs verify`: a certificate up to a root, and as a cloud's service will see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from cryptography import x509

from certs import chain, paths, preflight, profiles, revoked
from certs.authority import describe
from certs.errors import ChainError, ChainFault, UnreadableError
from certs.preflight import Presented, View
from certs.profiles import Profile
from cli.certs.shared import FILE, json_option, print_certificate, print_json, reported

_Read = TypeVar("_Read")
_ENDS = {each.name: each for each in (*profiles.ISSUED.values(), profiles.POSSESSION)}


@dataclass(frozen=True)
class _Given:
    """All files of a call, read."""

    sent: Sequence[x509.Certificate]
    root: x509.Certificate
    issuers: Sequence[x509.Certificate]
    verified: Sequence[x509.Certificate]
    lists: Sequence[x509.CertificateRevocationList]


@click.command()
@click.argument("leaf", type=FILE)
@click.option("--root", type=FILE, required=True, help="The root to trust.")
@click.option(
    "--issuer", "issuers", type=FILE, multiple=True, help="An issuer; repeat, from the leaf upwards."
)
@click.option(
    "--crl", "lists", type=FILE, multiple=True, help="A certificate revocation list; repeat for more."
)
@click.option(
    "--profile",
    type=click.Choice(list(_ENDS)),
    default=profiles.DEVICE.name,
    show_default=True,
    help="What LEAF should be.",
)
@click.option(
    "--as",
    "services",
    type=click.Choice(list(preflight.SERVICES)),
    multiple=True,
    help="Show the chain as this service will see it when the device sends LEAF; repeat for more.",
)
@click.option(
    "--verified", type=FILE, multiple=True, help="With --as: what the service has verified; else the root."
)
@json_option
@reported
def verify(
    leaf: Path,
    root: Path,
    issuers: tuple[Path, ...],
    lists: tuple[Path, ...],
    profile: str,
    services: tuple[str, ...],
    verified: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Verify a certificate up to a root.

    Every fault of every certificate is told at once. When LEAF holds several certificates, the first is
    verified; without --issuer, those that follow are its issuers. With --as, LEAF is what the device sends.

    \b
    Example:
      muster certs verify devices/reefer-1/leaf.pem --root pki/root.pem --issuer pki/oslo.pem
    """
    try:
        given = _read(leaf, root, issuers, lists, verified)
    except ChainError as error:
        if not as_json:
            raise
        print_json({"valid": False, "faults": [vars(fault) for fault in error.faults]})
        sys.exit(1)
    faults = _faults(given, _ENDS[profile])
    views = [preflight.view(each, Presented(given.sent, given.verified)) for each in services]
    (_print_json if as_json else _print)(leaf, given.sent[0], faults, views)
    if faults or any(view.faults for view in views):
        sys.exit(1)


def _faults(given: _Given, profile: Profile) -> list[ChainFault]:
    now = datetime.now(UTC)
    path = paths.path_of(given.sent[0], given.issuers, given.root)
    found = list(paths.faults(path, now, profile))
    if given.lists:
        found += revoked.faults(path, given.lists, now)
    return found


def _print(leaf: Path, certificate: x509.Certificate, faults: list[ChainFault], views: list[View]) -> None:
    print_certificate(leaf, certificate)
    for view in views:
        click.echo(f"as {view.service} sees it")
        for title, lines in (("matches", view.matches), ("needs", view.needs), ("note", view.notes)):
            for line in lines:
                click.echo(f"  {title:8} {line}")
        for fault in view.faults:
            click.echo(f"{view.service}: {fault}", err=True)
    for fault in faults:
        click.echo(f"Error: {fault}", err=True)
    if not faults:
        click.echo("valid")


def _print_json(
    leaf: Path, certificate: x509.Certificate, faults: list[ChainFault], views: list[View]
) -> None:
    seen = [
        {
            "service": view.service,
            "accepted": not view.faults,
            "matches": list(view.matches),
            "needs": list(view.needs),
            "notes": list(view.notes),
            "faults": [vars(fault) for fault in view.faults],
        }
        for view in views
    ]
    result = {"valid": not faults, "faults": [vars(fault) for fault in faults]}
    print_json(
        result | {"leaf": {"file": str(leaf)} | describe(certificate)} | ({"seenAs": seen} if seen else {})
    )


def _read(
    leaf: Path, root: Path, issuers: Sequence[Path], lists: Sequence[Path], verified: Sequence[Path]
) -> _Given:
    """Read all files, telling of every unreadable one."""
    faults: list[ChainFault] = []

    def read(path: Path, reader: Callable[[Path], _Read]) -> _Read | None:
        try:
            return reader(path)
        except UnreadableError as error:
            faults.append(ChainFault(str(path), error.wrong, f"expected {error.right}"))
            return None

    top = read(root, chain.load_certificate)
    between = [read(path, chain.load_certificate) for path in issuers]
    sent = read(leaf, chain.load_certificates)
    known = [read(path, chain.load_certificate) for path in verified]
    found = [read(path, revoked.load) for path in lists]
    if faults or top is None or sent is None:
        raise ChainError(faults)
    return _Given(
        sent,
        top,
        _there(between) or sent[1:],
        _there(known) or [top],
        _there(found),
    )


def _there(found: Sequence[_Read | None]) -> list[_Read]:
    return [each for each in found if each is not None]
