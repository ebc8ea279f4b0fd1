"""Where `muster revocation reconcile` looks on AWS: the components' tables, the types of things."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding

from certs.store import key_id
from cli.main import main
from cli.revocation_aws import place
from components.aws.place import Place as Declared
from fleet import load_stack
from tests.operations.conftest import make_authority

STACK = """\
config:
  aws:region: eu-west-1
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    clouds: [azure, aws]
    azure: {hubs: {eu-1: {}}}
    aws: {account: "111122223333"}
    identity: {root: root.pem, issuers: {oslo: oslo.pem, bergen: bergen.pem, moss: moss.pem, voss: voss.pem}}
    groups:
      reefers:
        attestation: {x509: {issuer: oslo, secondary: bergen}}
        allocation: {hubs: [eu-1]}
      vans:
        clouds: [aws]
        attestation: {x509: {issuer: moss}}
        aws: {enrolment: {jitp: {}}}
      ships:
        clouds: [azure]
        attestation: {x509: {issuer: voss}}
        allocation: {hubs: [eu-1]}
"""


def test_only_groups_with_just_in_time_registration_have_a_table(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(STACK)
    fleet = load_stack(tmp_path / "Pulumi.prod.yaml")
    issuers = {name: make_authority(name).certificate for name in ("oslo", "bergen", "moss", "voss")}
    found = place(fleet, "prod", issuers)
    (table,) = found.tables
    declared = Declared("coldchain", "prod", "eu-west-1", "111122223333")
    assert (table.group, table.name) == ("reefers", declared.name("reefers", "revoked"))
    assert table.issuers == {key_id(issuers[name].public_key()) for name in ("oslo", "bergen")}
    assert found.kinds == ("coldchain-reefers", "coldchain-vans", "coldchain")


def test_offline_no_account_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    oslo = make_authority("oslo")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text(STACK)
    for name in ("root", "oslo", "bergen", "moss", "voss"):
        (tmp_path / f"{name}.pem").write_bytes(oslo.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "oslo.crl").write_bytes(oslo.crl().public_bytes(Encoding.PEM))
    (tmp_path / "leaf.pem").write_bytes(oslo.leaf("reefer-1").public_bytes(Encoding.PEM))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    words = ("revocation", "reconcile", "-s", "prod", "--crl", "oslo.crl", "--certificates", "leaf.pem")
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 1
    assert "MUSTER_OFFLINE is set, so AWS" in done.stderr
    assert not (tmp_path / ".muster").exists()
