"""A TPM's storage keys as it publishes them: TPM2B_PUBLIC (part 2, section 12.2), RSA or elliptic curve.

Endorsement keys and storage root keys are restricted decryption keys with a symmetric cipher for what lies
below them (TCG EK Credential Profile for TPM 2.0, annex B: the templates); only such keys can take a
challenge.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from localcloud.azure.dps.tpm.wire import Reader, TpmKeyError

RSA, ECC, NULL = 0x0001, 0x0023, 0x0010
AES, CFB = 0x0006, 0x0043
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18
HASHES: dict[int, type[hashes.HashAlgorithm]] = {
    0x000B: hashes.SHA256,
    0x000C: hashes.SHA384,
    0x000D: hashes.SHA512,
}
CURVES: dict[int, type[ec.EllipticCurve]] = {
    0x0003: ec.SECP256R1,
    0x0004: ec.SECP384R1,
    0x0005: ec.SECP521R1,
}
_RSA_BITS = (2048, 3072, 4096)
_USUAL_EXPONENT = 65537
_LONGEST_TEXT = 4096


@dataclass(frozen=True)
class StorageKey:
    """A restricted decryption key of a TPM. `name` identifies it: hash algorithm and hash of the area."""

    area: bytes
    name: bytes
    hash_algorithm: hashes.HashAlgorithm
    cipher_bits: int
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def read_key(text: str) -> StorageKey:
    """The key in base64 of a TPM2B_PUBLIC, as DPS' APIs carry it. Raises TpmKeyError."""
    if len(text) > _LONGEST_TEXT:
        raise TpmKeyError(f"it has {len(text)} characters, more than {_LONGEST_TEXT}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise TpmKeyError("it is not base64") from fault
    outer = Reader(data)
    area = outer.buffer()
    outer.finish()
    return read_area(area)


def read_area(area: bytes) -> StorageKey:
    """The key in a TPMT_PUBLIC. Raises TpmKeyError."""
    reader = Reader(area)
    kind = reader.number(2)
    if kind not in (RSA, ECC):
        raise TpmKeyError(f"its type is {kind:#06x}, neither RSA (0x0001) nor elliptic curve (0x0023)")
    name_algorithm = reader.number(2)
    if name_algorithm not in HASHES:
        raise TpmKeyError(f"its name algorithm is {name_algorithm:#06x}, not SHA-256, SHA-384 or SHA-512")
    _check_attributes(reader.number(4))
    reader.buffer()  # the policy that guards its use, which only its TPM needs
    cipher_bits = _cipher(reader)
    key = _rsa(reader) if kind == RSA else _curve(reader)
    reader.finish()
    algorithm = HASHES[name_algorithm]()
    name = name_algorithm.to_bytes(2, "big") + digest(algorithm, area)
    return StorageKey(area, name, algorithm, cipher_bits, key)


def digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    """The hash of `data`."""
    state = hashes.Hash(algorithm)
    state.update(data)
    return state.finalize()


def _check_attributes(attributes: int) -> None:
    if not (attributes & RESTRICTED and attributes & DECRYPT) or attributes & SIGN:
        raise TpmKeyError("its attributes are not those of a restricted decryption key")


def _cipher(reader: Reader) -> int:
    algorithm = reader.number(2)
    if algorithm != AES:
        raise TpmKeyError(f"its symmetric algorithm is {algorithm:#06x}, not AES (0x0006)")
    bits, mode = reader.number(2), reader.number(2)
    if bits not in (128, 192, 256) or mode != CFB:
        raise TpmKeyError("its symmetric algorithm is not AES of 128, 192 or 256 bits in CFB mode")
    return bits


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    _no_scheme(reader)
    bits, exponent = reader.number(2), reader.number(4) or _USUAL_EXPONENT
    modulus = reader.buffer()
    if bits not in _RSA_BITS or len(modulus) * 8 != bits or not modulus[0] & 0x80:
        raise TpmKeyError(f"it says {bits} bits of RSA, and has a modulus of {len(modulus)} bytes")
    try:
        return rsa.RSAPublicNumbers(exponent, int.from_bytes(modulus, "big")).public_key()
    except ValueError as fault:
        raise TpmKeyError(f"it is no RSA key: {fault}") from fault


def _curve(reader: Reader) -> ec.EllipticCurvePublicKey:
    _no_scheme(reader)
    identifier = reader.number(2)
    _no_scheme(reader)
    if identifier not in CURVES:
        raise TpmKeyError(f"its curve is {identifier:#06x}, not P-256, P-384 or P-521")
    x, y = (int.from_bytes(reader.buffer(), "big") for _ in "xy")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, CURVES[identifier]()).public_key()
    except ValueError as fault:
        raise TpmKeyError(f"its point is not on the curve: {fault}") from fault


def _no_scheme(reader: Reader) -> None:
    """A restricted decryption key has none (part 2, section 12.2.3.5)."""
    if reader.number(2) != NULL:
        raise TpmKeyError("it has a scheme, which a restricted decryption key must not have")
