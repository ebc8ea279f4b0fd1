"""Certificates that come into the inventory from elsewhere: bulk bundles, and folders of PEM or DER files.

Only what one of the authority's own issuers has signed comes in: each signature is verified. All of a source
comes in, or nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from certs import checks
from certs.bulk import tables
from certs.bulk.bundle import Bundle
from certs.bulk.frames import MAGIC
from certs.errors import AuthorityError, InventoryError, StorageError
from certs.life.books import Books
from certs.life.inventory import Issued
from certs.reading import load_certificates, parse_certificates
from certs.record import ISSUER_KINDS

_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})
MAX_SERIAL_BITS = 160
"""RFC 5280 section 4.1.2.2: at most 20 octets."""


def take_in(books: Books, source: Path, factory: str = "", group: str = "") -> int:
    """Enter all certificates of a bundle, a file or a folder (with those below); gives how many are new.

    Authorities' own certificates that stand beside a leaf are passed over. Raises InventoryError (not issued
    by this authority, or nothing there), DamagedBundleError, UnfinishedBundleError, UnreadableError,
    StorageError.
    """
    with closing(_arrivals(books, source, factory, group)) as arrivals:
        return books.take_in(arrivals, source.name)


def _arrivals(books: Books, source: Path, factory: str, group: str) -> Generator[Issued, None, None]:
    found = 0
    for where, certificate in _certificates(source):
        constraints = checks.extension(certificate, x509.BasicConstraints)
        if constraints is not None and constraints.ca:
            continue
        found += 1
        issuer = _issuer(books, certificate, where)
        yield Issued.of(certificate, factory or issuer, group)
    if not found:
        raise InventoryError(f"{source}: holds no certificate of a device")


def _issuer(books: Books, certificate: x509.Certificate, where: str) -> str:
    try:
        entry = books.issuer(certificate.issuer.rfc4514_string())
        if entry.kind not in ISSUER_KINDS:
            raise AuthorityError(f"{entry.name} issues no devices")
        certificate.verify_directly_issued_by(entry.certificate)
    except (AuthorityError, InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm) as error:
        name = certificate.issuer.rfc4514_string()
        raise InventoryError(f"{where}: not issued by this authority (its issuer is {name!r})") from error
    if not checks.common_name(certificate) or not 0 < certificate.serial_number < 1 << MAX_SERIAL_BITS:
        raise InventoryError(
            f"{where}: no device's certificate: it lacks a common name or a fit serial number"
        )
    return entry.origin


def _certificates(source: Path) -> Iterator[tuple[str, x509.Certificate]]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file() and not _holds_a_key(path):
                yield from ((str(path), each) for each in load_certificates(path))
    elif _is_bundle(source):
        for batch in Bundle.batches(source):
            for record in batch.records:
                where = f"{source}, {record.registration_id}"
                yield where, parse_certificates(record.certificate, where)[0]
    else:
        yield from ((str(source), each) for each in load_certificates(source))


def _is_bundle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC or tables.is_database(path)
    except OSError as error:
        raise StorageError(path, error) from error


def _holds_a_key(path: Path) -> bool:
    """A device's key stands beside its certificate; it is passed over, never read further."""
    try:
        with path.open("rb") as file:
            return b"PRIVATE KEY-----" in file.read(64)
    except OSError as error:
        raise StorageError(path, error) from error
