"""What a bundle was begun for. It stands in the first frame, so that a run knows whether to go on."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from certs.bulk.frames import json_object
from certs.errors import CertsError
from certs.keys import ALGORITHMS
from certs.profiles import ISSUED
from certs.reading import fingerprint, parse_certificates

VERSION = 1
MAX_BATCH = 4096
CSR = "csr"
"""Stands where the algorithm would: the keys are the devices' own, only requests came in."""


@dataclass(frozen=True)
class Job:
    """The facts of a run. `listed` is the SHA-256 over all registration ids (and requests), in order.

    `lists` is where the revocation lists are, and how many (empty and 0: certificates name none).
    """

    run: str
    made: datetime
    source: str
    listed: str
    count: int
    batch: int
    profile: str
    algorithm: str
    issuer: bytes
    valid: tuple[datetime, datetime]
    recipient: str
    lists: tuple[str, int] = ("", 0)

    @property
    def batches(self) -> int:
        """How many batches there are when all is issued."""
        return -(-self.count // self.batch)

    def certificate(self) -> x509.Certificate:
        """The issuer's certificate."""
        return x509.load_der_x509_certificate(self.issuer)

    def differences(self, other: Job) -> Iterator[str]:
        """In words, why a run for `other` cannot go on with a bundle of this job."""
        if (self.listed, self.count) != (other.listed, other.count):
            yield f"it was begun for another list ({self.source}, {self.count} devices)"
        for name in ("profile", "algorithm", "recipient"):
            if getattr(self, name) != getattr(other, name):
                yield f"it was begun with {name} {getattr(self, name) or 'none'}"
        if self.issuer != other.issuer:
            yield f"it was begun with the issuer {self.certificate().subject.rfc4514_string()!r}"
        if _days(self) != _days(other):
            yield f"it was begun for {_days(self)} days"
        if self.lists != other.lists:
            yield f"it was begun with {self.lists[1]} revocation lists at {self.lists[0] or 'no address'}"

    def to_json(self) -> bytes:
        """The first frame's text."""
        return json.dumps(
            {
                "version": VERSION,
                "run": self.run,
                "made": self.made.isoformat(),
                "list": {"name": self.source, "sha256": self.listed, "count": self.count},
                "batch": self.batch,
                "profile": self.profile,
                "algorithm": self.algorithm,
                "notBefore": self.valid[0].isoformat(),
                "notAfter": self.valid[1].isoformat(),
                "recipient": self.recipient,
                "revocationLists": {"url": self.lists[0], "count": self.lists[1]},
                "issuer": base64.b64encode(self.issuer).decode("ascii"),
            },
            indent=1,
        ).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Job:
        """The job that `to_json` wrote; raises ValueError for anything else."""
        found = json_object(text)
        if found.get("version") != VERSION:
            raise ValueError(f"no bundle of version {VERSION}")
        try:
            return _checked(cls(**_fields(found)))
        except (KeyError, TypeError, OverflowError, CertsError) as error:
            raise ValueError(f"its first frame is not whole: {error}") from error


def new_run() -> str:
    """A name for a run."""
    return secrets.token_hex(16)


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    listed = found["list"]
    return {
        "run": _text(found["run"]),
        "made": _moment(found["made"]),
        "source": _text(listed["name"]),
        "listed": _text(listed["sha256"]),
        "count": _number(listed["count"]),
        "batch": _number(found["batch"]),
        "profile": _text(found["profile"]),
        "algorithm": _text(found["algorithm"]),
        "issuer": base64.b64decode(_text(found["issuer"]), validate=True),
        "valid": (_moment(found["notBefore"]), _moment(found["notAfter"])),
        "recipient": _text(found["recipient"]),
        "lists": (_text(found["revocationLists"]["url"]), _number(found["revocationLists"]["count"])),
    }


def _checked(job: Job) -> Job:
    if job.profile not in ISSUED or job.algorithm not in {*ALGORITHMS, CSR}:
        raise ValueError(f"profile {job.profile!r} or kind of key {job.algorithm!r} is not known")
    numbers = job.count >= 1 and 1 <= job.batch <= MAX_BATCH and job.lists[1] >= 0
    if not numbers or len(job.listed) != len("00") * 32:
        raise ValueError("a number is out of its range")
    fingerprint(parse_certificates(job.issuer, "its issuer")[0])
    return job


def _days(job: Job) -> int:
    return (job.valid[1] - job.made).days


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no number")
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment.astimezone(UTC)
