"""Requests as DPS takes them, and chains that are not for this key, this device or this time."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent import certificates
from agent.assignment import Validity

NOW = datetime(2026, 11, 20, tzinfo=UTC)
START, END = NOW - timedelta(days=1), NOW + timedelta(days=7)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def issued(
    key: ec.EllipticCurvePublicKey, subject: str, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    made = x509.CertificateBuilder(name(issuer), name(subject), key, x509.random_serial_number(), START, END)
    return made.sign(signer, hashes.SHA384())


def chain_for(key: ec.EllipticCurvePrivateKey, subject: str = "sensor-1") -> list[x509.Certificate]:
    """Leaf, issuing CA, root."""
    root_key, issuing_key = certificates.new_key(), certificates.new_key()
    root = issued(root_key.public_key(), "root", "root", root_key)
    issuing = issued(issuing_key.public_key(), "issuing", "root", root_key)
    return [issued(key.public_key(), subject, "issuing", issuing_key), issuing, root]


def test_a_request_is_what_microsoft_asks_for() -> None:
    key = certificates.new_key()
    made = x509.load_der_x509_csr(base64.b64decode(certificates.request("sensor-1", key), validate=True))
    assert made.subject == name("sensor-1")
    assert made.public_key() == key.public_key()
    assert isinstance(key.curve, ec.SECP384R1)
    assert isinstance(made.signature_hash_algorithm, hashes.SHA384)


def test_a_good_chain() -> None:
    key = certificates.new_key()
    chain = chain_for(key)
    texts = [base64.b64encode(it.public_bytes(serialization.Encoding.DER)).decode() for it in chain]
    assert certificates.read_chain(texts) == tuple(chain)
    identity = certificates.checked(chain, key, "Sensor-1", NOW)
    assert identity.validity == Validity(START, END)
    shown = x509.load_pem_x509_certificates(identity.chain_pem())
    assert shown == chain[:2], "the root stays behind"
    assert "PRIVATE" not in repr(identity)


def test_what_is_not_for_this_device() -> None:
    key, other = certificates.new_key(), certificates.new_key()
    chain, strange = chain_for(key), chain_for(other)
    cases = {
        "another key": (strange, NOW),
        "not sensor-1": (chain_for(key, "sensor-2"), NOW),
        "does not hold together": ([chain[0], strange[1]], NOW),
        "ended at": (chain, END),
    }
    for words, (given_chain, now) in cases.items():
        with pytest.raises(ValueError, match=words):
            certificates.checked(given_chain, key, "sensor-1", now)


@given(
    st.none()
    | st.integers()
    | st.text()
    | st.lists(st.integers() | st.text(max_size=40), max_size=3)
    | st.just({})
)
def test_what_is_no_chain(said: object) -> None:
    with pytest.raises(ValueError, match="certificate chain"):
        certificates.read_chain(said)
