"""`muster certs bulk`: identities for a list of devices, into a bundle."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs import authority, chain, passphrase, profiles
from certs.authority import Authority
from certs.bulk import books as bookkeeping
from certs.bulk import lists, requests
from certs.bulk.cluster import Cluster
from certs.bulk.commission import BATCH, BATCH_RSA, Commission
from certs.bulk.crew import Alone, Crew, Processes
from certs.bulk.job import MAX_BATCH
from certs.bulk.lists import Range, Source
from certs.bulk.run import Report, Watch, issue
from certs.bulk.template import Design
from certs.bulk.work import KeyAccess
from certs.clouds import Cloud
from certs.keys import Algorithm
from certs.life.books import Books
from certs.store import KeyStore
from cli.certs.options import algorithm_option, for_option, key_store_option
from cli.certs.progress import shown
from cli.certs.shared import FILE, days_option, json_option, passphrase_option, print_json, prompt, reported

MAX_WORKERS = 256


@dataclass(frozen=True)
class _Source:
    """Where the ids come from, as it was asked for."""

    listed: Path | None
    pattern: str | None
    count: int | None
    start: int
    csrs: Path | None

    def found(self) -> Source:
        """The source; raises UsageError unless there is exactly one."""
        given = [self.listed is not None, self.pattern is not None, self.csrs is not None]
        if given.count(True) != 1:
            raise click.UsageError("give one of --list, --range, --csrs")
        if (self.pattern is None) != (self.count is None):
            raise click.UsageError("--range and --count belong together")
        if self.listed is not None:
            return lists.of_file(self.listed)
        if self.csrs is not None:
            return requests.of_path(self.csrs)
        assert self.pattern is not None
        assert self.count is not None
        return Range(self.pattern, self.count, self.start)


def _source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command gets a `_Source` as `source`."""

    @functools.wraps(command)
    def run(
        listed: Path | None,
        pattern: str | None,
        count: int | None,
        start: int,
        csrs: Path | None,
        **others: Any,  # noqa: ANN401  any command
    ) -> Any:  # noqa: ANN401  as above
        return command(source=_Source(listed, pattern, count, start, csrs), **others)

    options = (
        click.option("--list", "listed", type=FILE, help="CSV or Parquet with a column registration_id."),
        click.option("--range", "pattern", help="Ids by counting, such as 'reefer-{:06d}'; with --count."),
        click.option("--count", type=click.IntRange(1), help="How many of --range."),
        click.option("--start", type=click.IntRange(0), default=1, show_default=True, help="Its first."),
        click.option(
            "--csrs",
            type=click.Path(path_type=Path),
            help="Requests, where devices made their own keys: a folder, or CSV with registration_id, csr.",
        ),
    )
    for option in reversed(options):
        run = option(run)
    return run


@click.command()
@click.option("--issuer", type=FILE, required=True, help="The certificate of the issuing factory.")
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="The bundle to make; a name that ends in .sqlite makes it a database.",
)
@click.option("--recipient", default="", help="The factory line's age recipient (`muster certs line-key`).")
@click.option(
    "--resume", is_flag=True, help="Go on with a bundle whose run ended early; begin if there is none."
)
@click.option(
    "--profile",
    type=click.Choice(list(profiles.ISSUED)),
    default=profiles.DEVICE.name,
    show_default=True,
    help="The kind of certificate. A server's registration id is its host's name.",
)
@click.option(
    "--issued",
    type=FILE,
    multiple=True,
    help="A bundle whose devices must not come again, beside the authority's own books; repeat for more.",
)
@click.option(
    "--workers", type=click.IntRange(1, MAX_WORKERS), default=1, show_default=True, help="Processes."
)
@click.option("--scheduler", help="A Dask scheduler, tls://HOST:PORT, whose workers do the work.")
@click.option(
    "--batch",
    type=click.IntRange(1, MAX_BATCH),
    show_default=f"{BATCH}; {BATCH_RSA} with RSA keys",
    help="Devices that are written at once.",
)
@days_option("--days", None, "Life of the certificates, in days; else as the profile has it.")
@_source_options
@algorithm_option("the devices' keys")
@for_option
@key_store_option
@passphrase_option
@json_option
@reported
def bulk(
    source: _Source,
    issuer: Path,
    out: Path,
    recipient: str,
    resume: bool,
    profile: str,
    issued: tuple[Path, ...],
    workers: int,
    scheduler: str | None,
    batch: int | None,
    days: int | None,
    algorithm: Algorithm,
    for_clouds: tuple[Cloud, ...],
    key_store: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Issue for a list of devices, into a new bundle.

    Every row is checked before the first key is made; one bad row, and nothing is issued. Private keys are
    sealed for the factory line's recipient: this machine cannot read them back. A run that ends early leaves
    whole batches, and the same command with --resume goes on.

    \b
    Example:
      muster certs bulk --issuer pki/oslo.pem --list devices.csv --recipient age1… --out oslo-1.bundle
    """
    listed, issuing = source.found(), chain.load_certificate(issuer)
    if scheduler is not None and workers > 1:
        raise click.UsageError("--workers are processes here, --scheduler has its own: give one of them")
    access = _access(issuing, key_store or issuer.parent / authority.KEYS, passphrase_file)
    signer = access.signer_for(issuing)
    with _books(issuer) as books:
        kind = profiles.ISSUED[profile]
        valid = (issuing.not_valid_before_utc, issuing.not_valid_after_utc)
        asked = Commission(
            listed,
            issuing,
            recipient,
            kind,
            algorithm,
            days,
            batch,
            for_clouds,
            bookkeeping.issued_ids(books, issued, Design(kind, issuing, valid).suffix),
            bookkeeping.lists_of(books, issuing),
        )
        with shown("issued") as progress:
            enter = bookkeeping.entering(books, out.name) if books else Watch().enter
            watch = Watch(progress, _say_resumed, enter)
            report = issue(asked, signer, _crew(workers, scheduler, access), out, resume, watch)
    _print(report, as_json)


def _access(issuing: x509.Certificate, directory: Path, file: Path | None) -> KeyAccess:
    """How the issuer's key is found; a passphrase is asked for only where a file of it has to be opened."""
    if KeyStore(directory, b"").is_elsewhere(issuing):
        return KeyAccess(directory)
    return KeyAccess(directory, passphrase.read(file, prompt=prompt()))


def _crew(workers: int, scheduler: str | None, access: KeyAccess) -> Crew:
    if scheduler is not None:
        return Cluster(scheduler)
    return Processes(workers, access) if workers > 1 else Alone()


@contextmanager
def _books(issuer: Path) -> Iterator[Books | None]:
    """The books of the authority that the issuer's certificate stands in; None where it stands elsewhere."""
    if not (issuer.parent / authority.RECORD).exists():
        yield None
        return
    Authority.open(issuer.parent).refuse_clock_set_back(datetime.now(UTC))
    with Books.open(issuer.parent) as books:
        yield books


def _say_resumed(done: int, cut: int) -> None:
    torn = f"; {cut} bytes of an unfinished batch were cut" if cut else ""
    click.echo(f"going on after {done} devices{torn}", err=True)


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "bundle": str(report.path),
                "devices": report.count,
                "issuedNow": report.made,
                "resumedAfter": report.resumed,
                "cutBytes": report.cut,
                "head": report.head.hex(),
            }
        )
        return
    click.echo(f"{report.path}: {report.count} devices, {report.made} of them now")
    click.echo(f"head {report.head.hex()}   (noted elsewhere, it shows later that nothing was changed)")
