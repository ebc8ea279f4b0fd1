"""Who may register by certificate, pure: may this chain, under this id, join one of these groups?

Invariants:
- A chain is only good when every signature, validity, CA flag and path length up to a verified authority
  holds (RFC 5280 section 6.1); names alone never suffice.
- A group is only matched when its signing certificate lies on that verified path; the one nearest to the
  leaf wins (learn.microsoft.com/azure/iot-dps/concepts-x509-attestation: the most specific enrollment
  group).
- Nothing that the device sends is trusted but the proof of its key, which the TLS handshake has checked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Path = tuple[x509.Certificate, ...]
Reason = Literal[
    "no-certificate",
    "malformed-registration-id",
    "wrong-id-scope",
    "self-signed",
    "unknown-authority",
    "other-fleet",
    "not-enrolled",
    "invalid-chain",
    "expired",
    "not-yet-valid",
    "no-client-auth",
    "cn-mismatch",
    "disabled",
    "too-many-takeovers",
    "thumbprint-mismatch",
    "attestation-mismatch",
    "no-credential",
    "malformed-token",
    "token-for-another",
    "token-expired",
    "bad-signature",
    "tpm-not-over-mqtt",
    "endorsement-key-mismatch",
    "no-challenge",
    "allocation-failed",
    "certificate-refused",
]

PATH_LIMIT = 6
PRESENTED_LIMIT = 10


class Refused(Exception):  # noqa: N818 - a decision, not a fault; the name is the contract's
    """A device may not register: `reason` is a stable code to count by, `message` is for the log."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason: Reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrollment group as far as matching needs it."""

    group_id: str
    signing: tuple[x509.Certificate, ...]
    enabled: bool


def match(
    registration_id: str,
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    candidates: Sequence[Candidate],
    at: datetime,
) -> Candidate:
    """The group, enabled or not, that `chain` (leaf first, as presented) belongs to. Raises Refused.

    `authorities` are the verified certificates of the provisioning service.
    """
    if not chain:
        raise Refused("no-certificate", "the device presented no certificate")
    signing = [certificate for candidate in candidates for certificate in candidate.signing]
    try:
        path = verified_path(chain, authorities, signing, at)
        group = _nearest_group(path, candidates)
        _check_leaf(path[0], registration_id)
    except ValueError as error:
        raise Refused("invalid-chain", f"a certificate of the chain is malformed: {error}") from error
    return group


def check_own(
    registration_id: str, chain: Sequence[x509.Certificate], thumbprints: Sequence[str], at: datetime
) -> None:
    """Raises Refused unless the leaf is one of a device's own certificates (SHA-256), self-signed or not.

    Nobody vouches for it but the enrollment, so only the leaf itself is looked at.
    """
    if not chain:
        raise Refused("no-certificate", "the device presented no certificate")
    try:
        found = chain[0].fingerprint(hashes.SHA256()).hex().upper()
        if found not in thumbprints:
            raise Refused(
                "thumbprint-mismatch", f"the certificate's SHA-256 is {found}, not the enrolled one"
            )
        fault = _time_fault((chain[0],), at)
        if fault:
            raise fault
        _check_leaf(chain[0], registration_id)
    except ValueError as error:
        raise Refused("invalid-chain", f"the certificate is malformed: {error}") from error


def verified_path(
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    known: Sequence[x509.Certificate],
    at: datetime,
) -> Path:
    """Leaf to verified authority, checked. `known` may fill in issuers that the device did not send."""
    leaf = chain[0]
    pool = list(dict.fromkeys([*authorities, *known, *chain[1:PRESENTED_LIMIT]]))
    first_fault: Refused | None = None
    for path in _paths((leaf,), pool, frozenset(authorities)):
        fault = _path_fault(path, at)
        if fault is None:
            return path
        first_fault = first_fault or fault
    raise first_fault or _no_path(leaf)


