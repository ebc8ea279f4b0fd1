"""`muster certs init`: make an authority."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs import authority, passphrase, profiles
from certs.authority import describe
from cli.certs.shared import (
    DIRECTORY,
    days_option,
    json_option,
    passphrase_option,
    print_certificate,
    print_json,
    prompt,
    reported,
)


@click.command()
@click.option(
    "--directory", type=DIRECTORY, required=True, help="Where to make it; must be empty or not exist."
)
@click.option("--name", required=True, help="The fleet's name; it stands in every certificate.")
@click.option(
    "--factory", "factories", multiple=True, required=True, help="An issuer's name; repeat for more."
)
@days_option("--root-days", profiles.ROOT.days, "Life of the root, in days.")
@days_option("--issuer-days", profiles.ISSUER.days, "Life of each issuer, in days.")
@passphrase_option
@json_option
@reported
def init(
    directory: Path,
    name: str,
    factories: tuple[str, ...],
    root_days: int,
    issuer_days: int,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make a root and one issuer a factory.

    Certificates are public: DIRECTORY/root.pem and DIRECTORY/<factory>.pem. Private keys are encrypted in
    DIRECTORY/keys. All of it is made, or nothing; nothing is ever overwritten.

    \b
    Example:
      muster certs init --directory pki --name coldchain --factory oslo --factory bergen
    """
    secret = passphrase.read(passphrase_file, prompt=prompt(confirm=True))
    made = authority.init(directory, name, factories, secret, root_days, issuer_days)
    certificates = {"root": made.root, **made.issuers}
    if as_json:
        print_json(_record(directory, certificates))
        return
    for which, certificate in certificates.items():
        print_certificate(directory / f"{which}.pem", certificate)
    click.echo(f"keys, encrypted: {directory / authority.KEYS}   record: {directory / authority.RECORD}")
    click.echo(
        "Keep a copy of the keys and of the passphrase: without them no device can be given an identity."
    )


def _record(directory: Path, certificates: dict[str, x509.Certificate]) -> dict[str, Any]:
    files = {which: {"file": str(directory / f"{which}.pem")} for which in certificates}
    described = {which: files[which] | describe(found) for which, found in certificates.items()}
    return {"certificates": described, "keyStore": str(directory / authority.KEYS)}
