"""Keys of TPMs: read, refused, and used to lock a key for one TPM alone."""

import base64
import hmac
import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.dps.tpm.credential import lock
from localcloud.azure.dps.tpm.public import read_key
from localcloud.azure.dps.tpm.wire import TpmKeyError

from .conftest import result_of
from .software_tpm import EK_POLICY, Key, SoftwareTpm, WrongTpmError, buffer

CURVE = Key(ec.generate_private_key(ec.SECP256R1()), EK_POLICY)
RSA = Key(rsa.generate_private_key(65537, 2048), EK_POLICY)


@pytest.mark.parametrize("endorsement", [CURVE, RSA], ids=["curve", "rsa"])
@pytest.mark.parametrize("root", [CURVE, RSA], ids=["curve", "rsa"])
def test_only_the_tpm_itself_unlocks(endorsement: Key, root: Key) -> None:
    secret = os.urandom(32)
    locked = base64.b64encode(lock(secret, read_key(endorsement.text), read_key(root.text))).decode()
    tpm = SoftwareTpm(endorsement, root)
    tpm.activate(locked)
    assert tpm.sign(b"x") == hmac.new(secret, b"x", "sha256").digest()
    other = Key(ec.generate_private_key(ec.SECP256R1()))
    for stranger in (SoftwareTpm(other, root), SoftwareTpm(endorsement, other)):
        with pytest.raises((WrongTpmError, AssertionError)):
            stranger.activate(locked)


def test_a_name_is_the_hash_of_the_area() -> None:
    assert read_key(CURVE.text).name == CURVE.name
    assert read_key(RSA.text).name == RSA.name


def _changed(key: Key, at: int, new: bytes) -> str:
    area = key.area[:at] + new + key.area[at + len(new) :]
    return base64.b64encode(buffer(area)).decode()


REFUSED: list[tuple[str, Callable[[], str], str]] = [
    ("no base64", lambda: "?!", "not base64"),
    ("empty", lambda: "", "ends after 0 bytes"),
    ("a PEM key", lambda: base64.b64encode(b"-----BEGIN PUBLIC KEY-----").decode(), "ends after"),
    ("too long", lambda: "A" * 5000, "5000 characters"),
    ("a symmetric object", lambda: _changed(CURVE, 0, b"\0\x08"), "type is 0x0008"),
    ("SHA-1 names", lambda: _changed(CURVE, 2, b"\0\x04"), "name algorithm is 0x0004"),
    ("a signing key", lambda: _changed(CURVE, 4, b"\0\x07\0\x32"), "restricted decryption key"),
    ("no cipher below it", lambda: _changed(CURVE, 42, b"\0\x10"), "symmetric algorithm is 0x0010"),
    ("CBC", lambda: _changed(CURVE, 46, b"\0\x42"), "in CFB mode"),
    ("a scheme", lambda: _changed(CURVE, 48, b"\0\x18"), "has a scheme"),
    ("another curve", lambda: _changed(CURVE, 50, b"\0\x20"), "curve is 0x0020"),
    ("off the curve", lambda: _changed(CURVE, 56, b"\1" * 8), "not on the curve"),
    ("1024 bits", lambda: _changed(RSA, 50, b"\4\0"), "1024 bits of RSA"),
    ("even exponent", lambda: _changed(RSA, 52, b"\0\0\0\4"), "no RSA key"),
    ("more after it", lambda: base64.b64encode(buffer(CURVE.area) + b"x").decode(), "1 bytes too many"),
    ("more in it", lambda: base64.b64encode(buffer(CURVE.area + b"x")).decode(), "1 bytes too many"),
]


@pytest.mark.parametrize(("text", "words"), [it[1:] for it in REFUSED], ids=[it[0] for it in REFUSED])
def test_what_is_no_key_of_a_tpm(text: Callable[[], str], words: str) -> None:
    with pytest.raises(TpmKeyError, match=words):
        read_key(text())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_key_or_a_fault(data: bytes) -> None:
    with pytest.raises(TpmKeyError):
        read_key(base64.b64encode(data).decode())


@given(st.integers(0, len(CURVE.area) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_key_is_another_key_or_a_fault(at: int, new: bytes) -> None:
    text = _changed(CURVE, at, new[: len(CURVE.area) - at])
    found = result_of(lambda: read_key(text), TpmKeyError)
    if isinstance(found, TpmKeyError):
        assert str(found)
    else:
        assert (found.name == CURVE.name) == (text == CURVE.text)
