"""A device's first certificate: issued, entered into the books of its issuer's authority, then handed out.

The one way in which `muster certs issue` and `muster up` do it. An issuer whose certificate stands
alone, away from an authority's directory, has no books here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from certs import authority
from certs.issue import DEVICE, DeviceIdentity, Point, Terms, issue_device
from certs.keys import DEFAULT, Algorithm
from certs.life.books import Books
from certs.signers import Signer


def is_ours(issuer: Path) -> bool:
    """Whether an issuer's certificate stands in the directory of an authority."""
    return (issuer.parent / authority.RECORD).exists()


@contextmanager
def books_beside(issuer: Path) -> Iterator[Books | None]:
    """The books of the authority that the issuer's certificate stands in; None where it stands elsewhere."""
    if not is_ours(issuer):
        yield None
        return
    with Books.open(issuer.parent) as books:
        yield books


def first_device(
    books: Books | None,
    registration_id: str,
    issuer: x509.Certificate,
    signer: Signer,
    out: Path,
    days: int | None = None,
    algorithm: Algorithm = DEFAULT,
    terms: Terms = DEVICE,
    group: str = "",
) -> DeviceIdentity:
    """A new key and certificate, on record, written to `out` as `DeviceIdentity.write` does.

    Raises InventoryError when the device has an active one, ClockError, and what `issue_device` does.
    """
    if books is not None:
        books.authority.refuse_clock_set_back(datetime.now(UTC))
    terms = replace(terms, point=point(books, issuer))
    made = issue_device(signer, issuer, registration_id, days, algorithm, terms)
    made.write(out, lambda: enter(books, made.certificate, issuer, group))
    return made


def enter(
    books: Books | None, certificate: x509.Certificate, issuer: x509.Certificate, group: str = ""
) -> None:
    """Put a first certificate on record, where there are books."""
    if books is not None:
        books.enter(certificate, issuer, group=group)


def point(books: Books | None, issuer: x509.Certificate) -> Point | None:
    """What names the issuer's list in its certificates, where there are books that name one."""
    return books.point(issuer) if books is not None else None
