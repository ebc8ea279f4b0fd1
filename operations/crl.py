"""CRLs, read and checked: signed by an issuer of ours, fresh, complete, not older than one before. No IO.

RFC 5280 section 5 (profile) and 6.3 (validation). Refused are delta and indirect CRLs, and critical
extensions that are unknown here: acting on half of what a CRL says would look like acting on all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from certs.checks import extension
from certs.store import key_id
from operations.errors import CrlError

MAX_BYTES: Final = 256 << 20
"""A CRL of a few million entries; whatever is larger is something else."""
TOLERANCE: Final = timedelta(minutes=5)
"""How far the issuer's clock and ours may be apart."""
SUPERSEDED: Final = x509.ReasonFlags.superseded.value

_BLOCK = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_WEAK = ("md5", "sha1")
_KNOWN_CRITICAL = (x509.IssuingDistributionPoint, x509.CRLNumber, x509.AuthorityKeyIdentifier)
# What `cryptography` raises on hostile input. `Warning` is here for programs that turn warnings into errors.
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
    Warning,
)


@dataclass(frozen=True, slots=True)
class Revoked:
    """An entry: a serial, and why, in the words of RFC 5280 section 5.3.1 ("unspecified" when not given)."""

    serial: int
    reason: str


@dataclass(frozen=True)
class LastSeen:
    """The newest CRL of a scope that was acted on before."""

    number: int
    this_update: datetime


@dataclass(frozen=True)
class CheckedCrl:
    """A CRL that may be acted on.

    `scope` is the issuer's key, and of a list that is one of several its distribution point (RFC 5280 section
    5.2.5): numbers of one scope rise.
    """

    where: str
    issuer: x509.Certificate
    issuer_key: str
    scope: str
    number: int
    this_update: datetime
    next_update: datetime
    sha256: str
    revoked: tuple[Revoked, ...]


def parse(data: bytes, where: str) -> list[x509.CertificateRevocationList]:
    """All CRLs in `data` (PEM, or one in DER), at least one. Raises CrlError, naming `where`."""
    if len(data) > MAX_BYTES:
        raise CrlError([f"{where}: larger than {MAX_BYTES} bytes; a CRL, PEM or DER, would be right"])
    try:
        if b"-----BEGIN" in data:
            found = [x509.load_pem_x509_crl(block) for block in _BLOCK.findall(data)]
        else:
            found = [x509.load_der_x509_crl(data)]
    except _MALFORMED as error:
        raise _malformed(where, error) from error
    if not found:
        raise CrlError([f"{where}: holds no CRL; a CRL, PEM or DER, would be right"])
    return found


def check(
    crl: x509.CertificateRevocationList,
    where: str,
    issuers: Sequence[x509.Certificate],
    now: datetime,
    last: Mapping[str, LastSeen],
) -> CheckedCrl:
    """The CRL, if it may be acted on now. `last` has what was seen, by scope.

    Raises CrlError with all that is wrong.
    """
    try:
        return _checked(crl, where, issuers, now, last)
    except _MALFORMED as error:
        raise _malformed(where, error) from error


def _checked(
    crl: x509.CertificateRevocationList,
    where: str,
    issuers: Sequence[x509.Certificate],
    now: datetime,
    last: Mapping[str, LastSeen],
) -> CheckedCrl:
    issuer, fault = _issuer(crl, issuers)
    faults = [fault] if fault else []
    faults += _kind_faults(crl)
    faults += _time_faults(crl, now)
    if issuer is not None:
        faults += _order_faults(crl, last.get(_scope(crl, issuer)))
    next_update = crl.next_update_utc
    if faults or issuer is None or next_update is None:
        raise CrlError([f"{where}: {fault}" for fault in faults])
    return CheckedCrl(
        where=where,
        issuer=issuer,
        issuer_key=key_id(issuer.public_key()),
        scope=_scope(crl, issuer),
        number=_number(crl),
        this_update=crl.last_update_utc,
        next_update=next_update,
        sha256=crl.fingerprint(hashes.SHA256()).hex(),
        revoked=tuple(_entries(crl, where)),
    )


