"""`muster certs inventory` and `audit`: what was issued, what expires when, and that nothing was changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from certs.errors import InventoryError
from certs.life import arrivals
from certs.life.books import Books
from certs.life.inventory import By
from cli.certs.life import directory_option, facts, line
from cli.certs.shared import days_option, json_option, print_json, reported

_BY: tuple[By, ...] = ("factory", "group", "issuer")


@click.group("inventory")
def inventory() -> None:
    """What was issued, what became of it, and what expires when."""


@inventory.command()
@directory_option
@days_option("--within", 30, "How far to look ahead, in days.")
@click.option("--by", type=click.Choice(_BY), default="factory", show_default=True, help="Counted by what.")
@json_option
@reported
def expiring(directory: Path, within: int, by: By, as_json: bool) -> None:
    """What expires soon, the earliest first.

    \b
    Example:
      muster certs inventory expiring --directory pki --within 60 --by issuer
    """
    with Books.open(directory) as books:
        found = books.inventory.expiring(datetime.now(UTC) + timedelta(days=within), by)
    if as_json:
        print_json(
            {
                "by": by,
                "days": within,
                "expiring": [
                    {by: each.which, "count": each.count, "first": each.first.isoformat()} for each in found
                ],
            }
        )
        return
    for each in found:
        click.echo(f"{each.which or '(none)'}: {each.count}, the first on {each.first:%Y-%m-%d}")
    if not found:
        click.echo(f"nothing expires within {within} days")


@inventory.command()
@click.argument("registration_id")
@directory_option
@json_option
@reported
def show(registration_id: str, directory: Path, as_json: bool) -> None:
    """Every certificate of a device, the newest last.

    \b
    Example:
      muster certs inventory show reefer-1 --directory pki
    """
    with Books.open(directory) as books:
        found = books.inventory.by_id(registration_id)
        if not found:
            raise InventoryError(f"{registration_id!r} has no certificate in {books.inventory.path}")
    if as_json:
        print_json({"certificates": [facts(held) for held in found]})
        return
    for held in found:
        click.echo(line(held))


@inventory.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@directory_option
@click.option("--factory", default="", help="Where they were issued; else by their issuer.")
@click.option("--group", default="", help="The fleet's group that they are for.")
@json_option
@reported
def import_command(source: Path, directory: Path, factory: str, group: str, as_json: bool) -> None:
    """Enter certificates that were issued in bulk: a bundle, or a file or folder of certificates.

    All of SOURCE, or nothing; what is there already stays. Only what this authority's issuers have signed.

    \b
    Example:
      muster certs inventory import devices --directory pki --group reefers
    """
    with Books.open(directory) as books:
        count = arrivals.take_in(books, source, factory, group)
        if as_json:
            print_json({"new": count, "certificates": books.inventory.count()})
            return
        click.echo(f"{count} new; {books.inventory.count()} certificates in the inventory")


@click.command()
@directory_option
@click.option("--head", help="A head that an earlier audit printed, noted elsewhere: it must still be there.")
@json_option
@reported
def audit(directory: Path, head: str | None, as_json: bool) -> None:
    """Prove that nothing was removed from the ledger and the inventory, and nothing changed.

    Prints a head: note it elsewhere, where who can change these files cannot, and give it to the next audit.
    Exit code 1: something was changed; the place is told.

    \b
    Example:
      muster certs audit --directory pki
    """
    with Books.open(directory) as books:
        found = books.audit(head)
    if as_json:
        print_json({"lines": found.lines, "certificates": found.certificates, "head": found.head})
        return
    click.echo(
        f"whole: {found.lines} lines in the ledger, {found.certificates} certificates in the inventory"
    )
    click.echo(f"head: {found.head}")
