"""A cloud in memory, an open record, certificates and CRLs made at run time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from operations.actions.session import Order, Session
from operations.audit import AuditLog
from tests.operations.memory import MemoryCloud

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud()


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "record" / "operations.jsonl")


@pytest.fixture
def order() -> Order:
    return Order("ada", "stolen from the depot")


@contextmanager
def opened(cloud: MemoryCloud, log: AuditLog) -> Iterator[Session]:
    with log.open() as writer:
        yield Session(cloud, writer)


@pytest.fixture
def session(cloud: MemoryCloud, log: AuditLog) -> Iterator[Session]:
    with opened(cloud, log) as made:
        yield made


@dataclass(frozen=True)
class Authority:
    """A CA whose key is in memory only; issues leaves and CRLs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def leaf(self, name: str, days: int = 30) -> x509.Certificate:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return (
            _builder(name, self.certificate.subject, public, days)
            .add_extension(usage, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def crl(self, serials: Sequence[int] = (), **how: Any) -> x509.CertificateRevocationList:
        """`reason`, `number`, `issued` and `ends` (days from now), `extra` extensions, all critical."""
        issued = NOW + timedelta(days=how.get("issued", -1))
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=how.get("issuer", self.certificate.subject),
            last_update=issued,
            next_update=NOW + timedelta(days=how.get("ends", 7)),
        )
        if how.get("number", 1) is not None:
            builder = builder.add_extension(x509.CRLNumber(how.get("number", 1)), critical=False)
        for extension in how.get("extra", ()):
            builder = builder.add_extension(extension, critical=True)
        for serial in serials:
            builder = builder.add_revoked_certificate(_entry(serial, issued, how.get("reason")))
        return builder.sign(how.get("key", self.key), how.get("hash", hashes.SHA256()))


def make_authority(name: str, *, days: int = 300, age: int = 30, crl_sign: bool = True) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = {"digital_signature": False, "key_cert_sign": True, "crl_sign": crl_sign}
    off = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    certificate = (
        _builder(name, subject, key.public_key(), days, age)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(**usage, **dict.fromkeys(off, False), encipher_only=False, decipher_only=False),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int, age: int = 1
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=age))
        .not_valid_after(NOW + timedelta(days=days))
    )


def _entry(serial: int, when: datetime, reason: str | None) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
    if reason is not None:
        flag = x509.ReasonFlags(reason)
        builder = builder.add_extension(x509.CRLReason(flag), critical=False)
    return builder.build()


def thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex().upper()


@pytest.fixture(scope="session")
def oslo() -> Authority:
    return make_authority("coldchain oslo", age=30)


@pytest.fixture(scope="session")
def bergen() -> Authority:
    return make_authority("coldchain bergen", age=2)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, oslo: Authority, bergen: Authority) -> Iterator[Any]:
    """A running local cloud with a fleet (tests.operations.live.Live), shared by the tests of one group."""
    from tests.operations.live import running  # it needs this module's Authority

    with running(tmp_path_factory.mktemp("fleet"), oslo, bergen) as made:
        yield made
