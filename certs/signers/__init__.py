"""Signers: whoever holds an authority's private key, and signs with it. The key itself never comes out.

`Signer` is all that issuing needs, so that a key may live in an encrypted file (`certs.signers.file`), a
hardware module or a cloud's key service.
"""

from __future__ import annotations

from typing import Protocol

from certs.keys import PublicKey


class Signer(Protocol):
    """Holds one private key of a kind in `certs.keys.ALGORITHMS`."""

    def public_key(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Sign `data`; the signature as it stands in a certificate for this kind of key (`certs.keys`)."""
        ...
