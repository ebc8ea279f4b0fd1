"""`muster certs verify`: a device's certificate up to a root."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from cryptography import x509

from certs import chain
from certs.authority import describe
from certs.errors import ChainError, ChainFault, UnreadableError
from cli.certs.shared import FILE, json_option, print_certificate, print_json, reported


@click.command()
@click.argument("leaf", type=FILE)
@click.option("--root", type=FILE, required=True, help="The root to trust.")
@click.option(
    "--issuer", "issuers", type=FILE, multiple=True, help="An issuer; repeat, from the leaf upwards."
)
@json_option
@reported
def verify(leaf: Path, root: Path, issuers: tuple[Path, ...], as_json: bool) -> None:
    """Verify a device's certificate up to a root.

    Every fault of every certificate is told at once. When LEAF holds several certificates, the first is
    verified; without --issuer, those that follow are its issuers.

    \b
    Example:
      muster certs verify devices/reefer-1/leaf.pem --root pki/root.pem --issuer pki/oslo.pem
    """
    try:
        certificate = _verified(leaf, issuers, root)
    except ChainError as error:
        if not as_json:
            raise
        print_json({"valid": False, "faults": [vars(fault) for fault in error.faults]})
        sys.exit(1)
    if as_json:
        print_json({"valid": True, "faults": [], "leaf": describe(certificate)})
        return
    print_certificate(leaf, certificate)
    click.echo("valid")


def _verified(leaf: Path, issuers: Sequence[Path], root: Path) -> x509.Certificate:
    """Load all files, telling of every unreadable one, then verify."""
    faults: list[ChainFault] = []
    loaded: dict[Path, list[x509.Certificate]] = {}
    for path in (root, *issuers, leaf):
        try:
            loaded[path] = chain.load_certificates(path) if path == leaf else [chain.load_certificate(path)]
        except UnreadableError as error:
            faults.append(ChainFault(str(path), error.wrong, f"expected {error.right}"))
    if faults:
        raise ChainError(faults)
    device, *following = loaded[leaf]
    between = [loaded[path][0] for path in issuers] or following
    chain.verify_leaf(device, between, loaded[root][0])
    return device
