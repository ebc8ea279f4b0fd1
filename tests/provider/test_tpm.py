"""Endorsement keys: true ones pass, everything else is told where it stops being one."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from provider.handlers.individual_enrollment import IndividualEnrollment
from provider.handlers.tpm import endorsement_key

ATTRIBUTES = 0x000300B2
"""fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt: the usual template."""


def public(kind: int, rest: bytes, attributes: int = ATTRIBUTES, name: int = 0x000B) -> bytes:
    body = struct.pack(">HHIH", kind, name, attributes, 32) + bytes(32) + rest
    return struct.pack(">H", len(body)) + body


def rsa_rest(bits: int = 2048) -> bytes:
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n.to_bytes(256, "big")
    return struct.pack(">HHHHHIH", 0x0006, 128, 0x0043, 0x0010, bits, 0, len(modulus)) + modulus


def ecc_rest() -> bytes:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
    head = struct.pack(">HHHHHH", 0x0006, 128, 0x0043, 0x0010, 0x0003, 0x0010)
    return head + struct.pack(">H", 32) + x + struct.pack(">H", 32) + y


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_true_keys_pass() -> None:
    assert endorsement_key(text(public(0x0001, rsa_rest()))) is None
    wrapped = base64.encodebytes(public(0x0023, ecc_rest())).decode()
    assert endorsement_key(wrapped) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it ends within its length"),
        (b"\x00\x04abc", "it ends within its length"),
        (b"\x00\x02\x00\x01\x00", "it is longer than its first two bytes say"),
        (b"\x00\x02\x00\x08", "its type is 0x0008"),
        (public(0x0001, b"", name=0x0012), "its name algorithm 0x0012"),
        (public(0x0001, b"", attributes=0x00050072), "it is a key of a TPM, but not an endorsement key"),
        (public(0x0001, b""), "it ends within its symmetric algorithm"),
        (public(0x0001, rsa_rest(bits=3072)), "its modulus has 2048 bits, where 3072 are announced"),
        (public(0x0001, rsa_rest() + b"x"), "bytes follow after its public key"),
        (public(0x0023, ecc_rest()[:-1]), "it ends within its y coordinate"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",  # keys differ from process to process
)
def test_what_is_none_is_told(data: bytes, said: str) -> None:
    fault = endorsement_key(text(data))
    assert fault is not None
    assert fault.startswith(said)
    assert "would be right" in fault


@given(st.one_of(st.text(), st.binary(max_size=400).map(text)))
def test_any_text_gets_an_answer(given_text: str) -> None:
    assert "would be right" in (endorsement_key(given_text) or "")


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_broken_key_gets_an_answer(at: int, byte: int) -> None:
    data = bytearray(KEY)
    data[at % len(data)] = byte
    fault = endorsement_key(text(bytes(data)))
    assert fault is None or "would be right" in fault


KEY = public(0x0023, ecc_rest())


def test_an_enrollment_by_tpm(
    individuals: IndividualEnrollment, life: Any, cloud: Any, device_inputs: dict[str, Any]
) -> None:
    one = life(individuals)
    given_inputs = {
        **device_inputs,
        "symmetricKey": False,
        "endorsementKey": base64.encodebytes(KEY).decode(),
    }
    one.create(given_inputs)
    assert cloud.individuals["truck-7"]["attestation"] == {
        "type": "tpm",
        "tpm": {"endorsementKey": text(KEY)},
    }
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    (fault,) = individuals.check({**given_inputs, "endorsementKey": text(b"none")}).faults
    assert fault.path == "endorsementKey"
