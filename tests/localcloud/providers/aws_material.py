"""What declarations of AWS' resources are made of: names, documents, certificates, archives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ACCOUNT, REGION = "111122223333", "eu-west-1"
ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}"
SIGNATURE = "4dabf18193072939515e22adb298388d"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/live"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hook"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:telemetry"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
TAGS = {"a": "b"}


@dataclass(frozen=True)
class Case:
    """`change` is made in place; `fixed` is a change that only a replacement makes."""

    token: str
    inputs: dict[str, Any]
    change: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)


def policy(action: str, resource: str) -> str:
    """A document of one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*services: str) -> str:
    """Who may take a role."""
    principal = {"Service": [f"{it}.amazonaws.com" for it in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def archive(text: str) -> dict[str, Any]:
    """An archive of one file as the engine sends it."""
    inside = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": text, "text": text}
    return {SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "hash": text, "assets": {"main.py": inside}}


def asset(text: str) -> dict[str, Any]:
    """A text as the engine sends it."""
    return {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": text, "text": text}


@dataclass(frozen=True)
class Authority:
    """A throwaway CA."""

    key: ec.EllipticCurvePrivateKey
    pem: str

    def proves(self, code: str) -> str:
        """A certificate that its key signed, with the code for a name."""
        issuer = x509.load_pem_x509_certificate(self.pem.encode()).subject
        return _signed(_name(code), issuer, ec.generate_private_key(ec.SECP256R1()).public_key(), self.key)


def authority() -> Authority:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("live")
    return Authority(key, _signed(name, name, key.public_key(), key, is_ca=True))


def request() -> str:
    """A CSR."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder(_name("device")).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
) -> str:
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer, subject, public, x509.random_serial_number(), start, start + timedelta(days=30)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    made = builder.add_extension(usage, critical=True).sign(signer, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()
