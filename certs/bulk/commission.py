"""What is asked of a run, and everything that is checked before the first key is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import assemble, clouds, profiles
from certs.bulk.errors import BulkError, OtherJobError
from certs.bulk.frames import Batch
from certs.bulk.job import CSR, MAX_BATCH, Job, new_run
from certs.bulk.lists import Source
from certs.bulk.rules import Rules
from certs.bulk.sealing import Sealer
from certs.bulk.survey import Issued, Survey, batches, digest_of_ids, digest_of_rows, survey
from certs.bulk.work import Press, Task, design_of
from certs.clouds import Cloud
from certs.errors import ClockError, IssueError
from certs.keys import DEFAULT, Algorithm, supported_public
from certs.life.revocation import Partitions
from certs.profiles import Profile
from certs.signers import Signer

BATCH, BATCH_RSA = 1024, 64
"""Devices a batch: what a kill costs at most for each worker, and what one flush to disk is shared by.

A key of RSA takes a thousand times as long as one of an elliptic curve.
"""


@dataclass(frozen=True)
class Commission:
    """What to issue. `recipient` is the factory line's age recipient; empty when the source brings requests.

    `days` is the life of the certificates (None: the profile's); `batch` is how many are written at once
    (None: as many as the kind of key lets). `whose` are the clouds that have to take
    them. `issued` gives the ids that have a certificate already; `lists` are the issuer's revocation lists.
    """

    source: Source
    issuer: x509.Certificate
    recipient: str = ""
    profile: Profile = profiles.DEVICE
    algorithm: Algorithm = DEFAULT
    days: int | None = None
    batch: int | None = None
    whose: tuple[Cloud, ...] = clouds.NONE
    issued: Issued = tuple
    lists: Partitions | None = None

    @property
    def size(self) -> int:
        """Devices a batch."""
        if self.batch is not None:
            return self.batch
        is_rsa = not self.source.requests and self.algorithm.name.startswith("rsa-")
        return BATCH_RSA if is_rsa else BATCH


@dataclass(frozen=True)
class Checked:
    """A job whose list, issuer, signer and template were all found good."""

    job: Job
    source: Source
    survey: Survey

    def tasks(self, done: int) -> Iterator[Task]:
        """What is left after so many batches; raises BulkError when the list is not what it was."""
        size, wanted = self.job.batch, self.survey.rows
        for number, rows in enumerate(batches(self.source, size, skip=done * size), done):
            if number >= len(wanted) or digest_of_rows(rows) != wanted[number]:
                raise BulkError(f"{self.source.name} changed after it was checked")
            yield Task(number, number * size, rows)
            done = number + 1
        if done != len(wanted):
            raise BulkError(f"{self.source.name} became shorter after it was checked")

    def compare(self, batch: Batch) -> None:
        """Raise OtherJobError unless the devices of a batch are those that the list has there."""
        ids = [record.registration_id for record in batch.records]
        wanted = self.survey.ids
        if batch.number >= len(wanted) or digest_of_ids(ids) != wanted[batch.number]:
            raise OtherJobError(f"batch {batch.number} holds other devices than the list has there")


def check(commission: Commission, signer: Signer, earlier: Job | None, now: datetime) -> Checked:
    """Check all of a commission, and, where an earlier run began it, that it is the same.

    Raises ListError, CloudError, IssueError, SignerError, SealError, TemplateError, ClockError,
    OtherJobError, BulkError.
    """
    _check_keys(commission)
    job = asked(commission, now)
    if earlier is not None:
        job = replace(job, batch=earlier.batch)
    rules = Rules(design_of(replace(job, valid=earlier.valid) if earlier else job), commission.whose)
    if job.algorithm != CSR:
        rules.check_algorithm(commission.algorithm)
    found = survey(commission.source, rules, job.batch, commission.issued)
    job = replace(job, listed=found.listed, count=found.count)
    if earlier is not None:
        _refuse_other(earlier, job, now)
        job = earlier
    design = rules.design
    order = replace(design.order(found.first, design.signing), days=_days_left(job, now))
    assemble.check(order, signer, commission.issuer, now)
    Press(job, signer).prove(found.shapes)
    return Checked(job, commission.source, found)


def _check_keys(commission: Commission) -> None:
    if not 1 <= commission.size <= MAX_BATCH:
        raise BulkError(f"a batch has 1 to {MAX_BATCH} devices, not {commission.size}")
    if commission.source.requests and commission.recipient:
        raise BulkError("requests bring no private keys: there is nothing to seal, leave the recipient out")
    if not commission.source.requests:
        Sealer(commission.recipient)


def asked(commission: Commission, now: datetime) -> Job:
    """The job of a commission, but for what only the list tells; raises IssueError."""
    days = commission.profile.days if commission.days is None else commission.days
    if not 1 <= days <= assemble.MAX_DAYS:
        raise IssueError(f"{days} days: a certificate lives 1 to {assemble.MAX_DAYS} days")
    issuer, lists = commission.issuer, commission.lists
    order = assemble.Order(commission.profile, issuer.subject, supported_public(issuer.public_key()), days)
    return Job(
        run=new_run(),
        made=now,
        source=commission.source.name,
        listed="",
        count=0,
        batch=commission.size,
        profile=commission.profile.name,
        algorithm=CSR if commission.source.requests else commission.algorithm.name,
        issuer=issuer.public_bytes(serialization.Encoding.DER),
        valid=assemble.life(order, issuer, now),
        recipient=commission.recipient,
        lists=(lists.base_url, lists.count) if lists else ("", 0),
    )


def _refuse_other(earlier: Job, job: Job, now: datetime) -> None:
    wrong = list(earlier.differences(job))
    if wrong:
        raise OtherJobError("the bundle cannot be gone on with:\n" + "\n".join(wrong))
    if now < earlier.made:
        raise ClockError(
            f"the clock says {now:%Y-%m-%dT%H:%M:%SZ}, "
            f"but the bundle was begun at {earlier.made:%Y-%m-%dT%H:%M:%SZ}: set the clock right"
        )


def _days_left(job: Job, now: datetime) -> int:
    if job.valid[1] <= now:
        raise IssueError(f"the certificates of this bundle ended on {job.valid[1]:%Y-%m-%d}: begin a new one")
    return max(1, (job.valid[1] - now).days)


def moment() -> datetime:
    """Now, in whole seconds, as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)
