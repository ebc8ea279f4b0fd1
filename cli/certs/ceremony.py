"""`muster certs ceremony`: a root on a machine without a network, in four steps."""

from __future__ import annotations

from pathlib import Path

import click

from certs import authority, ceremony, clouds, csr, handover, profiles
from certs.authority import Authority
from certs.clouds import Cloud
from certs.keys import DEFAULT, Algorithm
from certs.minutes import DIRECTORY as RECORDS
from certs.minutes import grouped
from certs.places import FILES, Place
from certs.reading import fingerprint
from certs.store import key_id
from cli.certs.options import (
    algorithm_option,
    choices,
    confined_option,
    for_option,
    new_secret,
    operator_option,
    place_options,
    secret,
    servers_option,
)
from cli.certs.shared import (
    DIRECTORY,
    FILE,
    days_option,
    described,
    json_option,
    passphrase_option,
    print_entries,
    print_json,
    reported,
)


@click.group("ceremony")
def group() -> None:
    """Make an authority whose root is on a machine without a network.

    \b
    offline  root     make the root
    online   request  make the issuers' keys, and a request for each
    offline  sign     certify the requests
    online   install  put the certificates beside their keys
    """


@group.command("root")
@click.option("--directory", type=DIRECTORY, required=True, help="Where to make it, on the offline machine.")
@click.option("--name", required=True, help="The fleet's name; it stands in every certificate.")
@days_option("--days", profiles.ROOT.days, "Life of the root, in days.")
@algorithm_option("the root's key")
@for_option
@operator_option
@place_options
@passphrase_option
@json_option
@reported
def root_command(
    directory: Path,
    name: str,
    days: int,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    operator: str,
    place: Place,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Offline: make a root and its key.

    \b
    Example:
      muster certs ceremony root --directory offline --name coldchain --operator "Ada Lovelace"
    """
    clouds.check(for_clouds, algorithm, algorithm, profiles.ROOT)
    how = choices(algorithm, place, {}, confined=True)
    made = ceremony.make_root(directory, name, new_secret(place, passphrase_file), days, how, operator)
    entries = list(made.record.entries.values())
    digest = fingerprint(entries[0].certificate)
    if as_json:
        print_json({"certificates": described(made, entries), "keyStore": str(directory / authority.KEYS)})
        return
    print_entries(made, entries)
    click.echo(f"Write down the root's fingerprint, `install` asks for it:\n  {grouped(digest)}")
    click.echo(f"Print the written record, and keep it with the key's backup: {directory / RECORDS}")


@group.command("request")
@click.option("--directory", type=DIRECTORY, required=True, help="New, or an authority that gets an issuer.")
@click.option("--name", required=True, help="The fleet's name, as the root has it.")
@click.option("--factory", "factories", multiple=True, help="An issuer's name; repeat for more.")
@servers_option
@algorithm_option("the issuers' keys")
@for_option
@place_options
@passphrase_option
@json_option
@reported
def request_command(
    directory: Path,
    name: str,
    factories: tuple[str, ...],
    servers: dict[str, tuple[str, ...]],
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    place: Place,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Online: make the issuers' keys, and a request for each.

    \b
    Example:
      muster certs ceremony request --directory pki --name coldchain --factory oslo --factory bergen
    """
    clouds.check(for_clouds, algorithm, algorithm, profiles.ISSUER)
    how = choices(algorithm, place, servers, confined=True)
    made = ceremony.request(directory, name, factories, new_secret(place, passphrase_file), how)
    if as_json:
        print_json({"requests": {part: str(path) for part, path in made.items()}})
        return
    for path in made.values():
        click.echo(f"{path}\n  key id   {grouped(key_id(csr.load(path).public_key()))}")
    click.echo("Carry the requests to the offline machine; compare the key ids there.")


@group.command("sign")
@click.argument("requests", type=FILE, nargs=-1, required=True)
@click.option("--directory", type=DIRECTORY, required=True, help="The offline authority.")
@click.option("--out", type=DIRECTORY, required=True, help="What to carry back; must be empty or not exist.")
@servers_option
@confined_option
@days_option("--days", profiles.ISSUER.days, "Life of each issuer, in days.")
@operator_option
@passphrase_option
@json_option
@reported
def sign_command(
    requests: tuple[Path, ...],
    directory: Path,
    out: Path,
    servers: dict[str, tuple[str, ...]],
    confined: bool,
    days: int,
    operator: str,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Offline: certify requests, with a written record.

    What an issuer may do is said here, never by its request: those that --servers names become issuers of
    servers, all others issuers of this fleet's devices.

    \b
    Example:
      muster certs ceremony sign pki/requests/oslo.csr --directory offline --out granted
    """
    offline = Authority.open(directory)
    loaded = {str(path): csr.load(path) for path in requests}
    how = choices(DEFAULT, FILES, servers, confined=confined)
    root = offline.record.roots()[-1].certificate
    opened = offline.store(b"").is_elsewhere(root)
    phrase = b"" if opened else secret(root, directory, passphrase_file, FILES)
    entries, minutes = ceremony.sign(offline, loaded, out, phrase, days, how, operator)
    granted = Authority.open(out)
    if as_json:
        print_json({"certificates": described(granted, entries), "record": str(minutes)})
        return
    print_entries(granted, entries)
    click.echo(f"Print the written record: {minutes}\nCarry {out} back.")


@group.command("install")
@click.argument("granted", type=DIRECTORY)
@click.option("--directory", type=DIRECTORY, required=True, help="Where the requests were made.")
@click.option("--root-sha256", help="The fingerprint of a root that is new here, as it was written down.")
@json_option
@reported
def install_command(granted: Path, directory: Path, root_sha256: str | None, as_json: bool) -> None:
    """Online: put certified issuers beside their keys.

    \b
    Example:
      muster certs ceremony install granted --directory pki --root-sha256 "41d6 0b7e …"
    """
    made = handover.install(directory, granted, root_sha256)
    if as_json:
        print_json({"certificates": described(made, made.record.entries.values())})
        return
    print_entries(made, made.record.entries.values())
