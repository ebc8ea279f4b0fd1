"""`muster certs init`: make an authority."""

from __future__ import annotations

from pathlib import Path

import click

from certs import authority, clouds, profiles
from certs.authority import Authority
from certs.clouds import Cloud
from certs.keys import Algorithm
from certs.places import FILE, Place
from cli.certs.options import (
    algorithm_option,
    choices,
    confined_option,
    for_option,
    new_secret,
    place_options,
    servers_option,
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


@click.command()
@click.option(
    "--directory", type=DIRECTORY, required=True, help="Where to make it; must be empty or not exist."
)
@click.option("--name", required=True, help="The fleet's name; it stands in every certificate.")
@click.option(
    "--factory", "factories", multiple=True, required=True, help="An issuer's name; repeat for more."
)
@servers_option
@days_option("--root-days", profiles.ROOT.days, "Life of the root, in days.")
@days_option("--issuer-days", profiles.ISSUER.days, "Life of each issuer, in days.")
@algorithm_option("the authority's keys")
@for_option
@confined_option
@place_options
@passphrase_option
@json_option
@reported
def init(
    directory: Path,
    name: str,
    factories: tuple[str, ...],
    servers: dict[str, tuple[str, ...]],
    root_days: int,
    issuer_days: int,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    confined: bool,
    place: Place,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make a root and one issuer a factory.

    Certificates are public: DIRECTORY/root.pem and DIRECTORY/<factory>.pem. Private keys are encrypted in
    DIRECTORY/keys, or stay at the hardware module or key service that --signer names. All of it is made, or
    nothing; nothing is ever overwritten. For a root on a machine of its own, see `muster certs ceremony`.

    \b
    Example:
      muster certs init --directory pki --name coldchain --factory oslo --factory bergen
    """
    clouds.check(for_clouds, algorithm, algorithm, profiles.ROOT)
    how = choices(algorithm, place, servers, confined=confined)
    secret = new_secret(place, passphrase_file)
    authority.init(directory, name, factories, secret, root_days, issuer_days, how)
    made = Authority.open(directory)
    if as_json:
        keys = str(directory / authority.KEYS)
        print_json({"certificates": described(made, made.record.entries.values()), "keyStore": keys})
        return
    print_entries(made, made.record.entries.values())
    click.echo(f"keys: {directory / authority.KEYS}   record: {directory / authority.RECORD}")
    if place.kind == FILE:
        click.echo(
            "Keep a copy of the keys and of the passphrase: without them no device can be given an identity."
        )
