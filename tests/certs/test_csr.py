"""Requests: what they prove, what is refused, and that they decide nothing but whose key it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import assemble, csr, issue, profiles
from certs.chain import verify_leaf
from certs.checks import extension
from certs.errors import CertsError, IssueError, RequestError, UnreadableError
from certs.keys import ALGORITHMS
from certs.signers.file import FileSigner

DER = serialization.Encoding.DER


def request(
    *names: str, key: Any = None, extra: tuple[x509.ExtensionType, ...] = (), hash_: Any = None
) -> x509.CertificateSigningRequest:
    """A request by `cryptography`'s builder alone."""
    made = key or ec.generate_private_key(ec.SECP256R1())
    with warnings.catch_warnings(action="ignore"):  # of names too long
        subject = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in names]
        )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for each in extra:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(made, hash_ or hashes.SHA256())


def wrongs(call: Callable[[], object]) -> list[str]:
    with pytest.raises(RequestError) as caught:
        call()
    assert isinstance(caught.value, IssueError)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    return [fault.wrong for fault in caught.value.faults]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_request_of_each_kind_becomes_a_certificate(pki: Any, algorithm: str) -> None:
    signer = FileSigner(ALGORITHMS[algorithm].generate())
    asked = csr.parse(csr.make(signer, assemble.subject("unit-1")).public_bytes(DER), "here")
    leaf = issue.issue_from_request(pki.oslo_signer, pki.oslo, asked, "unit-1", 9)
    form = DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert leaf.public_key().public_bytes(*form) == signer.public_key().public_bytes(*form)
    verify_leaf(leaf, [pki.oslo], pki.chain.root)


def test_the_profile_decides_and_not_the_request(pki: Any) -> None:
    wishes = (
        x509.SubjectAlternativeName([x509.DNSName("bank.example")]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.BasicConstraints(ca=False, path_length=None),
    )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody Else"),
            x509.NameAttribute(NameOID.COMMON_NAME, "unit-1"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for each in wishes:
        builder = builder.add_extension(each, critical=True)
    asked = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    leaf = issue.issue_from_request(pki.oslo_signer, pki.oslo, asked, days=9)
    assert leaf.subject.rfc4514_string() == "CN=unit-1,O=coldchain"
    assert extension(leaf, x509.SubjectAlternativeName) is None
    assert extension(leaf, x509.ExtendedKeyUsage) == x509.ExtendedKeyUsage(profiles.DEVICE.extended_key_usage)


WEAK_BITS = 1024
CA = x509.BasicConstraints(ca=True, path_length=0)
SIGNS = x509.KeyUsage(False, False, False, False, False, True, False, False, False)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "has 0 common names"),
        (("a", "b"), "has 2 common names"),
        (("x" * 65,), "its common name is no registration id"),
        (("a\nb",), "its common name is no registration id"),
        (("a\x00",), "its common name is no registration id"),
        (("ü",), "its common name is no registration id"),
        (("unit-2",), "is for 'unit-2'"),
    ],
)
def test_names_that_are_refused(names: tuple[str, ...], told: str) -> None:
    (wrong,) = wrongs(lambda: csr.check(request(*names), "unit-1"))
    assert wrong.startswith(told)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: request("unit-1", key=rsa.generate_private_key(65537, WEAK_BITS)),
            "a weak key: RSA of 1024 bits",
        ),
        (
            lambda: request("unit-1", key=rsa.generate_private_key(3, 2048)),
            "a weak key: RSA with the exponent 3",
        ),
        (lambda: request("unit-1", key=ec.generate_private_key(ec.SECP256K1())), "a key of kind secp256k1"),
        (lambda: request("unit-1", key=ec.generate_private_key(ec.SECP521R1())), "a key of kind secp521r1"),
        (lambda: request("unit-1", extra=(CA,)), "asks to become an authority"),
        (lambda: request("unit-1", extra=(SIGNS,)), "asks to become an authority"),
    ],
)
def test_keys_and_wishes_that_are_refused(
    make: Callable[[], x509.CertificateSigningRequest], told: str
) -> None:
    assert [each for each in wrongs(lambda: csr.check(make())) if each.startswith(told)]


def test_a_signature_that_does_not_verify(pki: Any) -> None:
    good = request("unit-1").public_bytes(DER)
    other = request("unit-1").public_bytes(DER)
    for data in (good[:-1] + bytes([good[-1] ^ 1]), good.replace(b"unit-1", b"unit-7")):
        found = csr.parse(data, "here")
        told = wrongs(lambda found=found: issue.issue_from_request(pki.oslo_signer, pki.oslo, found, None, 9))  # type: ignore[misc]  # bound now
        assert told == ["its signature does not verify, so nobody has shown to hold the key"]
    assert csr.check(csr.parse(other, "here"))[0] == "unit-1"


def test_all_faults_at_once() -> None:
    bad = request("a b", key=ec.generate_private_key(ec.SECP256K1()), extra=(CA,)).public_bytes(DER)
    found = csr.parse(bad[:-1] + bytes([bad[-1] ^ 1]), "here")
    assert len(wrongs(lambda: csr.check(found))) == 4


def test_files(tmp_path: Path) -> None:
    text = request("unit-1").public_bytes(serialization.Encoding.PEM)
    path = tmp_path / "unit-1.csr"
    path.write_bytes(text)
    assert csr.check(csr.load(path))[0] == "unit-1"
    for name, data, told in (
        ("two", text + text, "more than one part"),
        ("none", b"", "malformed"),
        ("large", b"x" * (csr.MAX_BYTES + 1), "larger than"),
        ("key", b"-----BEGIN PRIVATE KEY-----\n" + text, "holds a private key"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableError, match=told):
            csr.load(tmp_path / name)
    with pytest.raises(UnreadableError, match="No such file"):
        csr.load(tmp_path / "lost")


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.binary(max_size=300), pem=st.booleans())
@FUZZ
def test_any_bytes(data: bytes, pem: bool) -> None:
    label = b"CERTIFICATE REQUEST"
    text = b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, data, label) if pem else data
    with pytest.raises(UnreadableError, match=r"^here: "):
        csr.parse(text, "here")


@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@FUZZ
def test_damaged_requests_are_refused_or_whole(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for position, value in changes:
        data[position % len(data)] = value
    try:
        name, _ = csr.check(csr.parse(bytes(data), "here"))
    except CertsError:
        return
    assert (bytes(data), name) == (WHOLE, "unit-1")


WHOLE = request("unit-1").public_bytes(DER)
