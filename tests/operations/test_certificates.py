"""Certificates in files: whose each is, and what cannot be told."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from certs.life.inventory import Inventory, Issued
from certs.reading import pem
from certs.store import key_id
from operations.certificates import PemCertificates, issued
from operations.errors import CertificatesError
from operations.inventory import InventoryCertificates, certificates
from tests.operations.conftest import Authority, make_authority, thumbprint


def test_folders_and_files_are_read_and_each_leaf_is_found(
    tmp_path: Path, oslo: Authority, bergen: Authority
) -> None:
    one, two, three, alien = oslo.leaf("one"), bergen.leaf("two"), oslo.leaf("three"), oslo.leaf("four")
    folder = tmp_path / "devices"
    for name, leaf in (("one", one), ("two", two)):
        (folder / name).mkdir(parents=True)
        (folder / name / "leaf.pem").write_text(pem(leaf) + pem(oslo.certificate))
        (folder / name / "key.pem").write_bytes(private_key())
    (folder / "notes.txt").write_text("no certificate")
    (tmp_path / "bundle.pem").write_text(pem(three) + pem(alien) + pem(make_authority("x").leaf("five")))
    (tmp_path / "six.der").write_bytes(oslo.leaf("six").public_bytes(serialization.Encoding.DER))
    found = PemCertificates(
        [folder, tmp_path / "bundle.pem", tmp_path / "six.der"], [oslo.certificate, bergen.certificate]
    )
    assert (len(found), found.foreign) == (5, 1)
    oslos, bergens = (key_id(each.certificate.public_key()) for each in (oslo, bergen))
    assert found.by_serial(oslos, one.serial_number) == issued(one, oslo.certificate)
    assert found.by_serial(oslos, two.serial_number) is None
    assert found.by_serial(bergens, two.serial_number) == issued(two, bergen.certificate)
    (of_three,) = found.of_device("THREE")
    sha1 = three.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - hubs know these, too
    assert of_three.thumbprints == {thumbprint(three), sha1}
    assert found.of_device("nobody") == []


def test_an_inventory_and_files_answer_together(tmp_path: Path, oslo: Authority, bergen: Authority) -> None:
    one, two, three = oslo.leaf("one"), oslo.leaf("Two"), bergen.leaf("two")
    with closing(Inventory(tmp_path / "inventory.db")) as inventory:
        inventory.record([Issued.of(one), Issued.of(two), Issued.of(make_authority("x").leaf("two"))])
    (tmp_path / "three.pem").write_text(pem(three))
    issuers = [oslo.certificate, bergen.certificate]
    oslos, bergens = (key_id(each.certificate.public_key()) for each in (oslo, bergen))
    for paths in ([tmp_path / "inventory.db", tmp_path / "three.pem"], [tmp_path / "inventory.db"]):
        with certificates(paths, issuers) as found:
            held = found.by_serial(oslos, one.serial_number)
            assert held is not None
            assert (held.registration_id, held.sha256) == ("one", thumbprint(one))
            assert held.not_after == one.not_valid_after_utc
            assert found.by_serial(oslos, 7) is None
            assert found.by_serial("an unknown key", one.serial_number) is None
            keys = {each.issuer_key for each in found.of_device("two")}
            assert keys == ({oslos, bergens} if len(paths) > 1 else {oslos})


def test_an_inventory_cannot_tell_issuers_of_one_name(tmp_path: Path, oslo: Authority) -> None:
    issuers = [oslo.certificate, make_authority("coldchain oslo").certificate]
    with (
        closing(Inventory(tmp_path / "inventory.db")) as inventory,
        pytest.raises(CertificatesError, match="several issuers have this name"),
    ):
        InventoryCertificates(inventory, issuers)


def private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_every_fault_is_told_at_once(tmp_path: Path, oslo: Authority) -> None:
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (tmp_path / "cut.pem").write_text(pem(oslo.leaf("one"))[:200])
    (tmp_path / "good.pem").write_text(pem(oslo.leaf("two")))
    (tmp_path / "key").write_bytes(private_key())
    with pytest.raises(CertificatesError) as caught:
        PemCertificates([tmp_path / "key", tmp_path / "gone", tmp_path], [oslo.certificate])
    assert [Path(fault.partition(":")[0]).name for fault in caught.value.faults] == [
        "key",
        "gone",
        "bad.pem",
        "cut.pem",
    ]


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_certificates_or_faults(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, dressed: bool
) -> None:
    file = tmp_path_factory.mktemp("certificates") / "x.pem"
    marks = (b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n") if dressed else (b"", b"")
    file.write_bytes(marks[0] + data + marks[1])
    with pytest.raises(CertificatesError, match=r"x\.pem"):
        PemCertificates([file], [])
