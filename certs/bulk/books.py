"""A bulk issue and the books of its authority: who has a certificate already, and what was issued now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509

from certs.bulk.bundle import Batch, Bundle
from certs.bulk.commission import moment
from certs.bulk.frames import serial_of
from certs.bulk.job import Job
from certs.bulk.run import Enter
from certs.bulk.survey import Issued as IssuedIds
from certs.bulk.work import design_of
from certs.life.books import Books
from certs.life.inventory import Issued
from certs.life.revocation import Partitions


def issued_ids(books: Books | None, bundles: Iterable[Path], suffix: str = "") -> IssuedIds:
    """The ids of devices with a certificate in force, in the books or in bundles, finished or not.

    `suffix` is what common names of the kind in question have behind the id (`Design.suffix`).
    """
    paths = tuple(bundles)

    def names() -> Iterator[str]:
        for path in paths:
            yield from _names_of(path)
        if books is not None:
            yield from books.inventory.ids_in_force(moment())

    return lambda: (name.removesuffix(suffix) for name in names() if name.endswith(suffix))


def lists_of(books: Books | None, issuer: x509.Certificate) -> Partitions | None:
    """The issuer's revocation lists, when its authority has an address for them; raises AuthorityError."""
    return books.partitions(books.issuer(issuer)) if books is not None else None


def entering(books: Books, source: str) -> Enter:
    """Enters all that was issued into the books; what is there already stays as it is."""

    def enter(job: Job, batches: Iterator[Batch]) -> None:
        factory = books.issuer(job.certificate()).origin
        books.take_in(_entries(job, batches, factory), source)

    return enter


def _names_of(path: Path) -> Iterator[str]:
    bundle = Bundle.open(path, unfinished=True)
    suffix = design_of(bundle.job).suffix
    for batch in Bundle.batches(path, unfinished=True):
        for record in batch.records:
            yield record.registration_id + suffix


def _entries(job: Job, batches: Iterator[Batch], factory: str) -> Iterator[Issued]:
    """What `Issued.of` gives, without parsing what all certificates of a job have in common."""
    issuer = job.certificate().subject.rfc4514_string()
    suffix, (begin, end) = design_of(job).suffix, job.valid
    for batch in batches:
        for record in batch.records:
            der = record.certificate
            serial, digest = int.from_bytes(serial_of(der), "big"), hashlib.sha256(der).hexdigest()
            yield Issued(record.registration_id + suffix, serial, issuer, begin, end, digest, factory)
