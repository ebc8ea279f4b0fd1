"""Keys, certificate requests and the chains that answer them. No IO.

A key is ECC on NIST P-384 and a request signed with SHA-384: certificate management of Azure Device Registry
takes nothing else (learn.microsoft.com/azure/iot-hub/concept-certificate-issuance, "Certificate signing
request requirements"). Every certificate gets a key of its own.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.assignment import Validity

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Identity:
    """A checked chain, leaf first, and the leaf's key (which no repr shows)."""

    chain: tuple[x509.Certificate, ...]
    key: Key = field(repr=False)

    @property
    def validity(self) -> Validity:
        """Of the leaf."""
        leaf = self.chain[0]
        return Validity(leaf.not_valid_before_utc, leaf.not_valid_after_utc)

    def chain_pem(self) -> bytes:
        """The chain for a TLS handshake: without its self-signed root, which the other side has."""
        shown = [it for it in self.chain if it is self.chain[0] or it.issuer != it.subject]
        return b"".join(it.public_bytes(serialization.Encoding.PEM) for it in shown)

    def key_pem(self) -> bytes:
        """The key in clear: nobody is there to type a passphrase when the device starts."""
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, plain)


def new_key() -> Key:
    """A key for one certificate."""
    return ec.generate_private_key(ec.SECP384R1())


def request(registration_id: str, key: Key) -> str:
    """A PKCS#10 request as DPS takes it: base64 of DER, without PEM lines."""
    made = _request(registration_id, key).public_bytes(serialization.Encoding.DER)
    return base64.b64encode(made).decode("ascii")


def request_pem(registration_id: str, key: Key) -> str:
    """A PKCS#10 request as AWS IoT takes it: PEM ("CreateCertificateFromCsr", fleet-provision-api)."""
    return _request(registration_id, key).public_bytes(serialization.Encoding.PEM).decode("ascii")


def _request(registration_id: str, key: Key) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_id)])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA384())


def read_chain(texts: object) -> tuple[x509.Certificate, ...]:
    """A chain, leaf first: base64 of DER each, as DPS and hubs send it, or PEM, as the page on hubs shows it.
    Raises ValueError.
    """
    if not isinstance(texts, list) or not texts or not all(isinstance(it, str) for it in texts):
        raise ValueError("the certificate chain is no list of certificates")
    try:
        return tuple(_certificate(it) for it in texts)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the certificate chain holds something that is no certificate") from error


def _certificate(text: str) -> x509.Certificate:
    if text.startswith("-----BEGIN"):
        return x509.load_pem_x509_certificate(text.encode())
    return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))


def checked(
    chain: Sequence[x509.Certificate], key: Key, registration_id: str | None, now: datetime
) -> Identity:
    """The identity of a device, if the chain is for this key and this device, whole, and not over. None for a
    registration id: whatever name stands in it (AWS IoT names what it issues as it likes).

    Raises ValueError with the reason. A chain that begins later by our clock is let be: ours may be wrong,
    and the hub decides by its own.
    """
    leaf = chain[0]
    if leaf.public_key() != key.public_key():
        raise ValueError("the certificate is for another key than the one in the request")
    names = [str(it.value) for it in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if registration_id is not None and [it.lower() for it in names] != [registration_id.lower()]:
        raise ValueError(f"the certificate is for {' and '.join(names) or 'nobody'}, not {registration_id}")
    for below, above in pairwise(chain):
        _check_issued(below, above)
    if leaf.not_valid_after_utc <= now:
        raise ValueError(f"the certificate ended at {leaf.not_valid_after_utc.isoformat()}")
    return Identity(tuple(chain), key)


def _check_issued(below: x509.Certificate, above: x509.Certificate) -> None:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise ValueError(
            "the certificate chain does not hold together: one did not issue the one before"
        ) from error
