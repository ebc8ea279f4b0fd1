"""Renewal: the next certificate of a device, and what becomes of the one before.

The old one stays good for an overlap, so that a device that does not get the new one in time is not lost;
then it is retired (`Books.retire_due`). A device whose last certificate was revoked is never renewed: it gets
a first one again, by a person's decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from certs import csr, issue
from certs.errors import InventoryError, IssueError
from certs.issue import DEVICE, DeviceIdentity, Terms
from certs.keys import DEFAULT, Algorithm, PublicKey
from certs.life.books import Books, one
from certs.life.inventory import Held
from certs.record import Entry
from certs.signers import Signer

OVERLAP_DAYS = 7
EARLY_SHARE = 1 / 3
"""A certificate may be renewed in the last third of its life, unless it is said to be meant sooner."""


@dataclass(frozen=True)
class Renewed:
    """The new certificate, its issuer's, and the old one with its fate."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    old: Held


@dataclass(frozen=True)
class Renewal:
    """On which terms certificates are renewed. `overlap_days`: how long the old one stays good."""

    days: int | None = None
    overlap_days: int = OVERLAP_DAYS
    early: bool = False
    terms: Terms = DEVICE


def due(books: Books, registration_id: str, how: Renewal, now: datetime | None = None) -> Held:
    """The certificate of a device that may be renewed now.

    Raises InventoryError: none of ours, revoked or retired, ended, renewed already, or too early.
    """
    moment = now or datetime.now(UTC)
    found = books.inventory.by_id(registration_id)
    if found and found[-1].fate == "revoked":
        raise InventoryError(
            f"{registration_id!r} is not renewed: its certificate {found[-1].issued.serial:x} was revoked at "
            f"{found[-1].since:%Y-%m-%dT%H:%M:%SZ} ({found[-1].detail}); issue it a first one, if it may "
            "have one"
        )
    held = one(found, registration_id, moment)
    life = held.issued.not_after - held.issued.not_before
    begin = held.issued.not_after - life * EARLY_SHARE
    if moment < begin and not how.early:
        raise InventoryError(
            f"{registration_id!r} has a certificate until {held.issued.not_after:%Y-%m-%d}; it may be "
            f"renewed from {begin:%Y-%m-%d}, or sooner when that is said to be meant"
        )
    return held


def renew_device(
    books: Books,
    registration_id: str,
    issuer: Entry,
    signer: Signer,
    how: Renewal,
    out: Path,
    algorithm: Algorithm = DEFAULT,
) -> Renewed:
    """A new key and certificate, written to `out` as `DeviceIdentity.write` does.

    Raises what `due`, `issue.issue_leaf` and `DeviceIdentity.write` do.
    """
    old = due(books, registration_id, how)
    key = issue.new_key(algorithm)
    made = _made(books, old, key.public_key(), issuer, signer, how)
    entered: list[Held] = []
    identity = DeviceIdentity(made, issuer.certificate, key)
    identity.write(out, lambda: entered.append(_entered(books, made, issuer, old, how)))
    return Renewed(made, issuer.certificate, entered[0])


def renew_request(
    books: Books, request: x509.CertificateSigningRequest, issuer: Entry, signer: Signer, how: Renewal
) -> Renewed:
    """A certificate for a request, on record; raises RequestError, and what `renew_device` does."""
    name, key = csr.check(request, None, how.terms.profile)
    old = due(books, name, how)
    made = _made(books, old, key, issuer, signer, how)
    return Renewed(made, issuer.certificate, _entered(books, made, issuer, old, how))


def _made(
    books: Books, old: Held, key: PublicKey, issuer: Entry, signer: Signer, how: Renewal
) -> x509.Certificate:
    if how.overlap_days < 0:
        raise IssueError(f"an overlap of {how.overlap_days} days: 0 or more")
    terms = replace(how.terms, point=books.point(issuer.certificate))
    return issue.issue_leaf(signer, issuer.certificate, old.issued.registration_id, key, how.days, terms)


def _entered(books: Books, made: x509.Certificate, issuer: Entry, old: Held, how: Renewal) -> Held:
    until = min(datetime.now(UTC) + timedelta(days=how.overlap_days), old.issued.not_after)
    return books.enter_successor(made, issuer.certificate, old, until)
