"""What devices say to DPS and hear from it by any transport: device.json 2021-10-01 and 2026-11-01. Pure."""

from dataclasses import dataclass
from typing import Any

from localcloud.azure.dps import csr
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import Document
from localcloud.azure.dps.records import Assignment, Registering
from localcloud.azure.shapes import Fault, MapOf, Member, Scalar, Shape

RETRY_AFTER_SECONDS = 2
_KNOWN = ("registrationId", "tpm", "csr", "payload")
_TPM = Shape(
    "TpmAttestation",
    {"endorsementKey": Member(Scalar("str"), required=True), "storageRootKey": Member(Scalar("str"))},
)
_REGISTRATION = Shape(
    "DeviceRegistration",
    {
        "registrationId": Member(Scalar("str")),
        "tpm": Member(_TPM),
        "csr": Member(Scalar("str")),
        "payload": Member(MapOf(Scalar("any"))),
    },
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A DeviceRegistration: `tpm` are its endorsement key and storage root key, `csr` is as it arrived."""

    tpm: tuple[str, str] | None
    csr: str | None
    payload: Document | None

    def registering(self, registration_id: str, version: str) -> Registering:
        """What it asks for, with the certificate request read. Raises DpsError."""
        if self.csr is None:
            return Registering(self.payload)
        csr.check_version(version)
        return Registering(self.payload, csr.read(self.csr, registration_id))


def read_registration(body: Document, registration_id: str) -> Asked:
    """The body of a registration or a look-up. Raises DpsError 400; members that are not known are let be."""
    faults: list[Fault] = []
    cleaned: Any = _REGISTRATION.check({name: body[name] for name in _KNOWN if name in body}, "", faults)
    named = cleaned.get("registrationId", registration_id)
    if isinstance(named, str) and named.lower() != registration_id.lower():
        faults.append(Fault("registrationId", "differs from the id that connected"))
    if faults:
        raise DpsError(400, 400000, "; ".join(str(it) for it in faults))
    tpm = cleaned.get("tpm")
    keys = (tpm["endorsementKey"], tpm.get("storageRootKey", "")) if tpm else None
    return Asked(keys, cleaned.get("csr"), cleaned.get("payload"))


def accepted_body(assignment: Assignment, registration_id: str) -> Document:
    """RegistrationOperationStatus of a registration that has begun."""
    return {
        "operationId": assignment.operation_id,
        "status": "assigning",
        "registrationState": {"registrationId": registration_id, "status": "assigning"},
    }


def operation_body(assignment: Assignment) -> Document:
    """RegistrationOperationStatus."""
    return {
        "operationId": assignment.operation_id,
        "status": assignment.status,
        "registrationState": assignment.state,
    }
