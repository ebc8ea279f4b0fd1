"""What an enrollment group's body may hold (EnrollmentGroup, service.json 2021-10-01).

The shape is checked here, the meaning in `enrollments.py`; `checked_body` reports the faults of both at once.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from localcloud.azure.dps.enrollments import Group, checked_group
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.pem import load_certificate
from localcloud.azure.shapes import Choice, Fault, Kind, ListOf, MapOf, Member, Scalar, Shape

_TEXT, _FLAG, _ANY = Scalar("str"), Scalar("bool"), Scalar("any")
_FREE = MapOf(_ANY)


def _shape(
    name: str, required: dict[str, Kind] | None = None, optional: dict[str, Kind] | None = None
) -> Shape:
    members = {key: Member(kind, required=True) for key, kind in (required or {}).items()}
    return Shape(name, {**members, **{key: Member(kind) for key, kind in (optional or {}).items()}})


_CERTIFICATE = _shape("X509CertificateWithInfo", optional={"certificate": _TEXT, "info": _FREE})
_CERTIFICATES = _shape("X509Certificates", optional={"primary": _CERTIFICATE, "secondary": _CERTIFICATE})
_X509 = _shape(
    "X509Attestation",
    optional={"clientCertificates": _FREE, "signingCertificates": _CERTIFICATES, "caReferences": _FREE},
)
_GROUP = _shape(
    "EnrollmentGroup",
    required={
        "enrollmentGroupId": _TEXT,
        "attestation": _shape(
            "AttestationMechanism",
            required={"type": Choice(("none", "tpm", "x509", "symmetricKey"))},
            optional={"tpm": _FREE, "x509": _X509, "symmetricKey": _FREE},
        ),
    },
    optional={
        "capabilities": _shape("DeviceCapabilities", required={"iotEdge": _FLAG}),
        "iotHubHostName": _TEXT,
        "initialTwin": _shape(
            "InitialTwin",
            optional={
                "tags": _FREE,
                "properties": _shape("InitialTwinProperties", optional={"desired": _FREE}),
            },
        ),
        "etag": _TEXT,
        "provisioningStatus": Choice(("enabled", "disabled")),
        "reprovisionPolicy": _shape(
            "ReprovisionPolicy", required={"updateHubAssignment": _FLAG, "migrateDeviceData": _FLAG}
        ),
        "allocationPolicy": Choice(("hashed", "geoLatency", "static", "custom")),
        "iotHubs": ListOf(_TEXT),
        "customAllocationDefinition": _shape(
            "CustomAllocationDefinition", required={"webhookUrl": _TEXT, "apiVersion": _TEXT}
        ),
        "createdDateTimeUtc": _TEXT,
        "lastUpdatedDateTimeUtc": _TEXT,
    },
)


def checked_body(
    group_id: str,
    body: object,
    linked_hosts: Collection[str],
    before: Group | None,
) -> Group:
    """The body with published spellings, no nulls. Raises DpsError 400 that names every fault."""
    faults: list[Fault] = []
    cleaned = _GROUP.check(body, "", faults)
    words = [str(it) for it in faults]
    if isinstance(cleaned, dict):
        words += [str(it) for it in _expired(cleaned)]
        words += _deeper(
            group_id, cleaned, {it.target.partition(".")[0] for it in faults}, linked_hosts, before
        )
    if words:
        raise DpsError(400, 400000, "; ".join(words))
    return dict(cleaned)


def _deeper(
    group_id: str, body: Group, wrong: set[str], linked_hosts: Collection[str], before: Group | None
) -> list[str]:
    """Faults in meaning, of those members whose shape is right."""
    if "attestation" in wrong:
        return []
    try:
        sound = {key: value for key, value in body.items() if key.partition("[")[0] not in wrong}
        checked_group(group_id, sound, linked_hosts, before)
    except DpsError as refused:
        return [refused.message]
    return []


def _expired(body: Group) -> list[Fault]:
    """Signing certificates that are not valid now: no device could ever register with one."""
    found: list[Fault] = []
    for slot, text in _signing(body):
        where = f"attestation.x509.signingCertificates.{slot}.certificate"
        try:
            certificate = load_certificate(text)
        except ValueError:
            continue  # enrollments.py names an unreadable certificate
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not first <= datetime.now(UTC) <= last:
            found.append(Fault(where, f"is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d} only"))
    return found


def _signing(body: Group) -> list[tuple[str, str]]:
    value: Any = body
    for key in ("attestation", "x509", "signingCertificates"):
        value = value.get(key) if isinstance(value, dict) else None
    entries = value.items() if isinstance(value, dict) else ()
    return [
        (slot, entry["certificate"])
        for slot, entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("certificate"), str)
    ]
