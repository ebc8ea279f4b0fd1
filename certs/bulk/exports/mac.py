"""The MAC of a PKCS#12 file, derived as slowly as the rest of it.

`cryptography` derives the key of the MAC (RFC 7292 appendix B) with 2,048 rounds, whatever is asked for the
encryption: who has the file guesses the passphrase through the MAC then, and other rounds are for nothing.
So the MAC is made anew here; the form of the file stays the same, and whatever reads it goes by the number of
rounds that it says.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1

_MAC_KEY = 3
"""RFC 7292 appendix B.3: the purpose that the key is for."""
_BLOCK_BYTES = 64
_SALT_BYTES = 16
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


@asn1.sequence
class _AuthSafe:
    """RFC 7292 section 4: ContentInfo of type data (RFC 2315)."""

    kind: x509.ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class _Algorithm:
    kind: x509.ObjectIdentifier
    parameters: asn1.Null


@asn1.sequence
class _Digest:
    algorithm: _Algorithm
    digest: bytes


@asn1.sequence
class _MacData:
    mac: _Digest
    salt: bytes
    rounds: int


@asn1.sequence
class _Pfx:
    version: int
    safe: _AuthSafe
    mac: _MacData


def strengthened(data: bytes, passphrase: bytes, rounds: int) -> bytes:
    """The PKCS#12 file with a MAC by HMAC-SHA256 whose key takes so many rounds."""
    pfx, salt = asn1.decode_der(_Pfx, data), os.urandom(_SALT_BYTES)
    key = derived(passphrase, salt, rounds)
    pfx.mac = _MacData(
        mac=_Digest(
            algorithm=_Algorithm(kind=_SHA256, parameters=asn1.Null()),
            digest=hmac.digest(key, pfx.safe.content, "sha256"),
        ),
        salt=salt,
        rounds=rounds,
    )
    return asn1.encode_der(pfx)


def derived(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    """RFC 7292 appendix B.2 with SHA-256 for one key of 32 octets, for which a single block is enough."""
    # Appendix B.1: a string of 16-bit characters, big-endian, with a final null.
    text = passphrase.decode("utf-8").encode("utf-16-be") + b"\0\0"
    found = bytes([_MAC_KEY]) * _BLOCK_BYTES + _filled(salt) + _filled(text)
    for _ in range(rounds):
        found = hashlib.sha256(found).digest()
    return found


def _filled(value: bytes) -> bytes:
    """Copies of the value that fill whole blocks."""
    length = -(-len(value) // _BLOCK_BYTES) * _BLOCK_BYTES
    return (value * (length // len(value) + 1))[:length]
