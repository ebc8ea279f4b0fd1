"""The fast path gives the builder's bytes, for every profile, kind of key and length of id, or nothing."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import assemble, profiles
from certs.bulk import keypairs, template
from certs.bulk.errors import TemplateError
from certs.bulk.keypairs import KeyPairs, PublicShape
from certs.bulk.mint import Mint
from certs.bulk.template import Design, Template, der_length, new_serial
from certs.errors import SignerError
from certs.keys import ALGORITHMS
from certs.life.revocation import Partitions
from certs.signers.file import FileSigner

NOW = datetime.now(UTC).replace(microsecond=0)
VALID = (NOW, NOW + timedelta(days=30))


def authority(algorithm: str = "ec-p256") -> tuple[FileSigner, x509.Certificate]:
    signer = FileSigner(keypairs.sample(ALGORITHMS[algorithm], 9))
    organization = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "qqq")
    order = assemble.Order(profiles.ROOT, assemble.subject("qqq", [organization]), signer.public_key(), 90)
    return signer, assemble.self_signed(order, signer)


@pytest.mark.parametrize("profile", list(profiles.ISSUED.values()), ids=lambda profile: profile.name)
@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_profile_and_kind_of_key(profile: profiles.Profile, algorithm: str) -> None:
    signer, issuer = authority()
    design, kind = Design(profile, issuer, VALID), ALGORITHMS[algorithm]
    keys, made = KeyPairs(kind), Mint(design, signer)
    private, public = keys.new()
    keys.check(private, public)
    for name in ("x", "reefer-000001"):
        der = made.certificate(name, kind, public)
        made.check(der, name, keys.shape.head + public)
        found = x509.load_der_x509_certificate(der)
        reference = design.reference(name, found.public_key(), template_serial(found))  # type: ignore[arg-type]
        assert found.tbs_certificate_bytes == reference.tbs_certificate_bytes
        found.verify_directly_issued_by(issuer)


def template_serial(certificate: x509.Certificate) -> bytes:
    return certificate.serial_number.to_bytes(template.SERIAL_BYTES, "big")


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_kind_of_issuer(algorithm: str) -> None:
    signer, issuer = authority(algorithm)
    kind = ALGORITHMS["ec-p256"]
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID), signer)
    _, public = keys.new()
    made.check(made.certificate("reefer-1", kind, public), "reefer-1", keys.shape.head + public)


@pytest.mark.parametrize("length", range(1, 65))
def test_every_length_of_id(length: int) -> None:
    signer, issuer = authority()
    kind = ALGORITHMS["ec-p256"]
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID), signer)
    _, public = keys.new()
    name = "q" * length
    made.check(made.certificate(name, kind, public), name, keys.shape.head + public)


def test_the_issuers_own_name_as_an_id() -> None:
    """The issuer here is `O=qqq, CN=qqq`: as a device it is told from its issuer all the same."""
    signer, issuer = authority()
    kind = ALGORITHMS["ec-p256"]
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID), signer)
    _, public = keys.new()
    made.check(made.certificate("qqq", kind, public), "qqq", keys.shape.head + public)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_id_and_serial(data: st.DataObject) -> None:
    name = data.draw(st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._:-]{0,62}[A-Za-z0-9])?\Z"))
    _, issuer = authority()
    design, kind = Design(profiles.DEVICE, issuer, VALID), ALGORITHMS["ec-p256"]
    key, serial = keypairs.sample(kind, 3).public_key(), new_serial()
    tbs = Template(design, kind, len(name)).tbs(
        serial, name.encode(), PublicShape(kind).cut(keypairs.encoded(key))
    )
    assert tbs == design.reference(name, key, serial).tbs_certificate_bytes


def test_a_builder_that_changes_between_two_certificates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _, issuer = authority()
    reference, calls = Design.reference, [0]

    def drifting(self: Design, name: str, key: Any, serial: bytes) -> x509.Certificate:
        calls[0] += 1
        later = (self.valid[0], self.valid[1] + timedelta(days=calls[0]))
        return reference(replace(self, valid=later), name, key, serial)

    monkeypatch.setattr(Design, "reference", drifting)
    with pytest.raises(TemplateError, match="builder's bytes"):
        Template(Design(profiles.DEVICE, issuer, VALID), ALGORITHMS["ec-p256"], 8)


def test_a_varying_part_that_stands_twice_is_refused() -> None:
    with pytest.raises(TemplateError, match="cannot be told"):
        template._place(b"abcabc", b"abc", b"b", 0)


def test_keys_of_another_form_are_refused() -> None:
    shape = PublicShape(ALGORITHMS["ec-p256"])
    good = shape.cut(keypairs.encoded(keypairs.sample(ALGORITHMS["ec-p256"]).public_key()))
    for bad in (good[:-1], good + b"\0", b"\x02" + good[1:], b""):
        with pytest.raises(TemplateError):
            shape.checked(bad)
    other = keypairs.encoded(keypairs.sample(ALGORITHMS["ec-p384"]).public_key())
    with pytest.raises(TemplateError, match="not of kind"):
        shape.cut(other)


def test_a_private_key_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyPairs(ALGORITHMS["ec-p256"])
    monkeypatch.setattr(keys, "_generate", ALGORITHMS["ec-p384"].generate)
    with pytest.raises(TemplateError, match="another form"):
        keys.new()
    private, _ = KeyPairs(ALGORITHMS["ec-p256"]).new()
    _, public = KeyPairs(ALGORITHMS["ec-p256"]).new()
    with pytest.raises(TemplateError, match="does not belong"):
        keys.check(private, public)


def test_the_private_key_is_the_public_ones() -> None:
    for algorithm in ALGORITHMS.values():
        keys = KeyPairs(algorithm)
        private, public = keys.new()
        loaded: Any = serialization.load_der_private_key(private, None)
        assert keypairs.encoded(loaded.public_key()) == keys.shape.head + public


class Liar:
    """A signer far away that gives some other text's signature."""

    def __init__(self, inner: FileSigner) -> None:
        self._inner = inner

    def public_key(self) -> Any:
        return self._inner.public_key()

    def sign(self, data: bytes) -> bytes:
        return self._inner.sign(data + b"!")


