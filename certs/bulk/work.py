"""The part of a run that takes the time, wherever it runs: a batch of rows in, the body of a batch out.

What goes to another process or machine is small and plain: a `Job`, where the key is found, and rows. The
signer, and every key that is made, stay where the work is done; private keys leave it sealed only.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cryptography.x509 import Certificate

from certs import profiles
from certs.bulk import requests
from certs.bulk.frames import encode_batch, encode_keys
from certs.bulk.job import CSR, Job
from certs.bulk.keypairs import KeyPairs, PublicShape, encoded
from certs.bulk.lists import Row
from certs.bulk.mint import Mint
from certs.bulk.sealing import Sealer
from certs.bulk.template import Design
from certs.keys import ALGORITHMS, Algorithm, algorithm_of
from certs.life.revocation import Partitions
from certs.signers import Signer
from certs.store import KeyStore

_SAMPLE = 256
"""One certificate in so many is parsed, verified and compared with the builder's; at least one a batch."""


class Task(NamedTuple):
    """One batch to be made: its number, the place of its first row in the list, its rows."""

    number: int
    first: int
    rows: Sequence[Row]


@dataclass(frozen=True)
class KeyAccess:
    """How a worker gets at the issuer's key by itself: a key store, or what its environment names."""

    directory: Path | None
    passphrase: bytes = field(default=b"", repr=False)

    def signer_for(self, issuer: Certificate) -> Signer:
        """The signer that holds the issuer's key; raises what `KeyStore` does."""
        store = (
            KeyStore.from_environment()
            if self.directory is None
            else KeyStore(self.directory, self.passphrase)
        )
        return store.signer_for(issuer)


class Press:
    """Makes batches of one job with one signer. Made once a process; it proves its template first."""

    def __init__(self, job: Job, signer: Signer) -> None:
        self._design = design_of(job)
        self._mint = Mint(self._design, signer)
        self._keys = None if job.algorithm == CSR else KeyPairs(ALGORITHMS[job.algorithm])
        self._algorithm = ALGORITHMS.get(job.algorithm)
        self._sealer = Sealer(job.recipient) if job.recipient else None
        self._shapes: dict[str, PublicShape] = {}

    def prove(self, shapes: Iterable[tuple[str, int]]) -> None:
        """Refuse to start unless the templates for all of these give the builder's bytes: TemplateError."""
        for kind, length in shapes:
            self._mint.prove(ALGORITHMS[kind] if kind else self._own(), length)

    def batch(self, task: Task) -> bytes:
        """The body of a batch, whose private keys are sealed already.

        Raises SignerError, TemplateError, RequestError (a request that is not what was checked before).
        """
        if self._keys is None:
            made = [self._from_request(row) for row in task.rows]
            return encode_batch(task.number, task.first, made, b"")
        return self._with_keys(task, self._keys)

    def _with_keys(self, task: Task, keys: KeyPairs) -> bytes:
        assert self._sealer is not None
        algorithm = self._own()
        records, private = [], []
        samples = _samples(len(task.rows))
        for at, row in enumerate(task.rows):
            key, public = keys.new()
            certificate = self._mint.certificate(row.registration_id, algorithm, public)
            if at in samples:
                self._mint.check(certificate, row.registration_id, keys.shape.head + public)
                keys.check(key, public)
            records.append((row.registration_id, certificate))
            private.append(key)
        sealed = self._sealer.seal(encode_keys(task.number, private))
        return encode_batch(task.number, task.first, records, sealed)

    def _own(self) -> Algorithm:
        assert self._algorithm is not None, "a job without requests names the kind of key"
        return self._algorithm

    def _from_request(self, row: Row) -> tuple[str, bytes]:
        registration_id, key = requests.admitted(row, "request", self._design.profile)
        algorithm, info = algorithm_of(key), encoded(key)
        shape = self._shapes.get(algorithm.name) or self._shapes.setdefault(
            algorithm.name, PublicShape(algorithm)
        )
        certificate = self._mint.certificate(registration_id, algorithm, shape.cut(info))
        # The key comes from elsewhere, so each certificate is looked at: that costs as much as its proof.
        self._mint.check(certificate, registration_id, info)
        return registration_id, certificate


def design_of(job: Job) -> Design:
    """What the certificates of a job have in common."""
    lists = Partitions(*job.lists) if job.lists[1] else None
    return Design(profiles.PROFILES[job.profile], job.certificate(), job.valid, lists)


def _samples(count: int) -> frozenset[int]:
    """Places in a batch: the first, and others by chance."""
    return frozenset((0, *random.sample(range(count), count // _SAMPLE)))
