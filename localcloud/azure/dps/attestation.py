"""How devices of an enrollment prove who they are: checked when it is written, shown when it is read.

AttestationMechanism of service.json 2021-10-01 (the same in 2026-11-01). Symmetric keys are shown by the
operation `attestationmechanism` only; a certificate is shown by its `info`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.azure.dps import keys
from localcloud.azure.dps.kinds import GROUP, Document, Kind
from localcloud.azure.dps.matching import common_name
from localcloud.azure.dps.tpm.public import read_key
from localcloud.azure.dps.tpm.wire import TpmKeyError
from localcloud.pem import load_certificate

SLOTS = ("primary", "secondary")


@dataclass
class Checking:
    """One attestation being checked; `faults` collects what is wrong. `before` is the stored one, if any."""

    kind: Kind
    identifier: str
    before: Document
    authorities: frozenset[str]
    now: datetime
    faults: list[str]

    def fault(self, where: str, words: str) -> None:
        """Add one."""
        self.faults.append(f"attestation.{where}: {words}")


def checked(given: Document, checking: Checking) -> Document:
    """The attestation to keep; its shape has been checked."""
    kind = given["type"]
    if kind not in checking.kind.attestations:
        served = ", ".join(checking.kind.attestations)
        checking.fault("type", f"an {checking.kind.noun} takes {served}, not {kind}")
        return {}
    for other in ("x509", "symmetricKey", "tpm"):
        if other != kind and given.get(other):
            checking.fault(other, f"does not go with type {kind}")
    mechanism = given.get(kind) or {}
    return {"type": kind, kind: _CHECKS[kind](mechanism, checking)}


def shown(attestation: Document) -> Document:
    """As an enrollment shows it: no keys."""
    return _shown_x509(attestation) if attestation["type"] != "symmetricKey" else {"type": "symmetricKey"}


def disclosed(attestation: Document) -> Document:
    """As the operation `attestationmechanism` shows it: with the symmetric keys."""
    return _shown_x509(attestation)


def _shown_x509(attestation: Document) -> Document:
    mechanism = attestation.get("x509") or {}
    bare = {
        name: {slot: {"info": entry["info"]} for slot, entry in entries.items()}
        for name, entries in mechanism.items()
        if name != "caReferences"
    }
    return {**attestation, **({"x509": {**mechanism, **bare}} if mechanism else {})}


def signing_certificates(attestation: Document) -> tuple[x509.Certificate, ...]:
    """The group's own signing certificates."""
    entries = (attestation.get("x509") or {}).get("signingCertificates") or {}
    return tuple(load_certificate(entry["certificate"]) for entry in entries.values())


def references(attestation: Document) -> tuple[str, ...]:
    """The names of certificates of the provisioning service."""
    return tuple(((attestation.get("x509") or {}).get("caReferences") or {}).values())


def thumbprints(attestation: Document) -> tuple[str, ...]:
    """SHA-256 of the device's own certificates, the primary first."""
    entries = (attestation.get("x509") or {}).get("clientCertificates") or {}
    return tuple(str(entries[slot]["info"]["sha256Thumbprint"]) for slot in SLOTS if slot in entries)


def info_of(certificate: x509.Certificate) -> Document:
    """X509CertificateInfo."""
    sha1 = certificate.fingerprint(hashes.SHA1())  # noqa: S303 - the API's field
    return {
        "subjectName": certificate.subject.rfc4514_string(),
        "sha1Thumbprint": sha1.hex().upper(),
        "sha256Thumbprint": certificate.fingerprint(hashes.SHA256()).hex().upper(),
        "issuerName": certificate.issuer.rfc4514_string(),
        "notBeforeUtc": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "notAfterUtc": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "serialNumber": f"{certificate.serial_number:X}",
        "version": 3,
    }


