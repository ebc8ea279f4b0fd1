"""`muster certs ocsp`: answer whether certificates are revoked."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from certs.life import listener
from certs.life.books import Books
from certs.life.ocsp import Responder
from cli.certs.life import directory_option, issuers, signer_of
from cli.certs.shared import passphrase_option, reported

DEFAULT = "127.0.0.1:2560"


def _address(_context: object, _option: object, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("HOST:PORT, such as 127.0.0.1:2560 (port 0: any that is free)")
    return host, int(port)


@contextmanager
def _until_signalled() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came; a request that is being answered is answered first."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@click.command()
@directory_option
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=DEFAULT,
    show_default=True,
    callback=_address,
    help="Where to listen.",
)
@passphrase_option
@reported
def ocsp(directory: Path, listen: tuple[str, int], passphrase_file: Path | None) -> None:
    """Answer OCSP requests (RFC 6960) on this machine alone, until SIGTERM or Ctrl-C.

    Put a web server before it that others reach. What is revoked meanwhile is known at once.

    \b
    Example:
      muster certs ocsp --directory pki --listen 127.0.0.1:2560
    """
    with Books.open(directory) as books:
        signers = [(each.certificate, signer_of(books, each, passphrase_file)) for each in issuers(books)]
        responder = Responder(books.inventory, signers)
        with _until_signalled() as stopped:
            listener.serve(
                responder, *listen, stopped, lambda port: click.echo(f"listening on {listen[0]}:{port}")
            )
    click.echo("stopped")
