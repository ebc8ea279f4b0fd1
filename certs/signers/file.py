"""The signer whose key came from an encrypted file and lives in this process."""

from __future__ import annotations

from typing import NoReturn

from certs import keys
from certs.errors import SignerError
from certs.keys import PrivateKey, PublicKey


class FileSigner:
    """Signs with a private key in memory; shows and pickles nothing of it."""

    __slots__ = ("_key", "_sign")

    def __init__(self, key: PrivateKey) -> None:
        self._key = keys.supported_private(key)
        self._sign = keys.signing(self._key)

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign `data`; the signature as it stands in a certificate."""
        return self._sign(data)

    def __repr__(self) -> str:
        return "FileSigner()"

    def __reduce__(self) -> NoReturn:
        raise SignerError("a signer is not copied between processes: open the key store there")
