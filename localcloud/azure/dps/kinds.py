"""The two kinds of enrollment, and what they differ in: one device by its registration id, or a group."""

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of enrollment: `noun` in messages, `member` its id in bodies, `kind` in the store."""

    kind: str
    noun: str
    member: str
    item_type: str
    table: str
    attestations: tuple[str, ...]
    certificates: str


# TPM attestation is for individual enrollments only (learn.microsoft.com/azure/iot-dps/concepts-service,
# "Attestation mechanism"); a device's own certificate identifies one device, a signing one a group.
INDIVIDUAL = Kind(
    "enrollment",
    "individual enrollment",
    "registrationId",
    "enrollment",
    "enrollments",
    ("x509", "symmetricKey", "tpm"),
    "clientCertificates",
)
GROUP = Kind(
    "enrollment-group",
    "enrollment group",
    "enrollmentGroupId",
    "enrollmentGroup",
    "enrollmentGroups",
    ("x509", "symmetricKey"),
    "signingCertificates",
)


def key_of(dps: str, identifier: str) -> str:
    """Where a document lies in the store: names and ids are compared without case."""
    return f"{dps.lower()}/{identifier.lower()}"
