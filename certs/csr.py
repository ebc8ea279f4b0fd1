"""Certificate requests (PKCS #10, RFC 2986): made for a signer's key, read, and judged before any issue.

From a request only the public key is taken, and its proof that somebody holds the private half. Subject and
extensions of the certificate come from the profile; what the request asks for beyond a name is not looked at,
but that one which wants to be an authority is refused, since whoever made it expects something else.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from certs import names
from certs.checks import MIN_RSA_BITS
from certs.errors import ChainFault, InvalidNameError, RequestError, UnreadableError, UnsupportedKeyError
from certs.keys import ALGORITHMS, PublicKey, algorithm_of, supported_public, throwaway
from certs.profiles import DEVICE, Profile
from certs.reading import MALFORMED, first_line, read_bytes
from certs.signers import Signer

MAX_BYTES = 64 << 10
"""A request is a kilobyte or two, with ML-DSA some six."""

_RIGHT = "one certificate request (PKCS #10), PEM or DER"
_WHICH = "request"


@asn1.sequence
class _Info:
    """RFC 2986 section 4.1: CertificationRequestInfo."""

    version: int
    subject: asn1.TLV
    key: asn1.TLV
    attributes: asn1.TLV


@asn1.sequence
class _Request:
    """RFC 2986 section 4.2: CertificationRequest."""

    info: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


def parse(data: bytes, where: str) -> x509.CertificateSigningRequest:
    """The request in `data`, PEM or DER; raises UnreadableError, naming `where`.

    Like certificates (`certs.reading`), it is decoded to the last part here. A private key is refused.
    """
    if b"PRIVATE KEY-----" in data:
        raise UnreadableError(where, "holds a private key", _RIGHT)
    if len(data) > MAX_BYTES:
        raise UnreadableError(where, f"larger than {MAX_BYTES} bytes", _RIGHT)
    try:
        pem = b"-----BEGIN" in data
        found = x509.load_pem_x509_csr(data) if pem else x509.load_der_x509_csr(data)
        if data.count(b"-----BEGIN") > 1:
            raise ValueError("more than one part")
        _subject(found).rfc4514_string()
        list(found.extensions)
        list(found.attributes)
        found.public_key()
    except MALFORMED as error:
        raise UnreadableError(where, f"malformed: {first_line(error)}", _RIGHT) from error
    return found


def load(path: Path) -> x509.CertificateSigningRequest:
    """The request in a file; raises UnreadableError."""
    return parse(read_bytes(path, MAX_BYTES), str(path))


def make(signer: Signer, subject: x509.Name) -> x509.CertificateSigningRequest:
    """A request for the signer's own key, which need not be at hand: the signer signs."""
    key = signer.public_key()
    algorithm = algorithm_of(key)
    shape = x509.CertificateSigningRequestBuilder().subject_name(subject)
    shaped = shape.sign(throwaway(algorithm.name), algorithm.hash)  # type: ignore[arg-type]  # any kind of key
    outer = asn1.decode_der(_Request, shaped.public_bytes(serialization.Encoding.DER))
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    info = asn1.decode_der(_Info, shaped.tbs_certrequest_bytes)
    info.key = asn1.decode_der(asn1.TLV, key.public_bytes(*form))
    to_sign = asn1.encode_der(info)
    outer.info = asn1.decode_der(asn1.TLV, to_sign)
    outer.signature = asn1.BitString(signer.sign(to_sign), 0)
    return x509.load_der_x509_csr(asn1.encode_der(outer))


def check(
    request: x509.CertificateSigningRequest, registration_id: str | None = None, profile: Profile = DEVICE
) -> tuple[str, PublicKey]:
    """The name that a request is for, and its key; raises RequestError with every fault.

    The common name has to be a registration id, and `registration_id` where that is given.
    """
    faults = [*_name_faults(request, registration_id)]
    if not profile.ca:
        faults += _authority_faults(request)
    key = prove(request, faults)
    return _common_names(request)[0], key


def prove(request: x509.CertificateSigningRequest, faults: Sequence[ChainFault] = ()) -> PublicKey:
    """The key of a request that shows that somebody holds it; raises RequestError, with `faults` added."""
    found = [*_proof_faults(request), *_key_faults(request), *faults]
    if found:
        raise RequestError(found)
    return supported_public(request.public_key())


def _proof_faults(request: x509.CertificateSigningRequest) -> Iterator[ChainFault]:
    try:
        used = request.signature_hash_algorithm
        valid = request.is_signature_valid
    except (UnsupportedAlgorithm, ValueError, TypeError):
        yield ChainFault(
            _WHICH, "signed in a way that cannot be checked", "sign it with the key that it holds"
        )
        return
    if not valid:
        yield ChainFault(
            _WHICH,
            "its signature does not verify, so nobody has shown to hold the key",
            "sign it with the key that it holds",
        )
    if isinstance(used, hashes.MD5 | hashes.SHA1):
        yield ChainFault(_WHICH, f"signed over {used.name.upper()}, which is broken", "use SHA-256 or better")


def _key_faults(request: x509.CertificateSigningRequest) -> Iterator[ChainFault]:
    key = request.public_key()
    right = f"use one of {', '.join(ALGORITHMS)}"
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        if key.key_size < MIN_RSA_BITS:
            yield ChainFault(_WHICH, f"a weak key: RSA of {key.key_size} bits", right)
            return
        if exponent < 65537 or exponent % 2 == 0:
            yield ChainFault(_WHICH, f"a weak key: RSA with the exponent {exponent}", "use 65537")
    try:
        algorithm_of(key)
    except UnsupportedKeyError as error:
        yield ChainFault(_WHICH, str(error), right)


def _name_faults(request: x509.CertificateSigningRequest, wanted: str | None) -> Iterator[ChainFault]:
    found = _common_names(request)
    if len(found) != 1:
        yield ChainFault(_WHICH, f"has {len(found)} common names", "one common name: the registration id")
        return
    try:
        names.check("registration id", found[0])
    except InvalidNameError as error:
        yield ChainFault(_WHICH, f"its common name is no registration id: {error}", "name the device in it")
        return
    if wanted is not None and found[0] != wanted:
        yield ChainFault(_WHICH, f"is for {found[0]!r}", f"should be for {wanted!r}")


def _authority_faults(request: x509.CertificateSigningRequest) -> Iterator[ChainFault]:
    for each in request.extensions:
        asks = isinstance(each.value, x509.BasicConstraints) and each.value.ca
        asks |= isinstance(each.value, x509.KeyUsage) and (each.value.key_cert_sign or each.value.crl_sign)
        if asks:
            yield ChainFault(_WHICH, "asks to become an authority", "a device's request asks for a leaf")
            return


def _common_names(request: x509.CertificateSigningRequest) -> list[str]:
    return [str(each.value) for each in _subject(request).get_attributes_for_oid(NameOID.COMMON_NAME)]


def _subject(request: x509.CertificateSigningRequest) -> x509.Name:
    """The subject; the library warns of names that are too long, which `check` tells of."""
    with warnings.catch_warnings(action="ignore"):
        return request.subject
