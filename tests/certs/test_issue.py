"""Leaves and proofs of possession: what is issued, and what is refused."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import assemble, issue, names, possession, profiles
from certs.chain import load_certificates, pem, verify_leaf
from certs.checks import common_name
from certs.errors import ExistsError, InvalidNameError, IssueError, SignerError, UnsupportedKeyError
from certs.keys import PublicKey
from certs.signers import Signer
from certs.signers.file import FileSigner


@pytest.fixture(scope="module")
def device(pki: Any, oslo_signer: Signer) -> issue.DeviceIdentity:
    return issue.issue_device(oslo_signer, pki.oslo, "reefer-1", days=30)


def test_a_leaf_says_what_it_should(pki: Any, device: issue.DeviceIdentity) -> None:
    leaf = device.certificate
    assert leaf.subject.rfc4514_string() == "CN=reefer-1,O=coldchain"
    assert leaf.issuer == pki.oslo.subject
    assert leaf.public_key() == device.key.public_key()
    for value, critical in profiles.DEVICE.extensions():
        found = leaf.extensions.get_extension_for_class(type(value))
        assert (found.value, found.critical) == (value, critical)
    key_of_issuer = pki.oslo.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority_key = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority_key.key_identifier == key_of_issuer.digest
    verify_leaf(leaf, [pki.oslo], pki.chain.root)


def test_life_begins_a_little_early_and_ends_as_asked(device: issue.DeviceIdentity) -> None:
    now = datetime.now(UTC)
    life = device.certificate
    assert now - timedelta(minutes=7) < life.not_valid_before_utc <= now - timedelta(minutes=3)
    assert abs(life.not_valid_after_utc - now - timedelta(days=30)) < timedelta(minutes=2)


def test_a_leaf_never_begins_before_its_issuer(forge: Any) -> None:
    young = forge("young", ca=True, begins=-0.0005)
    leaf = issue.issue_device(FileSigner(young.key), young.certificate, "a", 1).certificate
    assert leaf.not_valid_before_utc == young.certificate.not_valid_before_utc


def test_serial_numbers_are_long_and_never_alike(pki: Any, oslo_signer: Signer) -> None:
    key = issue.new_key().public_key()
    serials = {issue.issue_leaf(oslo_signer, pki.oslo, "a", key, 1).serial_number for _ in range(30)}
    assert len(serials) == 30
    assert 150 <= max(serial.bit_length() for serial in serials) <= 159


@pytest.mark.parametrize("kind", ["leaf", "proof"])
def test_openssl_verifies_strictly(pki: Any, oslo_signer: Signer, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.pem"
    leaf = issue.issue_device(oslo_signer, pki.oslo, "reefer:1.a_b-c", 9).certificate
    path.write_text(pem(leaf if kind == "leaf" else possession.prove(oslo_signer, pki.oslo, "0123ABCD" * 6)))
    command = [
        "openssl",
        "verify",
        "-x509_strict",
        "-purpose",
        "sslclient",
        "-CAfile",
        pki.directory / "root.pem",
    ]
    command += ["-untrusted", pki.directory / "oslo.pem", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("bad", ["", "x" * 65, "-a", "a.", "a b", "a\n", "a\x00b", "ü", "a/b", "\uff21"])
def test_bad_registration_ids(pki: Any, oslo_signer: Signer, bad: str) -> None:
    with pytest.raises(InvalidNameError, match=r"registration id .* 1 to 64 characters"):
        issue.issue_leaf(oslo_signer, pki.oslo, bad, oslo_signer.public_key())


@given(text=st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9._:-]{1,70}", fullmatch=True))
@settings(max_examples=150, deadline=None)
def test_names_are_right_or_refused_in_one_printable_line(text: str) -> None:
    for kind in ("registration id", "fleet name", "factory name", "verification code"):
        try:
            accepted = names.check(kind, text)
        except InvalidNameError as refused:
            told = str(refused)
            assert told.isprintable()
        else:
            assert 1 <= len(accepted.encode("ascii")) <= names.COMMON_NAME_MAX


def test_an_issuer_is_never_outlived(pki: Any, oslo_signer: Signer) -> None:
    key = issue.new_key().public_key()
    with pytest.raises(IssueError, match=r"3651 days asked for.*ask for at most"):
        issue.issue_leaf(oslo_signer, pki.oslo, "a", key, 3651)
    for days in (0, -1):
        with pytest.raises(IssueError, match="lives 1 to"):
            issue.issue_leaf(oslo_signer, pki.oslo, "a", key, days)


@pytest.mark.parametrize(
    ("faults", "reasons"),
    [
        ({"ca": False}, ["no CA certificate"]),
        ({"ca": True, "begins": -5, "ends": -1}, ["expired"]),
        ({"ca": True, "begins": 1}, ["not valid before"]),
        ({"begins": -5, "ends": -1}, ["no CA certificate", "expired"]),
    ],
)
def test_unfit_issuers(forge: Any, faults: dict[str, Any], reasons: list[str]) -> None:
    issuer = forge("unfit", **faults)
    signer = FileSigner(issuer.key)
    for call in (lambda: issue.issue_device(signer, issuer.certificate, "a", 1), lambda: _prove(issuer)):
        with pytest.raises(IssueError) as caught:
            call()
        assert all(reason in str(caught.value) for reason in reasons)


def _prove(issuer: Any) -> x509.Certificate:
    return possession.prove(FileSigner(issuer.key), issuer.certificate, "CODE")


def test_an_issuer_below_a_full_path_is_refused(pki: Any, oslo_signer: Signer) -> None:
    order = assemble.Order(profiles.ISSUER, assemble.subject("below"), issue.new_key().public_key(), 1)
    with pytest.raises(IssueError, match="allows 0 authorities below it"):
        assemble.issued(order, oslo_signer, pki.oslo)


def test_a_signer_of_another_authority_is_refused(pki: Any, oslo_signer: Signer) -> None:
    with pytest.raises(SignerError, match="does not hold the key of 'CN=coldchain bergen"):
        issue.issue_device(oslo_signer, pki.bergen, "a")
    order = assemble.Order(profiles.ROOT, assemble.subject("root"), issue.new_key().public_key(), 1)
    with pytest.raises(SignerError, match="its own key"):
        assemble.self_signed(order, oslo_signer)


class LyingSigner:
    """Says it holds a key, and signs with another one, or with nothing sensible."""

    def __init__(self, claimed: PublicKey, signature: bytes | None = None) -> None:
        self._claimed = claimed
        self._signature = signature
        self._key = issue.new_key()

    def public_key(self) -> PublicKey:
        return self._claimed

    def sign(self, data: bytes) -> bytes:
        return FileSigner(self._key).sign(data) if self._signature is None else self._signature


@pytest.mark.parametrize("signature", [None, b"", b"junk"])
def test_a_signature_that_does_not_verify_is_never_handed_out(pki: Any, signature: bytes | None) -> None:
    liar = LyingSigner(pki.oslo.public_key(), signature)
    with pytest.raises(SignerError, match="nothing was issued"):
        issue.issue_device(liar, pki.oslo, "a")


def test_other_kinds_of_keys_are_refused(pki: Any, oslo_signer: Signer, forge: Any) -> None:
    other = ec.generate_private_key(ec.SECP521R1())
    with pytest.raises(UnsupportedKeyError, match="secp521r1 is not supported; use one of ec-p256"):
        issue.issue_leaf(oslo_signer, pki.oslo, "a", other.public_key())
    with pytest.raises(UnsupportedKeyError):
        FileSigner(other)
    authority = forge("p521", ca=True, curve=ec.SECP521R1())
    with pytest.raises(UnsupportedKeyError, match="secp521r1"):
        issue.issue_device(LyingSigner(authority.key.public_key()), authority.certificate, "a", 1)


def test_proof_of_possession(pki: Any, oslo_signer: Signer) -> None:
    proof = possession.prove(oslo_signer, pki.oslo, "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3")
    assert common_name(proof) == "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3"
    proof.verify_directly_issued_by(pki.oslo)
    assert proof.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=1)
    assert not proof.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    for bad in ("", "x" * 65, "a\nb"):
        with pytest.raises(InvalidNameError, match="verification code"):
            possession.prove(oslo_signer, pki.oslo, bad)


def test_an_identity_is_written_whole_and_never_over_another(
    device: issue.DeviceIdentity, tmp_path: Path
) -> None:
    out = tmp_path / "devices" / "reefer-1"
    device.write(out)
    assert load_certificates(out / "leaf.pem") == [device.certificate, device.issuer]
    key = serialization.load_pem_private_key((out / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == device.certificate.public_key()
    assert ((out / "key.pem").stat().st_mode & 0o777, out.stat().st_mode & 0o777) == (0o600, 0o700)
    with pytest.raises(ExistsError):
        device.write(out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["reefer-1"]


def test_repr_shows_no_key(device: issue.DeviceIdentity) -> None:
    assert "key" not in repr(device).lower().replace("public_key", "")
