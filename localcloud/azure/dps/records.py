"""Registrations as data: what an admitted device is, what it was given, and the record that is kept.

The record has the shape of DeviceRegistrationState (service.json) and DeviceRegistrationResult (device.json,
2021-10-01 and 2026-11-01), and fields of our own that no API shows as they are: `_OWN`.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography import x509

from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, Kind

Record = dict[str, Any]
Substatus = Literal[
    "initialAssignment", "deviceDataMigrated", "deviceDataReset", "reprovisionedToInitialAssignment"
]
Attestation = Literal["x509", "symmetricKey", "tpm"]
_OWN = ("operationId", "enrollmentGroupId", "evidence", "issuedCertificateChain")


@dataclass(frozen=True, slots=True)
class Match:
    """An admitted device: the enrollment that let it in, and how it proved itself.

    `authentication` is what its hub shall know it by (IoT Hub's AuthenticationMechanism; it may hold keys);
    `context` what a custom allocation webhook is told of its proof; `endorsed` a TPM's two public keys.
    """

    dps: str
    registration_id: str
    enrollment_id: str
    is_group: bool
    attestation: Attestation
    authentication: Document = field(repr=False)
    context: Document = field(default_factory=dict, repr=False)
    endorsed: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def kind(self) -> Kind:
        """The kind of enrollment."""
        return GROUP if self.is_group else INDIVIDUAL

    @property
    def group_id(self) -> str:
        """The enrollment group's id; empty for an individual enrollment."""
        return self.enrollment_id if self.is_group else ""

    @property
    def what(self) -> str:
        """The enrollment in words."""
        return f"{self.kind.noun} {self.enrollment_id}"


@dataclass(frozen=True, slots=True)
class Registering:
    """What a device sends along: `payload` for a webhook, `csr` for a certificate."""

    payload: Document | None = None
    csr: x509.CertificateSigningRequest | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A registration as the device protocol tells it; `status` is assigning, assigned or failed.

    `state` is the registrationState. `hub_host` and `device_id` are empty unless it is assigned.
    """

    operation_id: str
    hub_host: str
    device_id: str
    group_id: str
    state: Record = field(repr=False)
    status: str = "assigned"


def new_operation_id() -> str:
    """In the form that DPS gives them: a number, 16 hexadecimal digits, a UUID."""
    return f"4.{uuid.uuid4().hex[:16]}.{uuid.uuid4()}"


def new_record(
    match: Match, host: str, device_id: str, substatus: Substatus, created: str, now: str
) -> Record:
    """The record of a device that has its hub; `created` and `now` are ISO 8601 times."""
    return {
        "registrationId": match.registration_id,
        "createdDateTimeUtc": created,
        "assignedHub": host,
        "deviceId": device_id,
        "status": "assigned",
        "substatus": substatus,
        "lastUpdatedDateTimeUtc": now,
        "etag": str(uuid.uuid4()),
        "operationId": new_operation_id(),
        "enrollmentGroupId": match.group_id,
        "evidence": _evidence(match),
    }


def failed_record(match: Match, before: Record | None, code: int, message: str, now: str) -> Record:
    """The record of a registration that failed; where the device was before stays known."""
    kept = ("createdDateTimeUtc", "assignedHub", "deviceId")
    return {
        "registrationId": match.registration_id,
        "createdDateTimeUtc": now,
        **{name: before[name] for name in kept if before and name in before},
        "status": "failed",
        "errorCode": code,
        "errorMessage": message,
        "lastUpdatedDateTimeUtc": now,
        "etag": str(uuid.uuid4()),
        "operationId": new_operation_id(),
        "enrollmentGroupId": match.group_id,
        "evidence": _evidence(match),
    }


def shown_record(record: Record) -> Record:
    """The record as the service API shows it."""
    return {key: value for key, value in record.items() if key not in _OWN}


def as_assignment(record: Record) -> Assignment:
    """The record as the device protocol tells it."""
    chain = record.get("issuedCertificateChain")
    issued = {"issuedCertificateChain": chain} if chain else {}
    return Assignment(
        operation_id=record["operationId"],
        hub_host=record.get("assignedHub", ""),
        device_id=record.get("deviceId", ""),
        group_id=record["enrollmentGroupId"],
        state={**record["evidence"], **shown_record(record), **issued},
        status=record["status"],
    )


def waiting(match: Match, operation_id: str) -> Assignment:
    """A registration under way."""
    state = {"registrationId": match.registration_id, "status": "assigning"}
    return Assignment(operation_id, "", "", match.group_id, state, "assigning")


def _evidence(match: Match) -> Record:
    """X509RegistrationResult, SymmetricKeyRegistrationResult or TpmRegistrationResult."""
    return {match.attestation: {"enrollmentGroupId": match.group_id} if match.is_group else {}}
