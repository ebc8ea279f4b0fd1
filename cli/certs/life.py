"""`muster certs revoke` and `crl`: certificates taken back, and the lists that say so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from certs.authority import KEYS
from certs.errors import InventoryError
from certs.life.books import Books
from certs.life.inventory import Held
from certs.life.revocation import REASONS
from certs.record import ISSUER_KINDS, Entry
from certs.signers import Signer
from cli.certs.options import open_store
from cli.certs.shared import DIRECTORY, json_option, passphrase_option, print_json, reported

DEFAULT_PARTITIONS = 1024

directory_option = click.option("--directory", type=DIRECTORY, required=True, help="The authority.")


def signer_of(books: Books, entry: Entry, passphrase_file: Path | None) -> Signer:
    """The signer of an issuer's key; asks for the passphrase where it needs one."""
    store = open_store(entry.certificate, books.authority.directory / KEYS, passphrase_file)
    return store.signer_for(entry.certificate)


def facts(held: Held) -> dict[str, Any]:
    """One certificate of the inventory, for programs."""
    issued = held.issued
    return {
        "registrationId": issued.registration_id,
        "serial": f"{issued.serial:x}",
        "issuer": issued.issuer,
        "factory": issued.factory,
        "group": issued.group,
        "notBefore": issued.not_before.isoformat(),
        "notAfter": issued.not_after.isoformat(),
        "sha256": issued.sha256,
        "fate": held.fate,
        "since": held.since.isoformat() if held.since else None,
        "detail": held.detail,
    }


def line(held: Held) -> str:
    """The same for people."""
    since = f" since {held.since:%Y-%m-%d}" if held.since else ""
    detail = f" ({held.detail})" if held.detail else ""
    issued = held.issued
    return (
        f"{issued.registration_id}  {issued.serial:x}  until {issued.not_after:%Y-%m-%d}  "
        f"{held.fate}{since}{detail}"
    )


@click.command()
@click.argument("registration_id")
@directory_option
@click.option("--reason", type=click.Choice(list(REASONS)), required=True, help="Why; it stands in the list.")
@click.option("--serial", help="One certificate of the device, its serial number in hex; else all of them.")
@passphrase_option
@json_option
@reported
def revoke(
    registration_id: str,
    directory: Path,
    reason: str,
    serial: str | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Revoke a device's certificates, for good.

    First in the inventory, then in their revocation list, when the authority has an address for lists. When
    that was cut short, the same command again mends the list. Retired and expired certificates are left
    alone, unless --serial names one.

    \b
    Example:
      muster certs revoke reefer-1 --directory pki --reason keyCompromise
    """
    with Books.open(directory) as books:
        revoked = [
            _revoke(books, held, reason, passphrase_file) for held in _meant(books, registration_id, serial)
        ]
        if as_json:
            lists = [str(path) for _, path in revoked if path]
            print_json({"revoked": [facts(held) for held, _ in revoked], "lists": lists})
            return
        for held, path in revoked:
            click.echo(f"{line(held)}\n  {path or 'in no list: the authority has no address for lists'}")


def _meant(books: Books, registration_id: str, serial: str | None) -> list[Held]:
    found = books.inventory.by_id(registration_id)
    if not found:
        raise InventoryError(f"{registration_id!r} has no certificate in {books.inventory.path}")
    if serial is not None:
        meant = [held for held in found if f"{held.issued.serial:x}" == serial.lower().lstrip("0")]
        wrong = f"{registration_id!r} has no certificate {serial}"
    else:
        now = datetime.now(UTC)
        meant = [held for held in found if held.fate != "retired" and held.issued.not_after > now]
        wrong = f"{registration_id!r} has no certificate in force"
    if not meant:
        there = ", ".join(f"{held.issued.serial:x} ({held.fate})" for held in found)
        raise InventoryError(f"{wrong}; it has {there}")
    return meant


def _revoke(books: Books, held: Held, reason: str, passphrase_file: Path | None) -> tuple[Held, Path | None]:
    entry = books.issuer(held.issued.issuer)

    def signer() -> Signer:
        return signer_of(books, entry, passphrase_file)

    return books.revoke(held.issued.serial, entry, reason, signer)


@click.command()
@directory_option
@click.option("--url", help="Once: where the lists will be, http://HOST/PATH. New certificates name it.")
@click.option(
    "--partitions",
    type=click.IntRange(1),
    default=DEFAULT_PARTITIONS,
    show_default=True,
    help="With --url: lists an issuer. Some 1,000 revoked certificates a list are quick.",
)
@passphrase_option
@json_option
@reported
def crl(
    directory: Path, url: str | None, partitions: int, passphrase_file: Path | None, as_json: bool
) -> None:
    """Write every revocation list from the inventory, each good for seven days.

    Do it daily, and let a web server hand out DIRECTORY/crl at the address. What has expired is left out.

    \b
    Example:
      muster certs crl --directory pki --url http://crl.example/coldchain
    """
    with Books.open(directory) as books:
        if url is not None:
            books.set_lists(url, partitions)
        written = {entry.name: _publish(books, entry, passphrase_file) for entry in issuers(books)}
        if as_json:
            print_json({"issuers": written})
            return
        for name, found in written.items():
            click.echo(f"{name}: {found['revoked']} revoked, {found['lists']} lists in {found['directory']}")


def issuers(books: Books) -> list[Entry]:
    """The issuers of devices and servers that are in force."""
    now = datetime.now(UTC)
    entries = books.authority.record.entries.values()
    return [
        each for each in entries if each.kind in ISSUER_KINDS and each.certificate.not_valid_after_utc > now
    ]


def _publish(books: Books, entry: Entry, passphrase_file: Path | None) -> dict[str, Any]:
    partitions = books.required_partitions(entry)
    count = books.publisher(entry, signer_of(books, entry, passphrase_file)).publish(books.inventory)
    where = books.lists_directory(entry)
    return {"revoked": count, "lists": partitions.count, "directory": str(where), "url": partitions.base_url}