def _issuer(
    crl: x509.CertificateRevocationList, issuers: Sequence[x509.Certificate]
) -> tuple[x509.Certificate | None, str]:
    """Whose CRL it is, or why it is nobody's: two issuers may share a name, never a key."""
    named = [issuer for issuer in issuers if issuer.subject == crl.issuer]
    if not named:
        known = ", ".join(repr(issuer.subject.rfc4514_string()) for issuer in issuers) or "none"
        return None, f"issued by {crl.issuer.rfc4514_string()!r}, no issuer of this fleet; those are {known}"
    signer = next((issuer for issuer in named if _signed(crl, issuer)), None)
    if signer is None:
        return None, f"not signed by the key of {crl.issuer.rfc4514_string()!r}: forged, or damaged"
    algorithm = crl.signature_hash_algorithm
    if algorithm is not None and weak(algorithm.name):
        return None, f"signed with {algorithm.name}, which can be forged"
    usage = extension(signer, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return None, "its issuer may not sign CRLs (key usage cRLSign, RFC 5280 section 4.2.1.3)"
    return signer, ""


def weak(algorithm: str) -> bool:
    """Whether signatures over digests of this kind can be forged."""
    return algorithm in _WEAK


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # an unfit key is a TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _kind_faults(crl: x509.CertificateRevocationList) -> Iterator[str]:
    for found in crl.extensions:
        if isinstance(found.value, x509.DeltaCRLIndicator):
            yield "a delta CRL, which lists changes only; give the complete one"
        elif isinstance(found.value, x509.IssuingDistributionPoint) and found.value.indirect_crl:
            yield "an indirect CRL, whose entries are of several issuers; give one of each issuer"
        elif found.critical and not isinstance(found.value, _KNOWN_CRITICAL):
            yield f"has a critical extension that is unknown here ({found.oid.dotted_string})"


def _time_faults(crl: x509.CertificateRevocationList, now: datetime) -> Iterator[str]:
    if crl.last_update_utc > now + TOLERANCE:
        yield f"issued {_moment(crl.last_update_utc)}, and the clock says {_moment(now)}: is it set back?"
    if crl.next_update_utc is None:
        yield "has no nextUpdate (RFC 5280 section 5.1.2.5), so nobody can tell whether it is the newest"
    elif crl.next_update_utc < now:
        yield f"expired {_moment(crl.next_update_utc)}; fetch the newest"


def _order_faults(crl: x509.CertificateRevocationList, last: LastSeen | None) -> Iterator[str]:
    if last is None:
        return
    if _number(crl) < last.number:
        yield f"has number {_number(crl)}, and number {last.number} was acted on before; give the newest"
    elif crl.last_update_utc < last.this_update:
        yield f"is older than the one of {_moment(last.this_update)} acted on before; give the newest"


def _number(crl: x509.CertificateRevocationList) -> int:
    """Its number; -1 without one, which RFC 5280 section 5.2.3 asks for."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return -1


def _scope(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> str:
    key = key_id(issuer.public_key())
    try:
        point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return key
    names = sorted(str(name.value) for name in point.full_name or ())
    kinds = (point.only_contains_user_certs, point.only_contains_ca_certs)
    return " ".join([key, *names, *(str(kind) for kind in kinds if any(kinds))])


def _entries(crl: x509.CertificateRevocationList, where: str) -> Iterator[Revoked]:
    for entry in crl:
        yield Revoked(entry.serial_number, _reason(entry, where))


def _reason(entry: x509.RevokedCertificate, where: str) -> str:
    reason = "unspecified"
    for found in entry.extensions:
        if isinstance(found.value, x509.CRLReason):
            reason = str(found.value.reason.value)
        elif found.critical:
            serial, oid = f"{entry.serial_number:X}", found.oid.dotted_string
            raise CrlError([f"{where}: the entry of {serial} has a critical extension unknown here ({oid})"])
    return reason


def _malformed(where: str, error: BaseException) -> CrlError:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return CrlError([f"{where}: malformed: {said}; a CRL, PEM or DER, would be right"])


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
