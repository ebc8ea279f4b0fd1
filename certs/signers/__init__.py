"""Signers: whoever holds an authority's private key, and signs with it. The key itself never comes out.

`Signer` is all that issuing needs, so that a key may live in an encrypted file (`certs.signers.file`), and
later in a cloud's key service or a hardware module.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec


class Signer(Protocol):
    """Holds one private key of ECDSA P-256."""

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Sign `data` (ECDSA P-256 over SHA-256); returns the DER signature (RFC 3279 section 2.2.3)."""
        ...
