"""The kinds of keys that certificates are made with and signed by, as data.

Signatures as X.509 wants them: ECDSA in DER (RFC 3279 section 2.2.3) over the hash of the curve's strength
(RFC 5480), RSA by PKCS #1 v1.5 over SHA-256 (RFC 4055), Ed25519 (RFC 8410) and ML-DSA (RFC 9881) over the
text itself.
ML-DSA is experimental: no cloud takes it yet (`certs.clouds`), and not every tool reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from certs.errors import UnsupportedKeyError

PrivateKey: TypeAlias = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
)
PublicKey: TypeAlias = (
    ec.EllipticCurvePublicKey
    | rsa.RSAPublicKey
    | ed25519.Ed25519PublicKey
    | mldsa.MLDSA44PublicKey
    | mldsa.MLDSA65PublicKey
)

_RSA_EXPONENT = 65537


@dataclass(frozen=True)
class Algorithm:
    """One kind of key. `hash` is what its signatures in certificates go over; None: over the text itself."""

    name: str
    title: str
    generate: Callable[[], PrivateKey]
    hash: hashes.HashAlgorithm | None
    experimental: bool = False


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        each.name: each
        for each in (
            Algorithm(
                "ec-p256", "ECDSA P-256", lambda: ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
            ),
            Algorithm(
                "ec-p384", "ECDSA P-384", lambda: ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()
            ),
            Algorithm(
                "rsa-2048",
                "RSA 2048",
                lambda: rsa.generate_private_key(_RSA_EXPONENT, 2048),
                hashes.SHA256(),
            ),
            Algorithm(
                "rsa-3072",
                "RSA 3072",
                lambda: rsa.generate_private_key(_RSA_EXPONENT, 3072),
                hashes.SHA256(),
            ),
            Algorithm("ed25519", "Ed25519", ed25519.Ed25519PrivateKey.generate, None),
            Algorithm("ml-dsa-44", "ML-DSA-44", mldsa.MLDSA44PrivateKey.generate, None, experimental=True),
            Algorithm("ml-dsa-65", "ML-DSA-65", mldsa.MLDSA65PrivateKey.generate, None, experimental=True),
        )
    }
)
DEFAULT = ALGORITHMS["ec-p256"]

_BY_CURVE = {"secp256r1": "ec-p256", "secp384r1": "ec-p384"}
_BY_KIND: Mapping[type, str] = {
    ed25519.Ed25519PublicKey: "ed25519",
    mldsa.MLDSA44PublicKey: "ml-dsa-44",
    mldsa.MLDSA65PublicKey: "ml-dsa-65",
}


def algorithm_of(public_key: PublicKeyTypes) -> Algorithm:
    """The kind of a public key; raises UnsupportedKeyError for any that `ALGORITHMS` does not hold."""
    found = _described(public_key)
    if found not in ALGORITHMS:
        raise UnsupportedKeyError(found, ALGORITHMS)
    return ALGORITHMS[found]


def supported_private(key: PrivateKeyTypes) -> PrivateKey:
    """The key, typed as one of `ALGORITHMS`; raises UnsupportedKeyError."""
    algorithm_of(key.public_key())
    assert isinstance(key, PrivateKey)
    return key


def supported_public(key: PublicKeyTypes) -> PublicKey:
    """The key, typed as one of `ALGORITHMS`; raises UnsupportedKeyError."""
    algorithm_of(key)
    assert isinstance(key, PublicKey)
    return key


def sign(key: PrivateKey, data: bytes) -> bytes:
    """The signature over `data` as it stands in a certificate; raises UnsupportedKeyError."""
    return signing(key)(data)


def signing(key: PrivateKey) -> Callable[[bytes], bytes]:
    """What signs with a key, for whoever signs often: its kind is judged once. Raises UnsupportedKeyError."""
    algorithm = algorithm_of(key.public_key())
    if algorithm.hash is None:
        assert isinstance(key, ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey)
        return key.sign
    if isinstance(key, rsa.RSAPrivateKey):
        return partial(key.sign, padding=padding.PKCS1v15(), algorithm=algorithm.hash)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return partial(key.sign, signature_algorithm=ec.ECDSA(algorithm.hash))


def verify(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Check what `sign` gives; raises InvalidSignature, UnsupportedKeyError."""
    algorithm = algorithm_of(key)
    if algorithm.hash is None:
        assert isinstance(key, ed25519.Ed25519PublicKey | mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey)
        key.verify(signature, data)
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), algorithm.hash)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, data, ec.ECDSA(algorithm.hash))


@lru_cache
def throwaway(algorithm: str) -> PrivateKey:
    """A key of this kind that only shapes what others sign; made once, since making one of RSA takes long."""
    return ALGORITHMS[algorithm].generate()


def _described(key: PublicKeyTypes) -> str:
    """A name of `ALGORITHMS`, or what else the key is."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _BY_CURVE.get(key.curve.name, key.curve.name)
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    return next((name for kind, name in _BY_KIND.items() if isinstance(key, kind)), type(key).__name__)
