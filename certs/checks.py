"""Checks on certificates: each yields the faults it finds, so that all are reported at once. No IO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.errors import ChainFault

_PURPOSES = {ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth", ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth"}
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The certificate's extension of this kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name; empty when it has none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def time_faults(certificate: x509.Certificate, which: str, at: datetime) -> Iterator[ChainFault]:
    """Expired, or not yet valid."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        yield ChainFault(
            which, f"not valid before {_day(begin)}", f"check the clock (it says {_day(at)}) or wait"
        )
    if at > end:
        yield ChainFault(which, f"expired on {_day(end)}", "replace it by a certificate that is valid now")


def authority_faults(certificate: x509.Certificate, which: str, below: int) -> Iterator[ChainFault]:
    """Not fit to be an authority with `below` further authorities under it (RFC 5280 4.2.1.3, 4.2.1.9)."""
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        yield ChainFault(which, "no CA certificate", "use one with the basic constraint CA:TRUE")
        return
    if constraints.path_length is not None and constraints.path_length < below:
        allowed = constraints.path_length
        yield ChainFault(
            which, f"allows {allowed} authorities below it, not {below}", "use one with a longer path"
        )
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        yield ChainFault(which, "may not sign certificates", "use one with the key usage keyCertSign")


def client_faults(certificate: x509.Certificate, which: str) -> Iterator[ChainFault]:
    """Not fit to be a device's certificate: an authority, or not meant for TLS clients."""
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield ChainFault(which, "a CA certificate", "a device needs a leaf (CA:FALSE)")
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        yield ChainFault(which, "may not sign a TLS handshake", "use one with the key usage digitalSignature")
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        yield ChainFault(which, "not meant for TLS clients", "use one with the extended key usage clientAuth")
    if not common_name(certificate):
        yield ChainFault(which, "no common name", "the common name is the registration id")


def purpose_faults(certificate: x509.Certificate, which: str) -> Iterator[ChainFault]:
    """An authority whose extended key usage leaves no room for TLS clients below it."""
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes):
        yield ChainFault(which, "may not issue TLS clients", "its extended key usage must include clientAuth")


def nesting_faults(
    certificate: x509.Certificate, which: str, purposes: Iterable[x509.ObjectIdentifier]
) -> Iterator[ChainFault]:
    """An authority whose extended key usage leaves no room for certificates of these purposes below it."""
    own = extension(certificate, x509.ExtendedKeyUsage)
    if own is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in own:
        return
    missing = [_PURPOSES.get(purpose, purpose.dotted_string) for purpose in purposes if purpose not in own]
    if missing:
        yield ChainFault(
            which,
            f"may not issue certificates for {', '.join(missing)}",
            "its extended key usage has to allow it",
        )


def signature_faults(
    certificate: x509.Certificate, which: str, issuer: x509.Certificate, issuer_which: str
) -> Iterator[ChainFault]:
    """Not issued by `issuer`: the names do not match, or the signature does not verify."""
    if certificate.issuer != issuer.subject:
        found, wanted = certificate.issuer.rfc4514_string(), issuer.subject.rfc4514_string()
        yield ChainFault(
            which, f"not issued by {issuer_which}: its issuer is {found!r}", f"should be {wanted!r}"
        )
        return
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        yield ChainFault(
            which,
            f"not signed by the key of {issuer_which} (same name, other key)",
            f"use the certificate that this {issuer_which} issued",
        )


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
