"""X.509 as AWS IoT takes it, and its own authority.

Keys: RSA of 2048 bits or more, or the NIST curves P-256, P-384, P-521 (developer guide, "X.509 client
certificates"). AWS' certificates end on 2049-12-31T23:59:59Z; the subject is `CN=AWS IoT Certificate`, or
the CSR's.
"""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from localcloud.aws.api import ApiError
from localcloud.aws.iot.refusals import invalid

_END = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SMALLEST_RSA = 2048


def read(text: str, what: str) -> x509.Certificate:
    """The one certificate of a PEM text. Raises ApiError CertificateValidationException."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise invalid_certificate(f"{what} holds no readable X.509 certificate") from error
    if len(found) != 1:
        raise invalid_certificate(f"{what} must hold one certificate, not {len(found)}")
    check_key(found[0].public_key(), what)
    return found[0]


def read_request(text: str) -> x509.CertificateSigningRequest:
    """A CSR with a key that AWS IoT takes, signed by that key. Raises ApiError."""
    try:
        csr = x509.load_pem_x509_csr(text.encode())
    except ValueError as error:
        raise invalid("The certificate signing request is not valid.") from error
    if not csr.is_signature_valid:
        raise invalid("The certificate signing request's signature does not fit its key.")
    try:
        check_key(csr.public_key(), "the certificate signing request")
    except ApiError as error:
        raise invalid(error.message) from error
    return csr


def invalid_certificate(words: str) -> ApiError:
    """AWS' refusal of a certificate."""
    return ApiError("CertificateValidationException", f"The certificate is invalid: {words}.")


def check_key(key: object, what: str) -> None:
    """A key of a kind that AWS IoT takes. Raises ApiError."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return
    raise invalid_certificate(f"{what} has a key that is neither RSA of 2048 bits nor of a NIST curve")


def identity(certificate: x509.Certificate) -> str:
    """The certificate id: SHA-256 of the DER, in hex."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(Encoding.PEM).decode()


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign certificates: CA:TRUE, and keyCertSign where a key usage is given."""
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except ValueError:
        return False
    return usage.key_cert_sign


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed it, and its name says so."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def lasts(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is valid now."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def common_name(certificate: x509.Certificate) -> str | None:
    """The subject's one common name."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else None


class OwnAuthority:
    """The CA behind CreateCertificateFromCsr, CreateKeysAndCertificate and claims; a file of mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None

    def issue(self, csr_pem: str, now: datetime) -> x509.Certificate:
        """A certificate for a CSR. Raises ApiError."""
        csr = read_request(csr_pem)
        key = csr.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise invalid("The certificate signing request's key is of no known kind.")
        return self._signed(key, csr.subject if list(csr.subject) else _name("AWS IoT Certificate"), now)

    def issue_with_key(self, now: datetime) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        """A certificate and an RSA key of 2048 bits, as AWS makes them."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._signed(key.public_key(), _name("AWS IoT Certificate"), now), key

    def _signed(
        self, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, subject: x509.Name, now: datetime
    ) -> x509.Certificate:
        authority, authority_key = self._authority(now)
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        return (
            x509.CertificateBuilder(authority.subject, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=2))
            .not_valid_after(_END)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(authority_key, hashes.SHA256())
        )

    def _authority(self, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if self._held is None:
            self._held = self._loaded() or self._made(now)
        return self._held

    def _loaded(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        path = self._folder / "iot-ca.pem"
        if not path.exists():
            return None
        data = path.read_bytes()
        key = serialization.load_pem_private_key(data, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "made below"
        return x509.load_pem_x509_certificate(data), key

    def _made(self, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Muster local cloud, AWS IoT")
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=2))
            .not_valid_after(_END)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._folder / ".iot-ca.pem.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(
                key.private_bytes(
                    Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            file.write(certificate.public_bytes(Encoding.PEM))
        fresh.replace(self._folder / "iot-ca.pem")
        return certificate, key


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
