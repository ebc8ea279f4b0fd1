"""Files that a description names: all their faults at once, each at its line, before anything is declared."""

from pathlib import Path

import pytest

from certs import issue
from certs.chain import load_certificate, pem
from certs.store import KeyStore
from components.sources import load_sources
from fleet import FleetError, load_stack

STACK_FILE = """\
config:
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    azure:
      hubs: {eu-1: {localAuth: {devices: true}}}
      functionApp: {folder: functions}
    identity:
      root: pki/root.pem
      issuers: {oslo: pki/oslo.pem}
    enrollments:
      bench:
        attestation:
          x509:
            certificate: pki/bench.pem
            secondary: pki/other.pem
        allocation: {hubs: [eu-1]}
    manifests:
      meters:
        file: meters.csv
        attestation: symmetricKey
        allocation: {hubs: [eu-1]}
"""


@pytest.fixture
def project(tmp_path: Path, pki: Path) -> Path:
    """A project in which every file is there and right."""
    store = KeyStore(pki / "keys", b"a passphrase for tests")
    (tmp_path / "pki").mkdir()
    for name in ("root", "oslo"):
        (tmp_path / "pki" / f"{name}.pem").write_bytes((pki / f"{name}.pem").read_bytes())
    issuer = load_certificate(pki / "oslo.pem")
    for file, registration_id in (("bench", "bench"), ("other", "bench"), ("wrong", "gate")):
        made = issue.issue_device(store.signer_for(issuer), issuer, registration_id)
        (tmp_path / "pki" / f"{file}.pem").write_text(pem(made.certificate))
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "host.json").write_text("{}")
    (tmp_path / "meters.csv").write_text("registration_id\nmeter-1\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK_FILE)
    return tmp_path


def _faults(project: Path) -> list[tuple[int | None, str, str]]:
    file = project / "Pulumi.dev.yaml"
    with pytest.raises(FleetError) as caught:
        load_sources(load_stack(file), project, file)
    return [(fault.line, fault.path, fault.wrong) for fault in caught.value.faults]


def test_sound_files_are_loaded(project: Path) -> None:
    file = project / "Pulumi.dev.yaml"
    sources = load_sources(load_stack(file), project, file)
    assert list(sources.chain.issuers) == ["oslo"]
    assert set(sources.certificates) == {"pki/bench.pem", "pki/other.pem"}
    assert sources.functions == {"host.json": b"{}"}


def test_all_that_is_wrong_is_told_at_once_at_the_lines_that_name_it(project: Path) -> None:
    for name in ("meters.csv", "functions/host.json", "pki/other.pem", "pki/oslo.pem"):
        (project / name).unlink()
    (project / "pki" / "bench.pem").write_text("no certificate")
    assert [(line, path) for line, path, _ in _faults(project)] == [
        (7, "azure.functionApp.folder"),
        (10, "identity.issuers.oslo"),
        (15, "enrollments.bench.attestation.x509.certificate"),
        (16, "enrollments.bench.attestation.x509.secondary"),
        (20, "manifests.meters.file"),
    ]


ON_AWS = """\
config:
  muster:fleet:
    name: coldchain
    clouds: [aws]
    aws: {region: eu-west-1}
    identity: {root: pki/root.pem, issuers: {oslo: pki/oslo.pem}}
    groups:
      vans:
        attestation: {x509: {issuer: oslo}}
        aws:
          enrolment:
            claim:
              certificates: {q4: CLAIM}
          permissions:
            publish: [TOPICS]
"""


def _on_aws(project: Path, claim: str = "pki/other.pem", topics: str = "telemetry") -> Path:
    text = ON_AWS.replace("CLAIM", claim).replace("TOPICS", topics)
    (project / "Pulumi.dev.yaml").write_text(text)
    return project / "Pulumi.dev.yaml"


def test_claim_certificates_are_loaded_whatever_their_name(project: Path) -> None:
    file = _on_aws(project)
    assert set(load_sources(load_stack(file), project, file).certificates) == {"pki/other.pem"}


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [("pki/oslo.pem", "pki/oslo.pem is the certificate of a CA"), ("pki/none.pem", "No such file")],
)
def test_a_claim_that_is_none_is_told(project: Path, claim: str, wrong: str) -> None:
    _on_aws(project, claim)
    ((line, path, told),) = _faults(project)
    assert (line, path) == (13, "groups.vans.aws.enrolment.claim.certificates.q4")
    assert wrong in told


def test_permissions_that_make_no_policy_are_told_before_anything_is_declared(project: Path) -> None:
    topics = ", ".join(f"measurement-{number:03}" for number in range(20))
    _on_aws(project, topics=topics)
    ((line, path, wrong),) = _faults(project)
    assert (line, path) == (15, "groups.vans.aws.permissions")
    assert "bytes; AWS takes 2,048" in wrong


def test_somebody_elses_certificate_is_told(project: Path) -> None:
    (project / "pki" / "wrong.pem").replace(project / "pki" / "bench.pem")
    ((line, path, wrong),) = _faults(project)
    assert (line, path) == (15, "enrollments.bench.attestation.x509.certificate")
    assert "certificate of gate, not of bench" in wrong
