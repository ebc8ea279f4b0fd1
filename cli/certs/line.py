"""`muster certs line-key` and `muster certs export`: what a factory line has and needs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from certs import passphrase
from certs.bulk.bundle import Bundle
from certs.bulk.exports.devices import devices
from certs.bulk.exports.forms import FORMS, ITERATIONS, MIN_ITERATIONS, Options
from certs.bulk.exports.write import write
from certs.bulk.sealing import Opener, new_identity
from cli.certs.progress import shown
from cli.certs.shared import DIRECTORY, FILE, json_option, print_json, reported, somebody_answers

FILE_VARIABLE, VARIABLE = "MUSTER_PKCS12_PASSPHRASE_FILE", "MUSTER_PKCS12_PASSPHRASE"


@click.command("line-key")
@click.option("--out", type=FILE, required=True, help="The new identity's file, mode 0600.")
@json_option
@reported
def line_key(out: Path, as_json: bool) -> None:
    """Make the identity of a factory line; prints its recipient.

    Make it on the line, where it stays: who has the file opens every key that is sealed for the recipient.
    The recipient is public. `age-keygen` makes such files as well.

    \b
    Example:
      muster certs line-key --out line.key
    """
    recipient = new_identity(out)
    if as_json:
        print_json({"identity": str(out), "recipient": recipient})
        return
    click.echo(recipient)


@click.command()
@click.argument("bundle", type=FILE)
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True, help="The form.")
@click.option("--out", type=DIRECTORY, required=True, help="A new folder; must be empty or not exist.")
@click.option(
    "--identity", type=FILE, help="The line's identity, mode 0600; not where only requests came in."
)
@click.option("--only", multiple=True, help="This device alone; repeat for more.")
@click.option(
    "--pkcs12-passphrase-file",
    type=FILE,
    help=f"PKCS#12's passphrase, in a file of mode 0600. Else {FILE_VARIABLE}, {VARIABLE}, or a prompt.",
)
@click.option(
    "--iterations",
    type=click.IntRange(MIN_ITERATIONS),
    default=ITERATIONS,
    show_default=True,
    help="PKCS#12: how slowly its key is derived from the passphrase.",
)
@json_option
@reported
def export(
    bundle: Path,
    form: str,
    out: Path,
    identity: Path | None,
    only: tuple[str, ...],
    pkcs12_passphrase_file: Path | None,
    iterations: int,
    as_json: bool,
) -> None:
    """Write a bundle's devices as files that a factory line flashes.

    pem: a folder a device, as `muster certs issue` makes it. pkcs12: a file a device, under a passphrase.
    c-header and nvs (Espressif's nvs_partition_gen.py): a file a device. But for pkcs12, private keys are NOT
    encrypted; all files of keys have mode 0600. The folder appears whole or not at all.

    \b
    Example:
      muster certs export oslo-1.bundle --to pem --identity line.key --out flash
    """
    found = Bundle.open(bundle)
    opener = Opener(identity) if identity is not None else None
    options = Options(_secret(pkcs12_passphrase_file) if form == "pkcs12" else b"", iterations)
    total = len(only) or found.records
    with shown("written") as progress:
        count = write(devices(bundle, opener, only), out, form, options, lambda done: progress(done, total))
    if as_json:
        print_json({"folder": str(out), "form": form, "devices": count})
        return
    click.echo(f"{out}: {count} devices")


def _secret(file: Path | None) -> bytes:
    """The passphrase for PKCS#12."""
    named = any(os.environ.get(name) for name in (FILE_VARIABLE, VARIABLE))
    if file is None and not named and somebody_answers():
        asked = click.prompt("Passphrase for PKCS#12", hide_input=True, confirmation_prompt=True, err=True)
        return str(asked).encode()
    if file is not None:
        return passphrase.read(file, {})
    return passphrase.read_named(FILE_VARIABLE, VARIABLE, "passphrase for PKCS#12")
