"""Options that several commands of `muster certs` have: keys and their places, clouds, intermediates."""

from __future__ import annotations

import functools
import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs import clouds, passphrase
from certs.authority import KEYS
from certs.intermediates import Choices
from certs.keys import ALGORITHMS, DEFAULT, Algorithm
from certs.places import FILE, KINDS, Place
from certs.store import DIRECTORY_VARIABLE, KeyStore
from cli.certs.shared import DIRECTORY, prompt, reported

Command = Callable[..., Any]
_PLACES = {
    "module": ("--pkcs11-module", "PKCS#11: the module's library."),
    "token": ("--pkcs11-token", "PKCS#11: the token's label."),
    "region": ("--aws-region", "AWS KMS: the region."),
    "vault": ("--vault", "Azure Key Vault: its address, https://NAME.vault.azure.net."),
}

key_store_option = click.option(
    "--key-store",
    type=DIRECTORY,
    envvar=DIRECTORY_VARIABLE,
    show_envvar=True,
    help="The issuer's key store; else `keys` beside the issuer's certificate.",
)
operator_option = click.option(
    "--operator",
    default=getpass.getuser,
    show_default="your user's name",
    help="Who does this; it stands in the written record.",
)
for_option = click.option(
    "--for",
    "for_clouds",
    type=click.Choice(list(clouds.CHOICES)),
    default="both",
    show_default=True,
    callback=lambda _context, _option, value: clouds.CHOICES[value],
    help="The cloud that it has to be fit for; what that would refuse is refused here.",
)


def algorithm_option(what: str) -> Callable[[Command], Command]:
    """The kind of a new key."""
    experimental = ", ".join(each.name for each in ALGORITHMS.values() if each.experimental)
    return click.option(
        "--algorithm",
        type=click.Choice(list(ALGORITHMS)),
        default=DEFAULT.name,
        show_default=True,
        callback=lambda _context, _option, value: ALGORITHMS[value],
        help=f"The kind of {what}. Experimental: {experimental}.",
    )


def place_options(command: Command) -> Command:
    """Where new keys are made; the command gets a `Place` as `place`."""

    @functools.wraps(command)
    @reported
    def run(*args: Any, signer: str, **kwargs: Any) -> Any:  # noqa: ANN401  any command
        given = {name: kwargs.pop(name) for name in _PLACES}
        place = Place(signer, {name: value for name, value in given.items() if value})
        return command(*args, place=place, **kwargs)

    for name, (option, what) in reversed(_PLACES.items()):
        run = click.option(option, name, help=what)(run)
    return click.option(
        "--signer",
        type=click.Choice(KINDS),
        default=FILE,
        show_default=True,
        help="Where the new keys are made and stay: encrypted files, or a place that never gives them out.",
    )(run)


def servers_option(command: Command) -> Command:
    """Intermediates for servers; the command gets {name: domains} as `servers`."""
    return click.option(
        "--servers",
        multiple=True,
        metavar="NAME[=DOMAIN,…]",
        callback=lambda _context, _option, value: dict(map(_parted, value)),
        help="An issuer of servers and edge gateways, confined to these domains; repeat for more.",
    )(command)


def confined_option(command: Command) -> Command:
    """Whether issuers carry the fleet's name constraints."""
    return click.option(
        "--confined/--unconfined",
        default=True,
        show_default=True,
        help="Name constraints in the factories' issuers: this fleet and nothing else.",
    )(command)


def choices(
    algorithm: Algorithm, place: Place, servers: dict[str, tuple[str, ...]], *, confined: bool
) -> Choices:
    """The options together."""
    return Choices(algorithm, place, servers, confined)


def new_secret(place: Place, file: Path | None) -> bytes:
    """The passphrase for keys that are to be made; none is asked for where no file will hold one."""
    return passphrase.read(file, prompt=prompt(confirm=True)) if place.kind == FILE else b""


def open_store(
    issuer: x509.Certificate, directory: Path, file: Path | None, place: Place | None = None
) -> KeyStore:
    """The key store with an issuer's key; its passphrase is asked for only when a file of it is opened."""
    if KeyStore(directory, b"").is_elsewhere(issuer) and (place is None or place.kind != FILE):
        return KeyStore(directory, b"")
    return KeyStore(directory, passphrase.read(file, prompt=prompt()))


def secret(issuer: x509.Certificate, authority: Path, file: Path | None, place: Place) -> bytes:
    """The passphrase of an authority, where its key or a new one needs it."""
    elsewhere = KeyStore(authority / KEYS, b"").is_elsewhere(issuer) and place.kind != FILE
    return b"" if elsewhere else passphrase.read(file, prompt=prompt())


def _parted(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, domains = text.partition("=")
    return name, tuple(each for each in domains.split(",") if each)
