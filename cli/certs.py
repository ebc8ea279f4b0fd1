"""`muster certs`: make an authority, issue a device's identity, verify a chain.

Exit codes: 0 done; 1 refused, with the reason on standard error (nothing was written); 2 wrong usage.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from cryptography import x509

from certs import authority, chain, passphrase, profiles
from certs.assemble import MAX_DAYS
from certs.authority import describe
from certs.errors import CertsError, ChainError, ChainFault, UnreadableError
from certs.issue import KEY_FILE, LEAF_FILE, issue_device
from certs.store import DIRECTORY_VARIABLE, KeyStore

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_FILE = click.Path(path_type=Path, dir_okay=False)
_DIRECTORY = click.Path(path_type=Path, file_okay=False)

_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_passphrase_option = click.option(
    "--passphrase-file",
    type=_FILE,
    help=f"The key store's passphrase, in a file of mode 0600. Else {passphrase.FILE_VARIABLE}, "
    f"{passphrase.VARIABLE}, or a prompt.",
)


def _days_option(name: str, default: int, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, type=click.IntRange(1, MAX_DAYS), default=default, show_default=True, help=what)


def _reported(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn an error of `certs` into a message and exit code 1: a user's mistake gets no traceback."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except CertsError as error:
            raise click.ClickException(str(error)) from error

    return run


@click.group()
def certs() -> None:
    """Identities of a fleet: the CA chain, device certificates, checks."""


@certs.command()
@click.option(
    "--directory", type=_DIRECTORY, required=True, help="Where to make it; must be empty or not exist."
)
@click.option("--name", required=True, help="The fleet's name; it stands in every certificate.")
@click.option(
    "--factory", "factories", multiple=True, required=True, help="An issuer's name; repeat for more."
)
@_days_option("--root-days", profiles.ROOT.days, "Life of the root, in days.")
@_days_option("--issuer-days", profiles.ISSUER.days, "Life of each issuer, in days.")
@_passphrase_option
@_json_option
@_reported
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
    secret = passphrase.read(passphrase_file, prompt=_prompt(confirm=True))
    made = authority.init(directory, name, factories, secret, root_days, issuer_days)
    certificates = {"root": made.root, **made.issuers}
    if as_json:
        _print_json(_record(directory, certificates))
        return
    for which, certificate in certificates.items():
        _print_certificate(directory / f"{which}.pem", certificate)
    click.echo(f"keys, encrypted: {directory / authority.KEYS}   record: {directory / authority.RECORD}")
    click.echo(
        "Keep a copy of the keys and of the passphrase: without them no device can be given an identity."
    )


@certs.command()
@click.argument("registration_id")
@click.option("--issuer", type=_FILE, required=True, help="The certificate of the issuing factory.")
@click.option("--out", type=_DIRECTORY, required=True, help="Where to put it; must be empty or not exist.")
@_days_option("--days", profiles.DEVICE.days, "Life of the certificate, in days.")
@click.option(
    "--key-store",
    type=_DIRECTORY,
    envvar=DIRECTORY_VARIABLE,
    show_envvar=True,
    help="The issuer's key store; else `keys` beside the issuer's certificate.",
)
@_passphrase_option
@_json_option
@_reported
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
        key_store or issuer.parent / authority.KEYS, passphrase.read(passphrase_file, prompt=_prompt())
    )
    device = issue_device(store.signer_for(issuing), issuing, registration_id, days)
    device.write(out)
    if as_json:
        _print_json({"leaf": str(out / LEAF_FILE), "key": str(out / KEY_FILE)} | describe(device.certificate))
        return
    _print_certificate(out / LEAF_FILE, device.certificate)
    click.echo(f"the device's key, not encrypted, mode 0600: {out / KEY_FILE}")


@certs.command()
@click.argument("leaf", type=_FILE)
@click.option("--root", type=_FILE, required=True, help="The root to trust.")
@click.option(
    "--issuer", "issuers", type=_FILE, multiple=True, help="An issuer; repeat, from the leaf upwards."
)
@_json_option
@_reported
def verify(leaf: Path, root: Path, issuers: tuple[Path, ...], as_json: bool) -> None:
    """Verify a device's certificate up to a root.

    Every fault of every certificate is told at once. When LEAF holds several certificates, the first is
    verified; without --issuer, those that follow are its issuers.

    \b
    Example:
      muster certs verify devices/reefer-1/leaf.pem --root pki/root.pem --issuer pki/oslo.pem
    """
    try:
        certificate = _verified(leaf, issuers, root)
    except ChainError as error:
        if not as_json:
            raise
        _print_json({"valid": False, "faults": [vars(fault) for fault in error.faults]})
        sys.exit(1)
    if as_json:
        _print_json({"valid": True, "faults": [], "leaf": describe(certificate)})
        return
    _print_certificate(leaf, certificate)
    click.echo("valid")


def _verified(leaf: Path, issuers: Sequence[Path], root: Path) -> x509.Certificate:
    """Load all files, telling of every unreadable one, then verify."""
    faults: list[ChainFault] = []
    loaded: dict[Path, list[x509.Certificate]] = {}
    for path in (root, *issuers, leaf):
        try:
            loaded[path] = chain.load_certificates(path) if path == leaf else [chain.load_certificate(path)]
        except UnreadableError as error:
            faults.append(ChainFault(str(path), error.wrong, f"expected {error.right}"))
    if faults:
        raise ChainError(faults)
    device, *following = loaded[leaf]
    between = [loaded[path][0] for path in issuers] or following
    chain.verify_leaf(device, between, loaded[root][0])
    return device


def _prompt(*, confirm: bool = False) -> Callable[[], str] | None:
    """How to ask for the passphrase; None where nobody is there to answer."""
    if not _somebody_answers():
        return None
    return lambda: click.prompt(
        "Passphrase of the key store", hide_input=True, confirmation_prompt=confirm, err=True, type=str
    )


def _somebody_answers() -> bool:
    return sys.stdin.isatty()


def _record(directory: Path, certificates: dict[str, x509.Certificate]) -> dict[str, Any]:
    files = {which: {"file": str(directory / f"{which}.pem")} for which in certificates}
    described = {which: files[which] | describe(found) for which, found in certificates.items()}
    return {"certificates": described, "keyStore": str(directory / authority.KEYS)}


def _print_certificate(path: Path, certificate: x509.Certificate) -> None:
    facts = describe(certificate)
    click.echo(f"{path}\n  subject  {facts['subject']}\n  issuer   {facts['issuer']}")
    click.echo(f"  valid    {facts['notBefore']} to {facts['notAfter']}\n  sha256   {facts['sha256']}")


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2))
