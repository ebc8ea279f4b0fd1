"""Answers on one certificate at a time (OCSP, RFC 6960), from the inventory, signed by the issuer itself.

The body is `cryptography`'s, built with a throwaway key and a throwaway certificate that bears the issuer's
name; the issuer's signer then signs the body, as certificates are made (`certs.assemble`). A retired
certificate is good for as long as nobody revokes it. What this authority did not issue is `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from certs import keys, signature
from certs.errors import InventoryError, SignerError, SignerUnavailableError, StorageError
from certs.keys import algorithm_of, supported_public, throwaway
from certs.life.inventory import Held, Inventory
from certs.life.revocation import REASONS
from certs.signers import Signer

GOOD_FOR = timedelta(hours=1)
"""How long an answer is good: so long may a device that was just revoked show an older one."""

MAX_REQUEST_BYTES = 1 << 14
MAX_NONCE_BYTES = 128
"""RFC 9654 section 2.1."""

_STATUS = ocsp.OCSPResponseStatus
_MALFORMED = (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm, x509.DuplicateExtension)
"""What the library raises on hostile requests, and (NotImplementedError) on such as ask for several."""


@asn1.sequence
class _Bytes:
    kind: x509.ObjectIdentifier
    basic: bytes


@asn1.sequence
class _Response:
    status: asn1.TLV
    response: Annotated[_Bytes, asn1.Explicit(0)]


@asn1.sequence
class _KeyInfo:
    algorithm: asn1.TLV
    key: asn1.BitString


@dataclass(frozen=True)
class _Asked:
    """One request, read: the issuer's two hashes, the serial number, the nonce."""

    by: tuple[bytes, bytes]
    hash: hashes.HashAlgorithm
    serial: int
    nonce: x509.OCSPNonce | None


class Responder:
    """Answers for some issuers, each with the signer of its key. Not for several threads."""

    def __init__(self, inventory: Inventory, issuers: Sequence[tuple[x509.Certificate, Signer]]) -> None:
        for issuer, signer in issuers:
            if issuer.public_key() != signer.public_key():
                raise SignerError(f"the signer does not hold the key of {issuer.subject.rfc4514_string()!r}")
        self._inventory = inventory
        self._issuers = issuers

    def answer(self, request: bytes, now: datetime | None = None) -> bytes:
        """The answer to a request, both DER; whatever is wrong is an answer as well (section 4.2.1)."""
        asked = _read(request)
        if asked is None:
            return _refusal(_STATUS.MALFORMED_REQUEST)
        found = self._issuer(asked)
        if found is None:
            return _refusal(_STATUS.UNAUTHORIZED)
        try:
            return self._signed(asked, *found, now or datetime.now(UTC))
        except SignerUnavailableError:
            return _refusal(_STATUS.TRY_LATER)
        except (SignerError, StorageError):
            return _refusal(_STATUS.INTERNAL_ERROR)

    def _issuer(self, asked: _Asked) -> tuple[x509.Certificate, Signer] | None:
        for issuer, signer in self._issuers:
            if _hashes(issuer, asked.hash) == asked.by:
                return issuer, signer
        return None

    def _signed(self, asked: _Asked, issuer: x509.Certificate, signer: Signer, now: datetime) -> bytes:
        held = self._held(asked.serial, issuer.subject.rfc4514_string())
        moment = now.replace(microsecond=0)
        status, at, reason = _status(held)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                *asked.by, asked.serial, asked.hash, status, moment, moment + GOOD_FOR, at, reason
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, _namesake(issuer))
        )
        if asked.nonce is not None:
            builder = builder.add_extension(asked.nonce, critical=False)
        algorithm = algorithm_of(issuer.public_key())
        reference = builder.sign(throwaway(algorithm.name), algorithm.hash)
        own = signer.sign(reference.tbs_response_bytes)
        try:
            keys.verify(supported_public(issuer.public_key()), own, reference.tbs_response_bytes)
        except InvalidSignature as error:
            raise SignerError("the signer's signature does not verify; nothing was answered") from error
        return _resigned(reference, own)

    def _held(self, serial: int, issuer: str) -> Held | None:
        try:
            return self._inventory.by_serial(serial, issuer) if serial > 0 else None
        except InventoryError:
            return None


def _read(request: bytes) -> _Asked | None:
    """What is asked; None when that is no request, or one for several certificates."""
    if len(request) > MAX_REQUEST_BYTES:
        return None
    try:
        found = ocsp.load_der_ocsp_request(request)
        by = found.issuer_name_hash, found.issuer_key_hash
        nonce = _nonce(found)
        ask = _Asked(by, found.hash_algorithm, found.serial_number, nonce)
    except _MALFORMED:
        return None
    if any(len(each) != ask.hash.digest_size for each in by):
        return None
    return None if nonce is not None and not 0 < len(nonce.nonce) <= MAX_NONCE_BYTES else ask


def _nonce(request: ocsp.OCSPRequest) -> x509.OCSPNonce | None:
    try:
        return request.extensions.get_extension_for_class(x509.OCSPNonce).value
    except x509.ExtensionNotFound:
        return None


def _status(
    held: Held | None,
) -> tuple[ocsp.OCSPCertStatus, datetime | None, x509.ReasonFlags | None]:
    if held is None:
        return ocsp.OCSPCertStatus.UNKNOWN, None, None
    if held.fate != "revoked":
        return ocsp.OCSPCertStatus.GOOD, None, None
    return ocsp.OCSPCertStatus.REVOKED, held.since, REASONS.get(held.detail)


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def _resigned(reference: ocsp.OCSPResponse, own: bytes) -> bytes:
    outer = asn1.decode_der(_Response, reference.public_bytes(serialization.Encoding.DER))
    inner = _Bytes(kind=outer.response.kind, basic=signature.replaced(outer.response.basic, own))
    return asn1.encode_der(_Response(status=outer.status, response=inner))


def _hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """Of the issuer's name and of its key's bits (section 4.1.1)."""
    info = issuer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    bits = asn1.decode_der(_KeyInfo, info).key.as_bytes()
    return _hash(issuer.subject.public_bytes(), algorithm), _hash(bits, algorithm)


def _hash(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


@lru_cache
def _namesake(issuer: x509.Certificate) -> x509.Certificate:
    """A certificate with the issuer's name and a throwaway key: what the library takes the name from."""
    algorithm = algorithm_of(issuer.public_key())
    key, now = throwaway(algorithm.name), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuer.subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    return builder.sign(key, algorithm.hash)  # type: ignore[arg-type]  # any kind of key
