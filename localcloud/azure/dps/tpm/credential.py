"""A symmetric key locked for one TPM: what DPS sends as `authenticationKey`.

A new HMAC key is duplicated to the storage root key (part 1, section 23.3) with an inner wrapper, whose key
in turn is a credential for that storage root key, made with the endorsement key (part 1, section 24,
TPM2_MakeCredential). So only the TPM that holds both private keys gets at it: TPM2_ActivateCredential, then
TPM2_Import. The parts and their order are those that the public device SDKs take apart
(azure-iot-sdk-csharp, security/tpm/src/SecurityProviderTpmHsm.cs, ActivateIdentityKey): identity object,
its secret, the duplicate, its seed, the HMAC key's public area, and a last buffer, which is left empty
here.
"""

import os
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from localcloud.azure.dps.tpm.public import StorageKey, digest
from localcloud.azure.dps.tpm.wire import sized

_KEYED_HASH, _HMAC, _SHA256 = 0x0008, 0x0005, 0x000B
_USER_WITH_AUTH, _SIGN = 1 << 6, 1 << 18
_INNER_KEY_BYTES = 16


@dataclass(frozen=True)
class _Sealed:
    """Data encrypted under a seed, its integrity code before it; and the seed, encrypted to a storage key."""

    blob: bytes
    secret: bytes


def lock(secret: bytes, endorsement: StorageKey, storage_root: StorageKey) -> bytes:
    """`secret` as an HMAC key (SHA-256) for the TPM with these two keys."""
    inner_key = os.urandom(_INNER_KEY_BYTES)
    identity = _seal(endorsement, b"IDENTITY\0", sized(inner_key), storage_root.name)
    area, sensitive = _hmac_key(secret)
    name = _SHA256.to_bytes(2, "big") + digest(hashes.SHA256(), area)
    integrity = sized(digest(hashes.SHA256(), sensitive + name))
    duplicate = _seal(storage_root, b"DUPLICATE\0", _cfb(inner_key, integrity + sensitive), name)
    parts = (identity.blob, identity.secret, duplicate.blob, duplicate.secret, area, b"")
    return b"".join(sized(part) for part in parts)


def _hmac_key(secret: bytes) -> tuple[bytes, bytes]:
    """TPMT_PUBLIC and TPM2B_SENSITIVE of a keyed-hash object (part 2, sections 12.2.4 and 12.3.2)."""
    seed = os.urandom(hashes.SHA256.digest_size)
    unique = digest(hashes.SHA256(), seed + secret)
    numbers = ((_KEYED_HASH, 2), (_SHA256, 2), (_USER_WITH_AUTH | _SIGN, 4))
    head = b"".join(value.to_bytes(size, "big") for value, size in numbers)
    scheme = _HMAC.to_bytes(2, "big") + _SHA256.to_bytes(2, "big")
    area = head + sized(b"") + scheme + sized(unique)
    sensitive = _KEYED_HASH.to_bytes(2, "big") + sized(b"") + sized(seed) + sized(secret)
    return area, sized(sensitive)


def _seal(key: StorageKey, label: bytes, plain: bytes, name: bytes) -> _Sealed:
    """The outer wrapper (part 1, section 22.4, annex C.6.3): encrypted, then authenticated with the name."""
    seed, secret = _seed(key, label)
    algorithm = key.hash_algorithm
    encrypted = _cfb(kdfa(algorithm, seed, b"STORAGE\0", name, key.cipher_bits), plain)
    code = hmac.HMAC(kdfa(algorithm, seed, b"INTEGRITY\0", b"", algorithm.digest_size * 8), algorithm)
    code.update(encrypted + name)
    return _Sealed(sized(code.finalize()) + encrypted, secret)


def _seed(key: StorageKey, label: bytes) -> tuple[bytes, bytes]:
    """A new seed, and its encryption to `key` (part 1, annexes B.10 and C.6)."""
    if isinstance(key.key, rsa.RSAPublicKey):
        seed = os.urandom(key.hash_algorithm.digest_size)
        scheme = padding.OAEP(padding.MGF1(key.hash_algorithm), key.hash_algorithm, label)
        return seed, key.key.encrypt(seed, scheme)
    return _agreed_seed(key.hash_algorithm, key.key, label)


def _agreed_seed(
    algorithm: hashes.HashAlgorithm, key: ec.EllipticCurvePublicKey, label: bytes
) -> tuple[bytes, bytes]:
    ephemeral = ec.generate_private_key(key.curve)
    size = (key.curve.key_size + 7) // 8
    ours, theirs = ephemeral.public_key().public_numbers(), key.public_numbers()
    x, y, their_x = (number.to_bytes(size, "big") for number in (ours.x, ours.y, theirs.x))
    agreed = ephemeral.exchange(ec.ECDH(), key)
    return kdfe(algorithm, agreed, label, x, their_x), sized(x) + sized(y)


def kdfa(algorithm: hashes.HashAlgorithm, key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """KDFa (part 1, section 11.4.10.2; NIST SP 800-108 counter mode); `label` ends in a zero byte."""
    made, counter = b"", 0
    while len(made) * 8 < bits:
        counter += 1
        code = hmac.HMAC(key, algorithm)
        code.update(counter.to_bytes(4, "big") + label + context + bits.to_bytes(4, "big"))
        made += code.finalize()
    return made[: bits // 8]


def kdfe(algorithm: hashes.HashAlgorithm, agreed: bytes, label: bytes, ours: bytes, theirs: bytes) -> bytes:
    """KDFe (part 1, section 11.4.10.3; NIST SP 800-56A) for one digest's length, so one round."""
    return digest(algorithm, b"\0\0\0\1" + agreed + label + ours + theirs)


def _cfb(key: bytes, data: bytes) -> bytes:
    """AES in CFB mode with an initial vector of zeros: each key is used once."""
    encryptor = Cipher(algorithms.AES(key), CFB(bytes(16))).encryptor()
    return encryptor.update(data) + encryptor.finalize()