def _x509(mechanism: Document, checking: Checking) -> Document:
    own, other = checking.kind.certificates, _OTHER_CERTIFICATES[checking.kind.certificates]
    if mechanism.get(other):
        checking.fault(f"x509.{other}", f"an {checking.kind.noun} takes {own} or caReferences")
    given = [name for name in (own, "caReferences") if mechanism.get(name)]
    if len(given) != 1:
        missing = "is required" if not given else "does not go with caReferences"
        checking.fault(f"x509.{own}", f"{missing}; it takes {own} or caReferences, with a primary one")
        return {}
    entries = mechanism[given[0]]
    if not entries.get("primary"):
        checking.fault(f"x509.{given[0]}.primary", "is required")
    if given[0] == "caReferences":
        return {"caReferences": _references(entries, checking)}
    return {own: dict(_certificates(own, entries, checking))}


def _references(entries: Document, checking: Checking) -> Document:
    for slot, name in entries.items():
        if name.lower() not in checking.authorities:
            known = ", ".join(sorted(checking.authorities)) or "none"
            words = f"{name!r} is no certificate of this provisioning service; it has {known}"
            checking.fault(f"x509.caReferences.{slot}", words)
    return dict(entries)


def _certificates(own: str, entries: Document, checking: Checking) -> Iterator[tuple[str, Document]]:
    kept = (checking.before.get("x509") or {}).get(own) or {}
    for slot in SLOTS:
        if slot not in entries:
            continue
        where = f"x509.{own}.{slot}.certificate"
        entry = entries[slot]
        if entry.get("certificate"):
            found = _new_certificate(where, entry["certificate"], checking)
        else:
            found = _kept_certificate(where, entry, kept, checking)
        if found:
            yield slot, found


def _new_certificate(where: str, text: str, checking: Checking) -> Document | None:
    try:
        certificate = load_certificate(text)
        words = list(_certificate_faults(certificate, checking))
    except ValueError as fault:
        checking.fault(where, str(fault))
        return None
    for it in words:
        checking.fault(where, it)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return {"certificate": pem, "info": info_of(certificate)}


def _certificate_faults(certificate: x509.Certificate, checking: Checking) -> Iterator[str]:
    """A certificate with which no device could ever register is refused at once."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= checking.now <= last:
        yield f"is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d} only"
    if checking.kind is GROUP and not _is_authority(certificate):
        yield "is no certificate authority"
    name = common_name(certificate)
    if checking.kind is not GROUP and (name or "").lower() != checking.identifier.lower():
        yield f"its common name is {name!r}, which must be the registration id {checking.identifier!r}"


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _kept_certificate(where: str, given: Document, kept: Document, checking: Checking) -> Document | None:
    """What a client read and sends back has no certificate: its thumbprint names the one that is kept."""
    wanted = str((given.get("info") or {}).get("sha256Thumbprint") or "").upper()
    for entry in kept.values():
        if wanted and entry["info"]["sha256Thumbprint"] == wanted:
            return dict(entry)
    checking.fault(where, "is required")
    return None


def _symmetric(mechanism: Document, checking: Checking) -> Document:
    """Keys that are not given stay, or are made. Whether a PUT without keys renews them is not published."""
    for name in keys.NAMES:
        fault = keys.key_fault(mechanism[name]) if mechanism.get(name) else None
        if fault:
            checking.fault(f"symmetricKey.{name}", fault)
    kept = checking.before.get("symmetricKey") or {}
    return {name: mechanism.get(name) or kept.get(name) or keys.new_key() for name in keys.NAMES}


def _tpm(mechanism: Document, checking: Checking) -> Document:
    found = {name: mechanism[name] for name in ("endorsementKey", "storageRootKey") if mechanism.get(name)}
    if "endorsementKey" not in found:
        checking.fault("tpm.endorsementKey", "is required")
    for name, text in found.items():
        try:
            read_key(text)
        except TpmKeyError as fault:
            checking.fault(f"tpm.{name}", f"is no public key of a TPM 2.0 (base64 of TPM2B_PUBLIC): {fault}")
    return found


_CHECKS = {"x509": _x509, "symmetricKey": _symmetric, "tpm": _tpm}
_OTHER_CERTIFICATES: dict[str, Any] = {
    "clientCertificates": "signingCertificates",
    "signingCertificates": "clientCertificates",
}
