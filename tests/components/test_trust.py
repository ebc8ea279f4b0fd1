"""Certificates of no use are told like any fault of the stack file: where, what, what would be right."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.trust import load_trust
from fleet import Fleet, FleetError, load_stack

STACK_FILE = """\
config:
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    azure: {hubs: {eu-1: {}}}
    identity:
      root: pki/root.pem
      issuers:
        oslo: pki/oslo.pem
        bergen: pki/missing.pem
        turku: pki/words.pem
    groups:
      reefers:
        attestation: {x509: {issuer: oslo}}
        allocation: {hubs: [eu-1]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(STACK_FILE, "utf-8")
    return path


def test_a_sound_chain_is_loaded_from_the_projects_folder(pki: Path, described: Callable[..., Fleet]) -> None:
    trust = load_trust(described(), pki.parent, Path("Pulumi.prod.yaml"))
    assert list(trust.issuers) == ["oslo"]


def test_every_fault_has_its_line_in_the_stack_file(pki: Path, file: Path) -> None:
    (pki / "words.pem").write_text("not a certificate", "ascii")
    with pytest.raises(FleetError) as caught:
        load_trust(load_stack(file), pki.parent, file)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (10, "identity.issuers.bergen"),
        (11, "identity.issuers.turku"),
    ]
    assert all(fault.wrong and fault.right for fault in caught.value.faults)


def test_a_root_that_is_no_root_is_told_at_its_line(pki: Path, file: Path) -> None:
    text = STACK_FILE.replace("root: pki/root.pem", "root: pki/bergen.pem").replace("missing", "oslo")
    file.write_text(
        text.replace("        turku: pki/words.pem\n", "").replace("        bergen: pki/oslo.pem\n", "")
    )
    with pytest.raises(FleetError) as caught:
        load_trust(load_stack(file), pki.parent, file)
    assert (7, "identity.root") in [(fault.line, fault.path) for fault in caught.value.faults]


def test_the_name_root_is_taken(pki: Path, described: Callable[..., Fleet]) -> None:
    fleet = described(
        identity={"root": "pki/root.pem", "issuers": {"root": "pki/oslo.pem", "oslo": "pki/bergen.pem"}}
    )
    with pytest.raises(FleetError, match="an issuer is called root"):
        load_trust(fleet, pki.parent, Path("Pulumi.prod.yaml"))
