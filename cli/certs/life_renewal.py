"""`muster certs renew` and `retire`: the next certificate of a device, and the end of the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from certs import csr, durable
from certs.clouds import Cloud
from certs.issue import LEAF_FILE, Terms, chain_text
from certs.keys import Algorithm
from certs.life.books import Books
from certs.life.inventory import Held
from certs.life.renewal import OVERLAP_DAYS, Renewal, Renewed, due, renew_device, renew_request
from certs.record import ISSUER_KINDS, Entry
from cli.certs.life import directory_option, facts, line, signer_of
from cli.certs.options import algorithm_option, for_option
from cli.certs.shared import (
    FILE,
    days_option,
    json_option,
    passphrase_option,
    print_certificate,
    print_json,
    reported,
)


@click.command()
@click.argument("registration_id")
@directory_option
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A new folder; with --request a file."
)
@click.option("--request", type=FILE, help="A request (CSR) of the device; else a new key is made.")
@click.option("--issuer", "issuer_name", help="Another issuer of the authority, by name; else the same.")
@days_option("--days", None, "Life of the new certificate, in days; else the profile's.")
@click.option(
    "--overlap",
    type=click.IntRange(0),
    default=OVERLAP_DAYS,
    show_default=True,
    help="How many days the old certificate stays good.",
)
@click.option("--early", is_flag=True, help="Also before the last third of the old certificate's life.")
@algorithm_option("the new key")
@for_option
@passphrase_option
@json_option
@reported
def renew(
    registration_id: str,
    directory: Path,
    out: Path,
    request: Path | None,
    issuer_name: str | None,
    days: int | None,
    overlap: int,
    early: bool,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Give a device its next certificate; the old one is retired when the overlap has ended.

    A revoked certificate is never renewed. OUT gets what `muster certs issue` makes, or with --request what
    `muster certs sign` does.

    \b
    Example:
      muster certs renew reefer-1 --directory pki --out devices/reefer-1-next --early
    """
    how = Renewal(days, overlap, early, Terms(clouds=for_clouds))
    asked = csr.load(request) if request else None
    if asked is not None:
        csr.check(asked, registration_id, how.terms.profile)
        durable.refuse_existing(out, "a certificate")
    with Books.open(directory) as books:
        held = due(books, registration_id, how)  # before anybody has to type a passphrase
        entry = _issuer(books, held, issuer_name)
        signer = signer_of(books, entry, passphrase_file)
        if asked is None:
            renewed = renew_device(books, held.issued.registration_id, entry, signer, how, out, algorithm)
            out = out / LEAF_FILE
        else:
            renewed = renew_request(books, asked, entry, signer, how)
            text = chain_text(renewed.certificate, renewed.issuer)
            durable.new_file(out, text, durable.PUBLIC_FILE, "a certificate")
        _told(out, renewed, books, as_json)


def _told(out: Path, renewed: Renewed, books: Books, as_json: bool) -> None:
    if as_json:
        new = books.inventory.by_serial(
            renewed.certificate.serial_number, renewed.certificate.issuer.rfc4514_string()
        )
        print_json({"leaf": str(out), "new": facts(new), "old": facts(renewed.old)})
        return
    print_certificate(out, renewed.certificate)
    click.echo(f"the old one: {line(renewed.old)}")


def _issuer(books: Books, held: Held, name: str | None) -> Entry:
    return books.authority.record.named(name, *ISSUER_KINDS) if name else books.issuer(held.issued.issuer)


@click.command()
@directory_option
@click.option("--revoke", "and_revoke", is_flag=True, help="Put them into the lists too, as superseded.")
@passphrase_option
@json_option
@reported
def retire(directory: Path, and_revoke: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Retire every certificate whose overlap has ended. Do it daily, before `muster certs crl`.

    \b
    Example:
      muster certs retire --directory pki
    """
    with Books.open(directory) as books:
        retired = books.retire_due()
        if and_revoke:
            retired = [_superseded(books, held, passphrase_file) for held in retired]
    if as_json:
        result: dict[str, Any] = {"retired": [facts(held) for held in retired]}
        print_json(result)
        return
    for held in retired:
        click.echo(line(held))
    click.echo(f"{len(retired)} retired")


def _superseded(books: Books, held: Held, passphrase_file: Path | None) -> Held:
    entry = books.issuer(held.issued.issuer)
    signer = signer_of(books, entry, passphrase_file)
    return books.revoke(held.issued.serial, entry, "superseded", lambda: signer)[0]
