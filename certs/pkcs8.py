"""Encrypted PKCS#8 with a key derivation that is slow on purpose.

`cryptography` writes PBKDF2 with 2,048 rounds and no way to ask for more, which a graphics card guesses
through quickly. So the EncryptedPrivateKeyInfo is put together here: PBES2 with scrypt and AES-256-CBC (RFC
5958, RFC 7914 section 7, RFC 8018). It is a standard file: `cryptography` and `openssl pkey` read it.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certs.errors import DamagedKeyError, WrongPassphraseError
from certs.keys import PrivateKey

COST, BLOCK_SIZE, PARALLELISM = 1 << 14, 8, 5
"""scrypt's parameters: OWASP's choice for 16 MiB, the most that OpenSSL's limit of memory lets it read."""

_BEGIN, _END = (f"-----{word} ENCRYPTED PRIVATE KEY-----" for word in ("BEGIN", "END"))

_PBES2 = x509.ObjectIdentifier("1.2.840.113549.1.5.13")
_SCRYPT = x509.ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES256_CBC = x509.ObjectIdentifier("2.16.840.1.101.3.4.1.42")
_KEY_BYTES, _SALT_BYTES, _IV_BYTES, _BLOCK_BITS = 32, 16, 16, 128


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block_size: int
    parallelism: int
    key_length: int


@asn1.sequence
class _Derivation:
    algorithm: x509.ObjectIdentifier
    parameters: _ScryptParameters


@asn1.sequence
class _Encryption:
    algorithm: x509.ObjectIdentifier
    iv: bytes


@asn1.sequence
class _Parameters:
    derivation: _Derivation
    encryption: _Encryption


@asn1.sequence
class _Algorithm:
    algorithm: x509.ObjectIdentifier
    parameters: _Parameters


@asn1.sequence
class _EncryptedPrivateKeyInfo:
    algorithm: _Algorithm
    data: bytes


@asn1.sequence
class _Envelope:
    """An EncryptedPrivateKeyInfo of any algorithm."""

    algorithm: asn1.TLV
    data: bytes


def encrypt(key: PrivateKey, passphrase: bytes) -> bytes:
    """The private key as encrypted PKCS#8, in PEM. Takes about 0.2 s by design."""
    salt, iv = os.urandom(_SALT_BYTES), os.urandom(_IV_BYTES)
    derived = Scrypt(salt=salt, length=_KEY_BYTES, n=COST, r=BLOCK_SIZE, p=PARALLELISM).derive(passphrase)
    clear = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    parameters = _ScryptParameters(
        salt=salt, cost=COST, block_size=BLOCK_SIZE, parallelism=PARALLELISM, key_length=_KEY_BYTES
    )
    algorithm = _Algorithm(
        algorithm=_PBES2,
        parameters=_Parameters(
            derivation=_Derivation(algorithm=_SCRYPT, parameters=parameters),
            encryption=_Encryption(algorithm=_AES256_CBC, iv=iv),
        ),
    )
    return _pem(asn1.encode_der(_EncryptedPrivateKeyInfo(algorithm=algorithm, data=_aes(clear, derived, iv))))


def decrypt(data: bytes, passphrase: bytes, where: str) -> PrivateKeyTypes:
    """The private key of an encrypted PKCS#8 file, whoever wrote it; `where` names the file in errors.

    Raises DamagedKeyError when it is no such file, WrongPassphraseError when it is but does not open.
    """
    der = _body(data, where)
    try:
        return serialization.load_der_private_key(der, passphrase)
    except UnsupportedAlgorithm as error:
        raise DamagedKeyError(f"{where}: encrypted in a way that cannot be read: {error}") from error
    except (ValueError, TypeError):
        # `from None`: the library's text adds nothing. A wrong key can also look like broken padding or
        # broken DER.
        raise WrongPassphraseError(f"{where}: the passphrase does not open it") from None


def _body(data: bytes, where: str) -> bytes:
    text = data.decode("ascii", errors="replace").strip()
    try:
        if not (text.startswith(_BEGIN) and text.endswith(_END)):
            raise ValueError("no such label")
        der = b64decode("".join(text.split("\n")[1:-1]), validate=True)
        asn1.decode_der(_Envelope, der)
    except ValueError as error:
        raise DamagedKeyError(f"{where}: no encrypted PKCS#8 file; restore it from a backup") from error
    return der


def _aes(clear: bytes, key: bytes, iv: bytes) -> bytes:
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(clear) + padder.finalize()) + encryptor.finalize()


def _pem(der: bytes) -> bytes:
    body = b64encode(der).decode("ascii")
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode("ascii")
