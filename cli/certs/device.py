"""`muster certs issue` and `muster certs sign`: one certificate, with a key or for somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs import authority, chain, csr, durable, names, profiles
from certs.authority import Authority, describe
from certs.clouds import Cloud
from certs.issue import KEY_FILE, LEAF_FILE, Terms, chain_text, issue_from_request
from certs.keys import Algorithm
from certs.life.first import books_beside, enter, first_device, is_ours, point
from certs.signers import Signer
from cli.certs.options import algorithm_option, for_option, key_store_option, open_store
from cli.certs.shared import (
    DIRECTORY,
    FILE,
    days_option,
    json_option,
    passphrase_option,
    print_certificate,
    print_json,
    reported,
)

_OWN_DAYS = "as the profile has it: 365, a claim 90"


def _terms_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the certificate is to be."""
    options = (
        click.option(
            "--issuer",
            type=FILE,
            required=True,
            help="The certificate of the issuing factory, or of --servers.",
        ),
        click.option(
            "--profile",
            type=click.Choice(list(profiles.ISSUED)),
            default=profiles.DEVICE.name,
            show_default=True,
            help="The kind of certificate.",
        ),
        click.option(
            "--host", "hosts", multiple=True, help="A server's name or IP address; repeat for more."
        ),
        days_option("--days", None, f"Life of the certificate, in days; else {_OWN_DAYS}."),
        for_option,
        key_store_option,
        passphrase_option,
        json_option,
        reported,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("registration_id")
@click.option("--out", type=DIRECTORY, required=True, help="Where to put it; must be empty or not exist.")
@algorithm_option("the new key")
@_terms_options
def issue(
    registration_id: str,
    issuer: Path,
    out: Path,
    algorithm: Algorithm,
    profile: str,
    hosts: tuple[str, ...],
    days: int | None,
    for_clouds: tuple[Cloud, ...],
    key_store: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make a key and a certificate for one device.

    OUT gets leaf.pem (the leaf, then its issuer) and key.pem. The device's key is NOT encrypted, since a
    device starts with nobody there to type a passphrase; it has mode 0600. Move it to the device and keep
    no copy. Where the device makes its own key, use `muster certs sign`.

    \b
    Example:
      muster certs issue reefer-1 --issuer pki/oslo.pem --out devices/reefer-1
    """
    issuing, signer = _opened(issuer, key_store, passphrase_file)
    terms = Terms(profiles.ISSUED[profile], names.hosts(hosts), for_clouds)
    with books_beside(issuer) as books:
        device = first_device(books, registration_id, issuing, signer, out, days, algorithm, terms)
    if as_json:
        print_json({"leaf": str(out / LEAF_FILE), "key": str(out / KEY_FILE)} | describe(device.certificate))
        return
    print_certificate(out / LEAF_FILE, device.certificate)
    click.echo(f"the device's key, not encrypted, mode 0600: {out / KEY_FILE}")


@click.command()
@click.argument("request", type=FILE)
@click.option(
    "--out", type=click.Path(path_type=Path, allow_dash=True), required=True, help="A file; - prints it."
)
@click.option("--id", "registration_id", help="The registration id that the request must be for.")
@_terms_options
def sign(
    request: Path,
    issuer: Path,
    out: Path,
    registration_id: str | None,
    profile: str,
    hosts: tuple[str, ...],
    days: int | None,
    for_clouds: tuple[Cloud, ...],
    key_store: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Issue from a request (CSR): the key was made on the device and never leaves it.

    The request proves that somebody holds the key, and names the device. Subject and extensions of the
    certificate come from the profile. OUT gets the leaf, then its issuer; nothing else is stored.

    \b
    Example:
      muster certs sign reefer-3.csr --issuer pki/oslo.pem --out reefer-3.pem
    """
    asked = csr.load(request)
    csr.check(asked, registration_id, profiles.ISSUED[profile])  # before anybody has to type a passphrase
    issuing, signer = _opened(issuer, key_store, passphrase_file)
    with books_beside(issuer) as books:
        terms = Terms(profiles.ISSUED[profile], names.hosts(hosts), for_clouds, point(books, issuing))
        certificate = issue_from_request(signer, issuing, asked, registration_id, days, terms)
        if str(out) != "-":
            durable.refuse_existing(out, "a certificate")
        enter(books, certificate, issuing)
    text = chain_text(certificate, issuing)
    if str(out) == "-":
        click.echo(text.decode("ascii"), nl=False)
        return
    durable.new_file(out, text, durable.PUBLIC_FILE, "a certificate")
    if as_json:
        print_json({"leaf": str(out)} | describe(certificate))
        return
    print_certificate(out, certificate)


def _opened(issuer: Path, key_store: Path | None, file: Path | None) -> tuple[x509.Certificate, Signer]:
    """The issuer's certificate and who signs for it; refused while the clock stands before its authority."""
    issuing = chain.load_certificate(issuer)
    if is_ours(issuer):
        Authority.open(issuer.parent).refuse_clock_set_back(datetime.now(UTC))
    store = open_store(issuing, key_store or issuer.parent / authority.KEYS, file)
    return issuing, store.signer_for(issuing)