def reaches(
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    known: Sequence[x509.Certificate] = (),
) -> bool:
    """Whether signatures lead from the leaf to one of these authorities, whatever else may be wrong."""
    pool = list(dict.fromkeys([*authorities, *known, *chain[1:PRESENTED_LIMIT]]))
    return any(True for _ in _paths((chain[0],), pool, frozenset(authorities)))


def common_name(certificate: x509.Certificate) -> str | None:
    """The subject's common name; None unless there is exactly one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else None


def _no_path(leaf: x509.Certificate) -> Refused:
    if leaf.issuer == leaf.subject and _issued(leaf, leaf):
        return Refused("self-signed", "the device presented a self-signed certificate")
    issuer = leaf.issuer.rfc4514_string()[:200]
    return Refused("unknown-authority", f"no verified authority issued it; its issuer is {issuer}")


def _paths(path: Path, pool: list[x509.Certificate], ends: frozenset[x509.Certificate]) -> Iterator[Path]:
    if len(path) > 1 and path[-1] in ends:
        yield path
        return
    if len(path) >= PATH_LIMIT:
        return
    check = _issued if len(path) == 1 else _issued_remembered
    for issuer in pool:
        if issuer.subject == path[-1].issuer and issuer not in path and check(path[-1], issuer):
            yield from _paths((*path, issuer), pool, ends)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


_issued_remembered = lru_cache(maxsize=1024)(_issued)


def _path_fault(path: Path, at: datetime) -> Refused | None:
    for below, issuer in enumerate(path[1:]):
        wrong = _issuer_fault(issuer, below)
        if wrong:
            subject = issuer.subject.rfc4514_string()[:200]
            return Refused("invalid-chain", f"issuer {subject} {wrong}")
    return _time_fault(path, at)


@lru_cache(maxsize=1024)
def _issuer_fault(issuer: x509.Certificate, below: int) -> str | None:
    """RFC 5280 6.1.4 (k) to (n): CA flag, path length, key usage. `below`: issuers under it, no leaf."""
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return "is no certificate authority"
    if not basic.ca:
        return "is no certificate authority"
    if basic.path_length is not None and below > basic.path_length:
        return f"allows {basic.path_length} authorities below it, not {below}"
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return None if usage.key_cert_sign else "may not sign certificates"


def _time_fault(path: Path, at: datetime) -> Refused | None:
    for certificate in path:
        subject = certificate.subject.rfc4514_string()[:200]
        if at > certificate.not_valid_after_utc:
            until = certificate.not_valid_after_utc.isoformat()
            return Refused("expired", f"certificate {subject} was valid until {until}")
        if at < certificate.not_valid_before_utc:
            since = certificate.not_valid_before_utc.isoformat()
            return Refused("not-yet-valid", f"certificate {subject} is valid from {since}")
    return None


def _nearest_group(path: Path, candidates: Sequence[Candidate]) -> Candidate:
    """The group whose certificate is nearest to the leaf; of several with that one, a disabled one wins."""
    for certificate in path[1:]:
        found = [candidate for candidate in candidates if certificate in candidate.signing]
        if found:
            return min(found, key=lambda candidate: (candidate.enabled, candidate.group_id))
    raise Refused("not-enrolled", "the chain is good, but no enrollment group has a certificate of it")


def _check_leaf(leaf: x509.Certificate, registration_id: str) -> None:
    name = common_name(leaf)
    if name is None or name.lower() != registration_id.lower():
        shown = "none" if name is None else name[:128]
        raise Refused("cn-mismatch", f"the certificate's common name is {shown}")
    if not _may_authenticate(leaf):
        raise Refused("no-client-auth", "the certificate's extended key usage lacks clientAuth")


def _may_authenticate(leaf: x509.Certificate) -> bool:
    """RFC 5280 4.2.1.12: without the extension any purpose is allowed."""
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    allowed = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return any(usage in allowed for usage in usages)
