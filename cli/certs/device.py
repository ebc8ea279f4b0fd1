"""`muster certs issue`: one device's identity."""

from __future__ import annotations

from pathlib import Path

import click

from certs import authority, chain, passphrase, profiles
from certs.authority import describe
from certs.issue import KEY_FILE, LEAF_FILE, issue_device
from certs.store import DIRECTORY_VARIABLE, KeyStore
from cli.certs.shared import (
    DIRECTORY,
    FILE,
    days_option,
    json_option,
    passphrase_option,
    print_certificate,
    print_json,
    prompt,
    reported,
)


@click.command()
@click.argument("registration_id")
@click.option("--issuer", type=FILE, required=True, help="The certificate of the issuing factory.")
@click.option("--out", type=DIRECTORY, required=True, help="Where to put it; must be empty or not exist.")
@days_option("--days", profiles.DEVICE.days, "Life of the certificate, in days.")
@click.option(
    "--key-store",
    type=DIRECTORY,
    envvar=DIRECTORY_VARIABLE,
    show_envvar=True,
    help="The issuer's key store; else `keys` beside the issuer's certificate.",
)
@passphrase_option
@json_option
@reported
def issue(
    registration_id: str,
    issuer: Path,
    out: Path,
    days: int,
    key_store: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make a key and a certificate for one device.

    OUT gets leaf.pem (the leaf, then its issuer) and key.pem. The device's key is NOT encrypted, since a
    device starts with nobody there to type a passphrase; it has mode 0600. Move it to the device and keep
    no copy.

    \b
    Example:
      muster certs issue reefer-1 --issuer pki/oslo.pem --out devices/reefer-1
    """
    issuing = chain.load_certificate(issuer)
    store = KeyStore(
        key_store or issuer.parent / authority.KEYS, passphrase.read(passphrase_file, prompt=prompt())
    )
    device = issue_device(store.signer_for(issuing), issuing, registration_id, days)
    device.write(out)
    if as_json:
        print_json({"leaf": str(out / LEAF_FILE), "key": str(out / KEY_FILE)} | describe(device.certificate))
        return
    print_certificate(out / LEAF_FILE, device.certificate)
    click.echo(f"the device's key, not encrypted, mode 0600: {out / KEY_FILE}")
