"""Enrollment groups as documents: checking what a service client sends, and what it gets back.

Shapes and defaults: EnrollmentGroup of Azure/azure-rest-api-specs, deviceprovisioningservices data plane,
service.json 2021-10-01. X.509 by signing certificate, allocation hashed: what the local cloud serves today.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.matching import Candidate

Group = dict[str, Any]

# "Registration ID" and "Enrollment group ID", learn.microsoft.com/azure/iot-dps/concepts-service.
IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._:]{0,126}[A-Za-z0-9])?")
ALLOCATION_POLICIES = ("hashed",)
_SLOTS = ("primary", "secondary")
_STATUSES = ("enabled", "disabled")


def checked_group(
    group_id: str, body: Group, linked_hosts: Collection[str], before: Group | None = None
) -> Group:
    """A group document from a request body. Raises DpsError 400 that names every fault.

    `before` is the stored group: a certificate that the client left out, as it read it, is kept.
    """
    if not isinstance(body, dict):
        raise DpsError(400, 400000, "the body must be a JSON object")
    faults: list[str] = []
    certificates = _certificates(body, before, faults)
    policy = body.get("reprovisionPolicy") or {}
    document: Group = {
        "enrollmentGroupId": group_id,
        "attestation": {"type": "x509", "x509": {"signingCertificates": certificates}},
        "capabilities": body.get("capabilities") or {"iotEdge": False},
        "initialTwin": body.get("initialTwin") or {"tags": {}, "properties": {"desired": {}}},
        "reprovisionPolicy": {
            name: policy.get(name, True) for name in ("updateHubAssignment", "migrateDeviceData")
        },
        "provisioningStatus": body.get("provisioningStatus") or "enabled",
        "allocationPolicy": body.get("allocationPolicy") or "hashed",
        "iotHubs": body.get("iotHubs") or [],
    }
    faults.extend(_faults(group_id, body, document, linked_hosts))
    if faults:
        raise DpsError(400, 400000, "; ".join(faults))
    return document


def shown_group(document: Group) -> Group:
    """The group as the service gives it back: `info` of each certificate, not the certificate itself."""
    attestation = document["attestation"]
    certificates = attestation["x509"]["signingCertificates"]
    shown = {slot: {"info": entry["info"]} for slot, entry in certificates.items()}
    return {**document, "attestation": {**attestation, "x509": {"signingCertificates": shown}}}


def candidate(document: Group) -> Candidate:
    """The group as the matching core wants it."""
    entries = document["attestation"]["x509"]["signingCertificates"].values()
    return Candidate(
        group_id=document["enrollmentGroupId"],
        signing=tuple(parse_certificate(entry["certificate"]) for entry in entries),
        enabled=document["provisioningStatus"] == "enabled",
    )


@lru_cache(maxsize=512)
def parse_certificate(text: str) -> x509.Certificate:
    """A certificate given as PEM, base64 of PEM, or base64 of DER. Raises ValueError."""
    if "-----BEGIN" in text:
        return x509.load_pem_x509_certificate(text.encode())
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"neither PEM nor base64: {error}") from error
    if raw.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificate(raw)
    return x509.load_der_x509_certificate(raw)


def _certificates(body: Group, before: Group | None, faults: list[str]) -> dict[str, Any]:
    attestation = body.get("attestation")
    if not isinstance(attestation, dict) or attestation.get("type") != "x509":
        faults.append("attestation.type must be x509, the attestation of groups that the local cloud serves")
        return {}
    mechanism = attestation.get("x509")
    given = mechanism.get("signingCertificates") if isinstance(mechanism, dict) else None
    if not isinstance(given, dict) or not given.get("primary"):
        faults.append("attestation.x509.signingCertificates.primary is required")
        return {}
    kept = before["attestation"]["x509"]["signingCertificates"] if before else {}
    found = {slot: _entry(slot, given[slot], kept, faults) for slot in _SLOTS if given.get(slot)}
    return {slot: entry for slot, entry in found.items() if entry}


def _entry(slot: str, given: object, kept: dict[str, Any], faults: list[str]) -> dict[str, Any] | None:
    where = f"attestation.x509.signingCertificates.{slot}"
    if not isinstance(given, dict):
        faults.append(f"{where} must be an object with a certificate")
        return None
    text = given.get("certificate")
    if not text:
        return _kept_entry(where, given, kept, faults)
    try:
        certificate = parse_certificate(str(text))
        if not _is_authority(certificate):
            faults.append(f"{where}.certificate is no certificate authority")
        return {"certificate": _pem(certificate), "info": _info(certificate)}
    except ValueError as error:
        faults.append(f"{where}.certificate is no X.509 certificate: {error}")
        return None


def _kept_entry(
    where: str, given: dict[str, Any], kept: dict[str, Any], faults: list[str]
) -> dict[str, Any] | None:
    wanted = (given.get("info") or {}).get("sha256Thumbprint")
    for entry in kept.values():
        if wanted and entry["info"]["sha256Thumbprint"] == str(wanted).upper():
            return dict(entry)
    faults.append(f"{where}.certificate is required")
    return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _info(certificate: x509.Certificate) -> dict[str, Any]:
    """X509CertificateInfo of service.json."""
    return {
        "subjectName": certificate.subject.rfc4514_string(),
        "sha1Thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the API's field
        "sha256Thumbprint": certificate.fingerprint(hashes.SHA256()).hex().upper(),
        "issuerName": certificate.issuer.rfc4514_string(),
        "notBeforeUtc": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "notAfterUtc": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "serialNumber": f"{certificate.serial_number:X}",
        "version": 3,
    }


def _faults(group_id: str, body: Group, document: Group, linked_hosts: Collection[str]) -> Iterator[str]:
    if not IDENTIFIER.fullmatch(group_id):
        yield f"enrollmentGroupId {group_id!r} must be letters, digits and inner - . _ :"
    if str(body.get("enrollmentGroupId", group_id)).lower() != group_id.lower():
        yield f"enrollmentGroupId {body['enrollmentGroupId']!r} differs from {group_id!r} in the address"
    if document["provisioningStatus"] not in _STATUSES:
        yield f"provisioningStatus {document['provisioningStatus']!r} must be enabled or disabled"
    if document["allocationPolicy"] not in ALLOCATION_POLICIES:
        yield f"allocationPolicy {document['allocationPolicy']!r} is not served here; use hashed"
    for name, value in document["reprovisionPolicy"].items():
        if not isinstance(value, bool):
            yield f"reprovisionPolicy.{name} must be true or false"
    known = {host.lower() for host in linked_hosts}
    for host in document["iotHubs"]:
        if str(host).lower() not in known:
            linked = ", ".join(sorted(known)) or "none"
            yield f"iotHubs: {host!r} is not linked to this service; linked are {linked}"
