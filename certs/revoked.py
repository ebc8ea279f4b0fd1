"""Revocation as a verifier sees it: the certificate revocation lists (RFC 5280 section 5) that it is given.

A certificate is good when a list of its own issuer that covers it, signed and of today, does not name it.
What no list covers is not known to be good, and told. Lists may be split (issuing distribution points,
section 5.2.5): one covers a certificate when its point is among the certificate's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from certs.checks import extension
from certs.errors import ChainFault, UnreadableError
from certs.keys import supported_public
from certs.paths import Path as CertificatePath
from certs.reading import MALFORMED, first_line, read_bytes, strictly

MAX_BYTES = 256 << 20
"""A list of a million entries has some 40 MB."""

_RIGHT = "one certificate revocation list, PEM or DER"


def parse(data: bytes, where: str) -> x509.CertificateRevocationList:
    """The list in `data`, PEM or DER; raises UnreadableError, naming `where`."""
    try:
        with strictly():
            pem = b"-----BEGIN" in data[:4096]
            found = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
            found.issuer.rfc4514_string()
            list(found.extensions)
            _ = found.last_update_utc, found.next_update_utc, found.signature_hash_algorithm
    except MALFORMED as error:
        raise UnreadableError(where, f"malformed: {first_line(error)}", _RIGHT) from error
    return found


def load(path: Path) -> x509.CertificateRevocationList:
    """The list in a file; raises UnreadableError."""
    return parse(read_bytes(path, MAX_BYTES), str(path))


def faults(
    path: CertificatePath, lists: Sequence[x509.CertificateRevocationList], at: datetime
) -> Iterator[ChainFault]:
    """What the lists say of a path: revoked, or not known, as a list is missing, too old or not its issuer's.

    The leaf must be covered. An intermediate need be only when a list of its issuer is given at all.
    """
    for position, (which, certificate) in enumerate(path[:-1]):
        issuer = path[position + 1][1]
        own = [each for each in lists if each.issuer == issuer.subject]
        if own or position == 0:
            yield from _faults_of(which, certificate, issuer, own, at)


def _faults_of(
    which: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    own: Sequence[x509.CertificateRevocationList],
    at: datetime,
) -> Iterator[ChainFault]:
    name = issuer.subject.rfc4514_string()
    covered = False
    for each in own:
        wrong = _unfit(each, issuer, at)
        if wrong:
            yield ChainFault(which, f"a revocation list of {name!r} {wrong}", "get the issuer's newest list")
            continue
        entry = each.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            yield ChainFault(which, f"revoked{_when_and_why(entry)}", "give the device a new certificate")
            return
        covered = covered or _covers(each, certificate)
    if not covered:
        yield ChainFault(
            which, "not known whether it is revoked", f"give the list of {name!r} that covers it"
        )


def _unfit(found: x509.CertificateRevocationList, issuer: x509.Certificate, at: datetime) -> str:
    try:
        genuine = found.is_signature_valid(supported_public(issuer.public_key()))
    except (UnsupportedAlgorithm, ValueError, TypeError):
        genuine = False
    if not genuine:
        return "is not signed by its key"
    if found.last_update_utc > at:
        return f"is of {found.last_update_utc:%Y-%m-%dT%H:%M:%SZ}, which is to come"
    if found.next_update_utc is None or found.next_update_utc < at:
        return "is out of date"
    return ""


def _covers(found: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    try:
        point = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return True
    if point.indirect_crl or point.only_contains_attribute_certs or point.only_some_reasons:
        return False
    constraints = extension(certificate, x509.BasicConstraints)
    authority = constraints is not None and constraints.ca
    if (point.only_contains_user_certs and authority) or (point.only_contains_ca_certs and not authority):
        return False
    own = extension(certificate, x509.CRLDistributionPoints)
    places = {name for each in own or () for name in each.full_name or ()}
    return point.full_name is None or any(name in places for name in point.full_name)


def _when_and_why(entry: x509.RevokedCertificate) -> str:
    try:
        reason = f" ({entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value})"
    except x509.ExtensionNotFound:
        reason = ""
    return f" since {entry.revocation_date_utc:%Y-%m-%dT%H:%M:%SZ}{reason}"
