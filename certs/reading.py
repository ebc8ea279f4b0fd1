"""Reading certificates that others made: PEM or DER in, `x509.Certificate` or UnreadableError out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from certs.errors import UnreadableError

MAX_BYTES = 1 << 20
"""A chain is a few kilobytes; whatever is larger than 1 MiB is something else."""

MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
    Warning,
)
"""What `cryptography` raises on hostile input; warnings too (`strictly`)."""


def parse_certificates(data: bytes, where: str) -> list[x509.Certificate]:
    """All certificates in `data` (PEM, or one in DER), at least one; raises UnreadableError, naming `where`.

    Every part that is later looked at is decoded here, because `cryptography` decodes lazily and a malformed
    name or extension would otherwise surface far from the file that holds it. Text with a private key is
    refused.
    """
    if b"PRIVATE KEY-----" in data:
        raise UnreadableError(where, "holds a private key", "public certificates only")
    try:
        with strictly():
            found = _decode(data)
            for certificate in found:
                _touch(certificate)
    except MALFORMED as error:
        raise UnreadableError(where, f"malformed: {first_line(error)}") from error
    return found


@contextmanager
def strictly() -> Iterator[None]:
    """Within, what the library only warns of is malformed: a serial below 1, a part of a name too long."""
    with warnings.catch_warnings(action="error"):
        yield


def load_certificates(path: Path) -> list[x509.Certificate]:
    """All certificates of a file, in their order; raises UnreadableError."""
    return parse_certificates(read_bytes(path), str(path))


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """A file's content; raises UnreadableError when it cannot be read, or has more bytes than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError(str(path), error.strerror or "cannot be read", "a readable file") from error
    if len(data) > limit:
        raise UnreadableError(str(path), f"larger than {limit} bytes", "a smaller file")
    return data


def load_certificate(path: Path) -> x509.Certificate:
    """The one certificate of a file; raises UnreadableError when it holds none, or more than one."""
    found = load_certificates(path)
    if len(found) != 1:
        raise UnreadableError(str(path), f"holds {len(found)} certificates")
    return found[0]


def pem(certificate: x509.Certificate) -> str:
    """The certificate as PEM text with a final newline."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the certificate's DER, in lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _decode(data: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def _touch(certificate: x509.Certificate) -> None:
    for name in (certificate.subject, certificate.issuer):
        name.rfc4514_string()
    certificate.public_key()
    list(certificate.extensions)
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc, certificate.serial_number
    _ = certificate.signature_hash_algorithm, certificate.signature_algorithm_parameters


def first_line(error: BaseException) -> str:
    """What a foreign error says, short enough for ours."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
