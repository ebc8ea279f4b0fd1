"""What the commands of `muster certs` have in common: options, how they report, how they ask."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from cryptography import x509

from certs import passphrase
from certs.assemble import MAX_DAYS
from certs.authority import Authority, describe
from certs.errors import CertsError
from certs.record import Entry

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
FILE = click.Path(path_type=Path, dir_okay=False)
DIRECTORY = click.Path(path_type=Path, file_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
passphrase_option = click.option(
    "--passphrase-file",
    type=FILE,
    help=f"The key store's passphrase, in a file of mode 0600. Else {passphrase.FILE_VARIABLE}, "
    f"{passphrase.VARIABLE}, or a prompt.",
)


def days_option(
    name: str, default: int | None, what: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option in days."""
    return click.option(
        name, type=click.IntRange(1, MAX_DAYS), default=default, show_default=default is not None, help=what
    )


def reported(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn an error of `certs` into a message and exit code 1: a user's mistake gets no traceback."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except CertsError as error:
            raise click.ClickException(str(error)) from error

    return run


def prompt(*, confirm: bool = False) -> Callable[[], str] | None:
    """How to ask for the passphrase; None where nobody is there to answer."""
    if not somebody_answers():
        return None
    return lambda: click.prompt(
        "Passphrase of the key store", hide_input=True, confirmation_prompt=confirm, err=True, type=str
    )


def somebody_answers() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def print_certificate(path: Path, certificate: x509.Certificate) -> None:
    """What a person wants to know of a certificate that stands in `path`."""
    facts = describe(certificate)
    click.echo(f"{path}\n  subject  {facts['subject']}\n  issuer   {facts['issuer']}")
    click.echo(f"  valid    {facts['notBefore']} to {facts['notAfter']}\n  sha256   {facts['sha256']}")


def print_entries(authority: Authority, entries: Iterable[Entry]) -> None:
    """What a person wants to know of certificates of an authority."""
    for entry in entries:
        print_certificate(authority.directory / entry.file, entry.certificate)


def described(authority: Authority, entries: Iterable[Entry]) -> dict[str, Any]:
    """The same for programs, by name."""
    return {
        entry.name: {"file": str(authority.directory / entry.file), "kind": entry.kind}
        | describe(entry.certificate)
        for entry in entries
    }


def print_json(value: dict[str, Any]) -> None:
    """One JSON object."""
    click.echo(json.dumps(value, indent=2))
