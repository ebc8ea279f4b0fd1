"""Checks on certificates: each yields the faults it finds, so that all are reported at once. No IO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.errors import ChainFault
from certs.profiles import Profile

MIN_RSA_BITS = 2048
"""NIST SP 800-131A; what AWS IoT demands too (service model 2015-05-28, CreateCertificateFromCsr)."""

_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH: ("clientAuth", "TLS clients"),
    ExtendedKeyUsageOID.SERVER_AUTH: ("serverAuth", "TLS servers"),
}
_JUDGED = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.NameConstraints,
    x509.SubjectAlternativeName,
)
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


def end_faults(certificate: x509.Certificate, which: str, profile: Profile) -> Iterator[ChainFault]:
    """Not fit to be the end of a path as `profile` has it: of another kind, or not meant for its purpose."""
    if profile.ca:
        yield from authority_faults(certificate, which, below=0)
    else:
        yield from _leaf_faults(certificate, which, profile)
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    for purpose in profile.extended_key_usage:
        if purposes is None or purpose not in purposes:
            name, users = _PURPOSES[purpose]
            yield ChainFault(which, f"not meant for {users}", f"use one with the extended key usage {name}")
    if not common_name(certificate):
        yield ChainFault(which, "no common name", "the common name is the registration id")
    if profile.hosts and extension(certificate, x509.SubjectAlternativeName) is None:
        yield ChainFault(which, "names no host", "use one with subject alternative names")


def _leaf_faults(certificate: x509.Certificate, which: str, profile: Profile) -> Iterator[ChainFault]:
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield ChainFault(which, "a CA certificate", f"a {profile.title} needs a leaf (CA:FALSE)")
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        yield ChainFault(which, "may not sign a TLS handshake", "use one with the key usage digitalSignature")


def critical_faults(certificate: x509.Certificate, which: str) -> Iterator[ChainFault]:
    """Critical extensions that are not judged here, and so forbid to use the certificate (section 4.2)."""
    for each in certificate.extensions:
        if each.critical and not isinstance(each.value, _JUDGED):
            yield ChainFault(
                which,
                f"has a critical extension {each.oid.dotted_string} that is not known",
                "use one without",
            )


def strength_faults(certificate: x509.Certificate, which: str) -> Iterator[ChainFault]:
    """Signed over a hash that is broken, or with a key that is too short."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        yield ChainFault(which, f"a weak key: RSA of {key.key_size} bits", f"use at least {MIN_RSA_BITS}")
    used = certificate.signature_hash_algorithm
    if isinstance(used, hashes.MD5 | hashes.SHA1):
        yield ChainFault(which, f"signed over {used.name.upper()}, which is broken", "use SHA-256 or better")


def nesting_faults(
    certificate: x509.Certificate, which: str, purposes: Iterable[x509.ObjectIdentifier]
) -> Iterator[ChainFault]:
    """An authority whose extended key usage leaves no room for certificates of these purposes below it."""
    own = extension(certificate, x509.ExtendedKeyUsage)
    if own is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in own:
        return
    for name, users in (_PURPOSES[purpose] for purpose in purposes if purpose not in own):
        yield ChainFault(which, f"may not issue {users}", f"its extended key usage must include {name}")


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
