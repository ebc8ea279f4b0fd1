"""The signer whose key came from an encrypted file and lives in this process."""

from __future__ import annotations

from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certs.errors import SignerError, UnsupportedKeyError


class FileSigner:
    """Signs with a private key in memory; shows and pickles nothing of it."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise UnsupportedKeyError(key.curve.name)
        self._key = key

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign `data` with ECDSA P-256 over SHA-256; returns the DER signature."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def __repr__(self) -> str:
        return "FileSigner()"

    def __reduce__(self) -> NoReturn:
        raise SignerError("a signer is not copied between processes: open the key store there")
