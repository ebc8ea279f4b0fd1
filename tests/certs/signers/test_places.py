"""Authorities whose keys a hardware module or a key service makes: found, signing, never coming out."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs import authority, issue
from certs.authority import Authority
from certs.chain import verify_leaf
from certs.errors import SignerError
from certs.intermediates import Choices
from certs.places import Place
from certs.signers import pkcs11
from tests.certs.signers.conftest import Token


def _works(pki: Path, place: Place) -> None:
    made = authority.init(pki, "fleet of modules", ["oslo"], b"", choices=Choices(place=place))
    assert {path.suffix for path in (pki / "keys").iterdir()} == {".json"}
    assert all(b"PRIVATE" not in path.read_bytes() for path in pki.rglob("*") if path.is_file())
    oslo = made.issuers["oslo"]
    device = issue.issue_device(Authority.open(pki).signer("oslo", b""), oslo, "unit-1", 9)
    verify_leaf(device.certificate, [oslo], made.root)


def test_hardware_module(token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pkcs11.PIN_VARIABLE, token.pin)
    place = Place("pkcs11", {"module": str(token.module), "token": token.label})
    _works(tmp_path / "pki", place)
    with pytest.raises(SignerError, match="has a key for 'fleet-of-modules-root' already"):
        authority.init(tmp_path / "again", "fleet of modules", ["oslo"], b"", choices=Choices(place=place))
    assert not (tmp_path / "again").exists()


def test_key_service(kms: str, tmp_path: Path) -> None:
    _works(tmp_path / "pki", Place("aws-kms", {"region": kms}))
