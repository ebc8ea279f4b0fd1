"""Certificates as Azure's APIs carry them: PEM text, or base64 of PEM or of DER."""

import base64
import binascii
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_Parsed = TypeVar("_Parsed")


@lru_cache(maxsize=1024)
def load_certificate(text: str) -> x509.Certificate:
    """The one certificate in `text`. Raises ValueError with words for the person.

    "base-64 representation of X509 certificate .cer file or just .pem file content"
    (CertificateProperties.certificate, provisioning services 2026-11-01).
    """
    data = text.encode() if "-----BEGIN" in text else _decoded(text)
    if b"-----BEGIN" not in data:
        return _parsed(x509.load_der_x509_certificate, data)
    found = _parsed(x509.load_pem_x509_certificates, data)
    if len(found) != 1:
        raise ValueError(f"must hold one certificate, not {len(found)}")
    return found[0]


def der_text(certificate: x509.Certificate) -> str:
    """Base64 of the DER, one line."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise ValueError("is neither PEM nor base64") from fault


def _parsed(parse: Callable[[bytes], _Parsed], data: bytes) -> _Parsed:
    try:
        return parse(data)
    except ValueError as fault:
        raise ValueError("holds no readable X.509 certificate") from fault
