"""Foreign input: whatever bytes come, only errors of `certs` come out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import checks, issue, reading
from certs.chain import ChainError, verify_leaf
from certs.errors import CertsError, UnreadableError

FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.binary(max_size=300) | st.text().map(str.encode))
@FUZZ
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"^here: "):
        reading.parse_certificates(data, "here")


@given(body=st.binary(max_size=300), label=st.sampled_from(["CERTIFICATE", "X509 CRL", "", "PRIVATE KEY"]))
@FUZZ
def test_any_pem(body: bytes, label: str) -> None:
    text = b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), body, label.encode())
    with pytest.raises(UnreadableError):
        reading.parse_certificates(text, "here")


@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@FUZZ
def test_damaged_certificates_are_refused_or_checked(pki: Any, changes: list[tuple[int, int]]) -> None:
    data = bytearray(pki.oslo.public_bytes(serialization.Encoding.DER))
    for position, value in changes:
        data[position % len(data)] = value
    _never_fails_otherwise(bytes(data), pki)


@given(cut=st.integers(0, 10_000), extra=st.binary(max_size=8))
@FUZZ
def test_cut_and_lengthened_certificates(pki: Any, cut: int, extra: bytes) -> None:
    data = pki.oslo.public_bytes(serialization.Encoding.DER)
    _never_fails_otherwise(data[: cut % len(data)] + extra, pki)


def _never_fails_otherwise(data: bytes, pki: Any) -> None:
    """Parse, and where that works do all that is done with a certificate from elsewhere."""
    try:
        found = reading.parse_certificates(data, "here")[0]
        reading.fingerprint(found), reading.pem(found), checks.common_name(found)
        for leaf, between, root in ((found, [pki.oslo], pki.chain.root), (pki.oslo, [found], found)):
            with pytest.raises(ChainError):
                verify_leaf(leaf, between, root)
        issue.issue_leaf(pki.oslo_signer, found, "reefer-1", pki.oslo_signer.public_key(), 1)
    except CertsError:
        return


def test_pem_and_der_read_alike(pki: Any, tmp_path: Path) -> None:
    path = tmp_path / "oslo.der"
    path.write_bytes(pki.oslo.public_bytes(serialization.Encoding.DER))
    assert reading.load_certificate(path) == pki.oslo


def test_several_certificates(pki: Any, tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    path.write_text(reading.pem(pki.oslo) + reading.pem(pki.bergen))
    assert reading.load_certificates(path) == [pki.oslo, pki.bergen]
    with pytest.raises(UnreadableError, match="holds 2 certificates; expected one"):
        reading.load_certificate(path)


def test_a_file_with_a_private_key_is_refused_and_not_quoted(pki: Any, tmp_path: Path) -> None:
    clear = issue.new_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "mixed.pem"
    path.write_bytes(clear + reading.pem(pki.oslo).encode())
    with pytest.raises(UnreadableError, match="holds a private key") as caught:
        reading.load_certificate(path)
    assert clear.splitlines()[1].decode() not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.pem"
    large.write_bytes(os.urandom(8) * (reading.MAX_BYTES // 8 + 1))
    for path, word in ((tmp_path, "directory"), (tmp_path / "none", "No such file"), (large, "larger")):
        with pytest.raises(UnreadableError, match=word):
            reading.load_certificate(path)


def test_an_extension_twice_is_malformed(forge: Any) -> None:
    made = forge("twice", ca=True, extra=[x509.IssuerAlternativeName([x509.DNSName("abcdefg")])])
    der = made.certificate.public_bytes(serialization.Encoding.DER)
    # 2.5.29.18 (issuer alternative name) becomes 2.5.29.19 (basic constraints), which is there already.
    with pytest.raises(UnreadableError, match="malformed"):
        reading.parse_certificates(der.replace(b"\x55\x1d\x12", b"\x55\x1d\x13"), "here")
