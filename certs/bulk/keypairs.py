"""New key pairs of one kind, as the bytes that issuing needs: PKCS#8, and what a certificate says of the key.

A key's SubjectPublicKeyInfo (RFC 5280 section 4.1) is a head that is the same for every key of the kind, then
the public key proper. PKCS#8 of elliptic curves ends with that (RFC 5915), so that one encoding gives both;
for other kinds the public half is encoded too. Both shapes are learnt from one key and hold for every other:
a key that differs in length or in a fixed byte is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs.bulk.errors import TemplateError
from certs.keys import ALGORITHMS, Algorithm, PrivateKey, PublicKey, supported_private

_DER, _PKCS8 = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
_SPKI, _CLEAR = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.NoEncryption()
_UNCOMPRESSED = 4
"""SEC 1 section 2.3.3: the first byte of a point with both coordinates."""


class PublicShape:
    """The form of the public keys of one kind."""

    def __init__(self, algorithm: Algorithm) -> None:
        whole = encoded(sample(algorithm).public_key())
        digest = identifier(sample(algorithm).public_key())
        starts = [at for at in range(len(whole)) if hashlib.sha1(whole[at:]).digest() == digest]  # noqa: S324  RFC 5280's key identifier
        if len(starts) != 1:
            raise TemplateError(f"{algorithm.title}: a public key's encoding has an unknown form")
        self.head = whole[: starts[0]]
        self.length = len(whole) - starts[0]
        self._title = algorithm.title
        self._point = algorithm.name.startswith("ec-")

    def cut(self, info: bytes) -> bytes:
        """The public key proper of a SubjectPublicKeyInfo; raises TemplateError when it has another form."""
        head = len(self.head)
        if not info.startswith(self.head):
            raise TemplateError(f"a public key is not of kind {self._title}")
        return self.checked(info[head:])

    def checked(self, public: bytes) -> bytes:
        """The public key proper, of the right length and form; raises TemplateError."""
        if len(public) != self.length or (self._point and public[0] != _UNCOMPRESSED):
            raise TemplateError(f"a public key of kind {self._title} has another form than the first one")
        return public


class KeyPairs:
    """Makes key pairs of one kind."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.shape = PublicShape(algorithm)
        self._generate: Callable[[], PrivateKey] = algorithm.generate
        self._title = algorithm.title
        first = sample(algorithm)
        private = first.private_bytes(_DER, _PKCS8, _CLEAR)
        self._length = len(private)
        self._inside = False
        if isinstance(first, ec.EllipticCurvePrivateKey):
            self._inside = True
            self._learn(private, first.private_numbers().private_value, first.curve.key_size)

    def new(self) -> tuple[bytes, bytes]:
        """A new key: its PKCS#8 in DER, not encrypted, and its public key proper."""
        key = self._generate()
        private = key.private_bytes(_DER, _PKCS8, _CLEAR)
        if not self._inside:
            return private, self.shape.cut(encoded(key.public_key()))
        if (
            len(private) != self._length
            or not private.startswith(self._head)
            or not private.startswith(self._middle, self._middle_at)
        ):
            raise TemplateError(f"a private key of kind {self._title} has another form than the first one")
        return private, self.shape.checked(private[-self.shape.length :])

    def check(self, private: bytes, public: bytes) -> None:
        """Parse a key that was made here: both halves belong together. Raises TemplateError."""
        key = serialization.load_der_private_key(private, None)
        if encoded(supported_private(key).public_key()) != self.shape.head + public:
            raise TemplateError(f"a key of kind {self._title} does not belong to its public half")

    def _learn(self, private: bytes, secret: int, bits: int) -> None:
        number = secret.to_bytes((bits + 7) // 8, "big")
        at = private.index(number)
        self._head = private[:at]
        self._middle_at = at + len(number)
        self._middle = private[self._middle_at : -self.shape.length]
        if self._middle_at + len(self._middle) + self.shape.length != len(private):
            raise TemplateError(f"{self._title}: a private key does not end with the public one")


def encoded(public_key: PublicKey) -> bytes:
    """The SubjectPublicKeyInfo, in DER."""
    return public_key.public_bytes(_DER, _SPKI)


def sample(algorithm: Algorithm, which: int = 0) -> PrivateKey:
    """A key that shapes are learnt from, and nothing else; made once, since making one of RSA takes long."""
    return _sample(algorithm.name, which)


@lru_cache
def _sample(name: str, which: int) -> PrivateKey:  # noqa: ARG001  tells samples apart
    return ALGORITHMS[name].generate()


def identifier(public_key: PublicKey) -> bytes:
    """The subject key identifier that the builder gives a key (RFC 5280 section 4.2.1.2, method 1)."""
    return x509.SubjectKeyIdentifier.from_public_key(public_key).digest
