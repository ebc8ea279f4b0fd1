"""Every kind of key issues and is certified: as a device's, and as an authority's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import assemble, issue, profiles
from certs.chain import verify_leaf
from certs.keys import ALGORITHMS, DEFAULT, algorithm_of
from certs.signers.file import FileSigner
from certs.store import KeyStore


def _authority(algorithm: str) -> tuple[FileSigner, x509.Certificate]:
    signer = FileSigner(ALGORITHMS[algorithm].generate())
    order = assemble.Order(profiles.ROOT, assemble.subject("root"), signer.public_key(), 99)
    return signer, assemble.self_signed(order, signer)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_authority_and_a_device_of_each_kind(algorithm: str) -> None:
    signer, root = _authority(algorithm)
    device = issue.issue_device(signer, root, "reefer-1", 9, ALGORITHMS[algorithm])
    device.certificate.verify_directly_issued_by(root)
    assert algorithm_of(device.certificate.public_key()).name == algorithm
    assert device.certificate.signature_algorithm_oid == root.signature_algorithm_oid
    verify_leaf(device.certificate, [], root)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_kinds_mix(algorithm: str) -> None:
    signer, root = _authority(DEFAULT.name)
    device = issue.issue_device(signer, root, "reefer-1", 9, ALGORITHMS[algorithm])
    device.certificate.verify_directly_issued_by(root)
    assert device.certificate.public_key() == device.key.public_key()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_store_keeps_each_kind(algorithm: str, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", b"twelve or more")
    key = ALGORITHMS[algorithm].generate()
    store.add(key)
    order = assemble.Order(profiles.ROOT, assemble.subject("root"), key.public_key(), 9)
    root = assemble.self_signed(order, FileSigner(key))
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert store.signer_for(root).public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
