"""Certificates of devices: what an issuer gives, and what it never would. Keys are made at run time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.chain import load_certificate

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Files:
    """Where a device has its chain and its key."""

    chain: Path
    key: Path

    def task(self) -> dict[str, str]:
        """As `sdk_devices` takes them."""
        return {"chain": str(self.chain), "key_file": str(self.key)}


def issuer(pki: Path, name: str, passphrase: bytes) -> Holder:
    """An issuer of the fleet with its key, out of its key store."""
    certificate = load_certificate(pki / f"{name}.pem")
    for file in (pki / "keys").glob("*.pem"):
        key = serialization.load_pem_private_key(file.read_bytes(), passphrase)
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key():
            return Holder(certificate, key)
    raise LookupError(f"{pki} has no key of {name}")


def leaf(
    name: str,
    by: Holder | None,
    *,
    days: tuple[float, float] = (-1, 30),
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
) -> Holder:
    """A device's certificate; without an issuer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    common = x509.NameAttribute(NameOID.COMMON_NAME, name)
    subject = x509.Name([*_organization(by), common])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    return Holder(builder.sign(by.key if by else key, hashes.SHA256()), key)


def authority(name: str) -> Holder:
    """A CA that nobody of the fleet knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return Holder(builder.sign(key, hashes.SHA256()), key)


def write(folder: Path, holder: Holder, *issuers: Holder) -> Files:
    """Chain and key as files, the key for this user alone."""
    folder.mkdir(mode=0o700, parents=True)
    files = Files(folder / "leaf.pem", folder / "key.pem")
    files.chain.write_text("".join(text(it) for it in (holder, *issuers)))
    secret = holder.key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(secret)
    return files


def text(holder: Holder) -> str:
    """The certificate as PEM."""
    return holder.certificate.public_bytes(_PEM).decode()


def _organization(by: Holder | None) -> list[x509.NameAttribute[str]]:
    """The issuer's: issuers of a fleet are constrained to it."""
    found = by.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) if by else []
    return [x509.NameAttribute(NameOID.ORGANIZATION_NAME, str(it.value)) for it in found]
