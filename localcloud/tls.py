"""The local cloud's own TLS identity: a small CA and one server certificate, made at first start and kept.

Each cloud's names have a certificate of their own, chosen by the name that the client asks for (SNI).
Clients trust DIR/tls-ca.pem. The CA is good for the host names that the local cloud answers for and for
nothing else (name constraints, RFC 5280 section 4.2.1.10), so trusting it does not open the way to other
hosts. Private keys are files of mode 0600 in DIR, unencrypted, as a server must start without a person;
they guard loopback only.
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.errors import StateError

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_BEFORE = timedelta(days=30)
SERVER_NAMES = (
    "*.azure-devices.net",
    "*.azure-devices-provisioning.net",
    "management.azure.com",
    "login.microsoftonline.com",
    "*.azurewebsites.net",
    "*.blob.core.windows.net",
    "localhost",
)
AMAZON_ZONE = "amazonaws.com"
_REGION = f"eu-west-1.{AMAZON_ZONE}"
AMAZON_NAMES = (
    f"*.{AMAZON_ZONE}",
    f"*.{_REGION}",
    f"*.iot.{_REGION}",
    f"*.credentials.iot.{_REGION}",
    f"*.jobs.iot.{_REGION}",
    f"*.tunneling.iot.{_REGION}",
    f"*.s3.{AMAZON_ZONE}",
    f"*.s3.{_REGION}",
    f"*.s3-control.{_REGION}",
    f"*.control-kinesis.{_REGION}",
    f"*.data-kinesis.{_REGION}",
    f"*.ddb.{_REGION}",
)
SERVER_ADDRESSES = ("127.0.0.1", "::1")
_CA, _CA_KEY, _SERVER, _AMAZON = "tls-ca.pem", "tls-ca.key", "tls-server", "tls-server-aws"

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """What the listeners present. `certificate_file` holds the server certificate and its CA, both public."""

    certificate: x509.Certificate
    authority: x509.Certificate
    key: Key
    certificate_file: Path
    key_file: Path
    amazon: tuple[x509.Certificate, Key]


def identity(directory: Path, at: datetime | None = None) -> Identity:
    """Load what is there; make what is missing, near its expiry, or not of this CA. Raises StateError."""
    at = at or datetime.now(UTC)
    try:
        authority, authority_key = _authority(directory, at)
        signer = _Signer(directory, authority, authority_key, at)
        certificate, key = signer.server(_SERVER, _wanted_names())
        amazon = signer.server(_AMAZON, _dns_names(AMAZON_NAMES))
    except (OSError, ValueError, TypeError) as error:
        raise StateError(
            f"TLS files in {directory} cannot be used ({error}); delete {_CA}, {_CA_KEY}"
        ) from error
    files = directory / f"{_SERVER}.pem", directory / f"{_SERVER}.key"
    return Identity(certificate, authority, key, *files, amazon)


def _authority(directory: Path, at: datetime) -> tuple[x509.Certificate, Key]:
    found = _load(directory / _CA, directory / _CA_KEY)
    if found and _lasts(found[0], at) and _constraints_of(found[0]) == _constraints():
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Muster local cloud")])
    builder = _builder(name, name, key, at, CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=True), critical=True)
    builder = builder.add_extension(_constraints(), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    _write_pair(directory / _CA, [certificate], directory / _CA_KEY, key)
    return certificate, key


@dataclass(frozen=True, slots=True)
class _Signer:
    """The CA, as it makes server certificates."""

    directory: Path
    authority: x509.Certificate
    key: Key
    at: datetime

    def server(self, stem: str, names: x509.SubjectAlternativeName) -> tuple[x509.Certificate, Key]:
        """The certificate for these names in `{stem}.pem` and `.key`, new when what is there does not fit."""
        certificate_file, key_file = self.directory / f"{stem}.pem", self.directory / f"{stem}.key"
        found = _load(certificate_file, key_file)
        if found and self._made(found[0]) and _names(found[0]) == names:
            return found
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(key, names)
        _write_pair(certificate_file, [certificate, self.authority], key_file, key)
        return certificate, key

    def _made(self, certificate: x509.Certificate) -> bool:
        return _lasts(certificate, self.at) and _is_from(certificate, self.authority)

    def _signed(self, key: Key, names: x509.SubjectAlternativeName) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Muster local cloud server")])
        builder = _builder(name, self.authority.subject, key, self.at, SERVER_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(purpose, critical=False)
        builder = builder.add_extension(names, critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return builder.add_extension(issuer, critical=False).sign(self.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, at: datetime, days: int
) -> x509.CertificateBuilder:
    start = at - timedelta(hours=1)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(at + timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _constraints() -> x509.NameConstraints:
    zones = [name.removeprefix("*.") for name in SERVER_NAMES] + [AMAZON_ZONE]
    names: list[x509.GeneralName] = [x509.DNSName(zone) for zone in zones]
    names += [x509.IPAddress(ipaddress.ip_network(address)) for address in SERVER_ADDRESSES]
    return x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None)


def _constraints_of(authority: x509.Certificate) -> x509.NameConstraints:
    return authority.extensions.get_extension_for_class(x509.NameConstraints).value


def _dns_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def _wanted_names() -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVER_ADDRESSES]
    return x509.SubjectAlternativeName(names)


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _lasts(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc - RENEW_BEFORE


def _is_from(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(_public_key(authority)).key_identifier
    named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return named.key_identifier == known


def _public_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the CA has no elliptic curve key")
    return key


def _load(certificate_file: Path, key_file: Path) -> tuple[x509.Certificate, Key] | None:
    """Certificate and key; None when one is missing or they are no pair (a start that was cut off)."""
    if not certificate_file.exists() or not key_file.exists():
        return None
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _write_pair(
    certificate_file: Path, certificates: list[x509.Certificate], key_file: Path, key: Key
) -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(key_file, key.private_bytes(encoding, form, serialization.NoEncryption()), 0o600)
    _write(certificate_file, b"".join(it.public_bytes(encoding) for it in certificates), 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    """All or nothing: a reader sees the old file or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    fresh.replace(path)
