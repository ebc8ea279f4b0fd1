"""A real authority, made once a worker, and a forger for the certificates that ours would never make."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs import authority
from certs.chain import Chain
from certs.signers import Signer
from certs.store import KeyStore


@dataclass(frozen=True)
class Pki:
    directory: Path
    chain: Chain
    passphrase: bytes
    store: KeyStore
    oslo_signer: Signer

    @property
    def oslo(self) -> x509.Certificate:
        return self.chain.issuers["oslo"]

    @property
    def bergen(self) -> x509.Certificate:
        return self.chain.issuers["bergen"]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    directory = tmp_path_factory.mktemp("authority") / "pki"
    passphrase = secrets.token_urlsafe(16).encode()
    chain = authority.init(directory, "coldchain", ["oslo", "bergen"], passphrase)
    store = KeyStore(directory / "keys", passphrase)
    return Pki(directory, chain, passphrase, store, store.signer_for(chain.issuers["oslo"]))


@pytest.fixture(scope="session")
def oslo_signer(pki: Pki) -> Signer:
    return pki.oslo_signer


@dataclass(frozen=True)
class Forged:
    """A certificate of our own making with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


Forge = Callable[..., Forged]


@pytest.fixture(scope="session")
def forge() -> Forge:
    return _forge


def _forge(name: str, issuer: Forged | None = None, **kwargs: Any) -> Forged:
    """A certificate by `cryptography`'s builder alone; `begins` and `ends` are days from now."""
    key = ec.generate_private_key(kwargs.get("curve", ec.SECP256R1()))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=kwargs.get("begins", -1)))
        .not_valid_after(now + timedelta(days=kwargs.get("ends", 30)))
    )
    for extension in _extensions(**kwargs):
        builder = builder.add_extension(extension, critical=True)
    return Forged(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _extensions(**kwargs: Any) -> list[x509.ExtensionType]:
    found: list[x509.ExtensionType] = []
    ca = kwargs.get("ca")
    if ca is not None:
        path_length = kwargs.get("path_length") if ca else None
        found.append(x509.BasicConstraints(ca=ca, path_length=path_length))
    if kwargs.get("client", ca is False):
        found.append(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))
    return found + list(kwargs.get("extra", ()))
