"""A TPM's endorsement key, as a device hands it over: base64 of a TPM2B_PUBLIC.

TCG TPM 2.0 Library, Part 2 "Structures": TPM2B_PUBLIC (12.2.5), TPMT_PUBLIC (12.2.4), TPMA_OBJECT (8.3),
TPMT_SYM_DEF_OBJECT (11.1.7), TPMS_RSA_PARMS (12.2.3.5), TPMS_ECC_PARMS (12.2.3.6). Integers are big-endian.
An endorsement key is a restricted decryption key (TCG EK Credential Profile, B.3)."""

from __future__ import annotations

import base64
import struct

RSA, ECC = 0x0001, 0x0023
NULL = 0x0010
NAME_ALGORITHMS = frozenset({0x0004, 0x000B, 0x000C, 0x000D})
"""SHA-1, SHA-256, SHA-384, SHA-512."""
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18
_RIGHT = (
    "the base64 text of the TPM2B_PUBLIC that the device's TPM gives as its endorsement key would be right"
)


def endorsement_key(text: str) -> str | None:
    """A rule: what is wrong with an endorsement key, and what would be right; None when it is one."""
    try:
        _read(base64.b64decode("".join(text.split()), validate=True))
    except ValueError:  # binascii.Error is one, and what is not ASCII is another
        return f"it is no base64; {_RIGHT}"
    except _NoKeyError as wrong:
        return f"{wrong}; {_RIGHT}"
    return None


class _NoKeyError(Exception):
    """The bytes are no endorsement key; the text says where they stop being one."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str, what: str) -> int:
        """The next unsigned integer, of the form `H` (2 bytes) or `I` (4 bytes)."""
        size = struct.calcsize(f">{form}")
        return int(struct.unpack(f">{form}", self.take(size, what))[0])

    def sized(self, what: str) -> bytes:
        """The next TPM2B: two bytes of length, and that many more."""
        return self.take(self.number("H", what), what)

    def take(self, size: int, what: str) -> bytes:
        """The next bytes."""
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise _NoKeyError(f"it ends within its {what}")
        self._at += size
        return found

    def done(self) -> bool:
        return self._at == len(self._data)


def _read(data: bytes) -> None:
    outer = _Reader(data)
    public = _Reader(outer.sized("length"))
    if not outer.done():
        raise _NoKeyError("it is longer than its first two bytes say")
    kind = public.number("H", "type")
    if kind not in (RSA, ECC):
        raise _NoKeyError(f"its type is 0x{kind:04x}, neither RSA (0x0001) nor ECC (0x0023)")
    if (name := public.number("H", "name algorithm")) not in NAME_ALGORITHMS:
        raise _NoKeyError(f"its name algorithm 0x{name:04x} is no hash of a TPM")
    _attributes(public.number("I", "attributes"))
    public.sized("policy")
    _symmetric(public)
    (_rsa if kind == RSA else _ecc)(public)
    if not public.done():
        raise _NoKeyError("bytes follow after its public key")


def _attributes(bits: int) -> None:
    if not (bits & RESTRICTED and bits & DECRYPT) or bits & SIGN:
        raise _NoKeyError(
            "it is a key of a TPM, but not an endorsement key (restricted, for decryption only)"
        )


def _symmetric(public: _Reader) -> None:
    if public.number("H", "symmetric algorithm") != NULL:
        public.take(4, "symmetric algorithm")


def _scheme(public: _Reader) -> None:
    if public.number("H", "scheme") != NULL:
        public.take(2, "scheme")


def _rsa(public: _Reader) -> None:
    _scheme(public)
    bits = public.number("H", "key size")
    public.number("I", "exponent")
    if (size := len(public.sized("modulus"))) * 8 != bits:
        raise _NoKeyError(f"its modulus has {size * 8} bits, where {bits} are announced")


def _ecc(public: _Reader) -> None:
    _scheme(public)
    public.number("H", "curve")
    _scheme(public)  # the key derivation function has the same form
    if not public.sized("x coordinate") or not public.sized("y coordinate"):
        raise _NoKeyError("its point has no coordinates")
