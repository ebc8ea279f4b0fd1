"""A TPM 2.0 in software, the device's half: keys, TPM2_ActivateCredential, TPM2_Import, TPM2_HMAC.

Written from the specification (TPM 2.0 Library, part 1: 11.4.10, 22.4, 23.3, 24) apart from the
service's half, with which it shares no code.
"""

import base64
import hashlib
import hmac
import struct
from typing import Any

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

EK_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_STORAGE_KEY = 1 << 16 | 1 << 17 | 1 << 5 | 1 << 4 | 1 << 1
_AES_128_CFB = struct.pack(">HHH", 0x0006, 128, 0x0043)
_NULL = struct.pack(">H", 0x0010)


class WrongTpmError(Exception):
    """TPM_RC_INTEGRITY: what came was not made for this TPM."""


def buffer(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def cut(data: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack(">H", data[:2])
    assert len(data) >= 2 + size
    return data[2 : 2 + size], data[2 + size :]


class Key:
    """A restricted decryption key; `private` is RSA-2048 or P-256."""

    def __init__(self, private: Any, policy: bytes = b"") -> None:
        self.private = private
        kind = 0x0001 if isinstance(private, rsa.RSAPrivateKey) else 0x0023
        head = struct.pack(">HHI", kind, 0x000B, _STORAGE_KEY) + buffer(policy) + _AES_128_CFB + _NULL
        self.area = head + (self._rsa() if kind == 0x0001 else self._curve())

    def _rsa(self) -> bytes:
        modulus = self.private.public_key().public_numbers().n
        return struct.pack(">HI", 2048, 0) + buffer(modulus.to_bytes(256, "big"))

    def _curve(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        point = buffer(numbers.x.to_bytes(32, "big")) + buffer(numbers.y.to_bytes(32, "big"))
        return struct.pack(">H", 0x0003) + _NULL + point

    @property
    def text(self) -> str:
        """Base64 of TPM2B_PUBLIC."""
        return base64.b64encode(buffer(self.area)).decode()

    @property
    def name(self) -> bytes:
        return b"\0\x0b" + hashlib.sha256(self.area).digest()

    def seed(self, secret: bytes, label: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label + b"\0")
            return self.private.decrypt(secret, scheme)
        x, rest = cut(secret)
        y, rest = cut(rest)
        assert rest == b""
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
        shared = self.private.exchange(ec.ECDH(), numbers.public_key())
        own = self.private.public_key().public_numbers().x.to_bytes(32, "big")
        return hashlib.sha256(b"\0\0\0\1" + shared + label + b"\0" + x + own).digest()

    def open(self, blob: bytes, secret: bytes, label: bytes, name: bytes) -> bytes:
        """The outer wrapper off, its integrity checked."""
        try:
            seed = self.seed(secret, label)
        except ValueError as fault:
            raise WrongTpmError from fault
        integrity, encrypted = cut(blob)
        code = hmac.new(_kdfa(seed, b"INTEGRITY", b"", 256), encrypted + name, hashlib.sha256).digest()
        if not hmac.compare_digest(code, integrity):
            raise WrongTpmError
        return _decrypt(_kdfa(seed, b"STORAGE", name, 128), encrypted)


class SoftwareTpm:
    """Endorsement key, storage root key, and after `activate` the HMAC key that it was sent."""

    def __init__(self, endorsement: Key, storage_root: Key) -> None:
        self.endorsement = endorsement
        self.storage_root = storage_root
        self._key = b""

    def activate(self, authentication_key: str) -> None:
        """Take apart and import what DPS sent (TPM2_ActivateCredential, TPM2_Import, TPM2_Load)."""
        parts, rest = [], base64.b64decode(authentication_key)
        while rest:
            part, rest = cut(rest)
            parts.append(part)
        identity, secret, duplicate, seed, area, last = parts
        assert last == b""
        inner, rest = cut(self.endorsement.open(identity, secret, b"IDENTITY", self.storage_root.name))
        assert rest == b""
        name = b"\0\x0b" + hashlib.sha256(area).digest()
        wrapped = _decrypt(inner, self.storage_root.open(duplicate, seed, b"DUPLICATE", name))
        integrity, sensitive = cut(wrapped)
        assert integrity == hashlib.sha256(sensitive + name).digest()
        self._key = _secret_of(area, sensitive)

    def sign(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()


def _secret_of(area: bytes, sensitive: bytes) -> bytes:
    """The key in a TPM2B_SENSITIVE, which must fit the public area: unique = H(seed, key)."""
    inside, rest = cut(sensitive)
    assert (inside[:2], rest) == (b"\0\x08", b"")
    _authorization, inside = cut(inside[2:])
    seed, inside = cut(inside)
    key, rest = cut(inside)
    assert rest == b""
    assert area[:4] == b"\0\x08\0\x0b"
    assert area[-34:] == buffer(hashlib.sha256(seed + key).digest())
    return key


def _kdfa(key: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    text = struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits)
    return hmac.new(key, text, hashlib.sha256).digest()[: bits // 8]


def _decrypt(key: bytes, data: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), CFB(bytes(16))).decryptor()
    return decryptor.update(data) + decryptor.finalize()
