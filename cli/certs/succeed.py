"""`muster certs succeed`: a new root, or a new issuer, beside the old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from certs import clouds, handover, profiles, succession
from certs.authority import Authority
from certs.clouds import Cloud
from certs.keys import Algorithm
from certs.places import Place
from certs.record import Entry
from cli.certs.options import (
    algorithm_option,
    choices,
    for_option,
    operator_option,
    place_options,
    secret,
)
from cli.certs.shared import (
    DIRECTORY,
    days_option,
    described,
    json_option,
    passphrase_option,
    print_entries,
    print_json,
    reported,
)

_directory = click.option("--directory", type=DIRECTORY, required=True, help="The authority.")


@click.group("succeed")
def group() -> None:
    """Make a new root or a new issuer beside the old: both chains are valid during the change."""


@group.command("root")
@_directory
@days_option("--days", profiles.ROOT.days, "Life of the new root, in days.")
@algorithm_option("the new root's key")
@for_option
@operator_option
@click.option(
    "--out", type=DIRECTORY, help="For an offline root: a new directory, to carry to `ceremony install`."
)
@place_options
@passphrase_option
@json_option
@reported
def root_command(
    directory: Path,
    days: int,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    operator: str,
    out: Path | None,
    place: Place,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """A new root: cross-certified with the old, and the issuers under both.

    Every device verifies under either root, without a change to it. Give the new root to each cloud and
    verify it there; point the fleet's description to it; when nobody trusts the old one alone, take that
    away.

    \b
    Example:
      muster certs succeed root --directory pki
    """
    clouds.check(for_clouds, algorithm, algorithm, profiles.ROOT)
    there = Authority.open(directory)
    old = there.record.roots()[-1]
    phrase = secret(old.certificate, directory, passphrase_file, place)
    how = choices(algorithm, place, {}, confined=True)
    made, added = succession.succeed_root(there, phrase, days, how, operator, datetime.now(UTC))
    if out:
        handover.export(made, [old.name, *(entry.name for entry in added)], out)
    _told(made, added, as_json)


@group.command("issuer")
@click.argument("name")
@_directory
@days_option("--days", profiles.ISSUER.days, "Life of the new issuer, in days.")
@algorithm_option("the new issuer's key")
@for_option
@operator_option
@place_options
@passphrase_option
@json_option
@reported
def issuer_command(
    name: str,
    directory: Path,
    days: int,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    operator: str,
    place: Place,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """A new issuer of the same kind beside NAME, confined alike.

    \b
    Example:
      muster certs succeed issuer oslo --directory pki
    """
    clouds.check(for_clouds, algorithm, algorithm, profiles.ISSUER)
    there = Authority.open(directory)
    phrase = secret(there.record.roots()[-1].certificate, directory, passphrase_file, place)
    how = choices(algorithm, place, {}, confined=True)
    _told(*succession.succeed_issuer(there, name, phrase, days, how, operator, datetime.now(UTC)), as_json)


def _told(there: Authority, added: Sequence[Entry], as_json: bool) -> None:
    if as_json:
        print_json({"certificates": described(there, added)})
    else:
        print_entries(there, added)