def test_a_signature_that_does_not_verify_is_found_at_once() -> None:
    signer, issuer = authority()
    kind = ALGORITHMS["ec-p256"]
    made = Mint(Design(profiles.DEVICE, issuer, VALID), Liar(signer))
    with pytest.raises(SignerError, match="does not verify"):
        made.certificate("reefer-1", kind, KeyPairs(kind).new()[1])


def test_a_sample_that_is_not_the_builders_is_found() -> None:
    signer, issuer = authority()
    kind = ALGORITHMS["ec-p256"]
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID), signer)
    _, public = keys.new()
    der = made.certificate("reefer-1", kind, public)
    with pytest.raises(TemplateError):
        made.check(der, "reefer-2", keys.shape.head + public)
    with pytest.raises(TemplateError):
        made.check(der, "reefer-1", keys.shape.head + keys.new()[1])


def test_serials_are_random_positive_and_always_20_octets() -> None:
    found = {new_serial() for _ in range(2000)}
    assert len(found) == 2000
    assert {len(serial) for serial in found} == {20}
    assert all(0x40 <= serial[0] <= 0x7F for serial in found)


@pytest.mark.parametrize(
    ("length", "wanted"), [(5, "05"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100")]
)
def test_lengths_are_minimal(length: int, wanted: str) -> None:
    assert der_length(length).hex() == wanted


def test_openssl_verifies_what_comes_out(tmp_path: Path) -> None:

    signer, issuer = authority()
    kind = ALGORITHMS["ec-p256"]
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID), signer)
    der = made.certificate("reefer-1", kind, keys.new()[1])
    leaf = x509.load_der_x509_certificate(der)
    (tmp_path / "root.pem").write_bytes(issuer.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "leaf.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("count", [1, 7, 100_000])
def test_each_certificate_names_the_revocation_list_of_its_serial(count: int) -> None:
    signer, issuer = authority()
    kind, lists = ALGORITHMS["ec-p256"], Partitions("http://crl.example.com/oslo", count)
    keys, made = KeyPairs(kind), Mint(Design(profiles.DEVICE, issuer, VALID, lists), signer)
    for _ in range(20):
        _, public = keys.new()
        der = made.certificate("reefer-1", kind, public)
        made.check(der, "reefer-1", keys.shape.head + public)
        found = x509.load_der_x509_certificate(der)
        point = found.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert point == lists.point(found.serial_number)[0]


def test_more_lists_than_their_numbers_have_room_for() -> None:
    signer, issuer = authority()
    design = Design(profiles.DEVICE, issuer, VALID, Partitions("http://crl.example.com", 100_001))
    with pytest.raises(TemplateError, match="100000"):
        Mint(design, signer).certificate("a", ALGORITHMS["ec-p256"], b"")
