"""`muster device`, `revocation`, `rotation`: usage, which fleet and record, before any service is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main

STACK = """\
config:
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    azure: {hubs: {eu-1: {}}}
    identity: {root: certs/root.pem, issuers: {oslo: certs/oslo.pem}}
    groups:
      reefers: {attestation: {x509: {issuer: oslo}}, allocation: {hubs: [eu-1]}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    for stack in ("prod", "local"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    return tmp_path


def run(*words: str) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert "Traceback" not in done.output
    return done


WHY = ("--reason", "lost")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("device", "disable", "one", *WHY), "either its stack"),
        (("device", "disable", "one", *WHY, "-s", "prod", "--service", "a.b"), "either its stack"),
        (("device", "disable", "one", *WHY, "-s", "prod", "--hub", "a.b"), "a stack names its hubs"),
        (("device", "disable", "one", *WHY, "--service", "https://a.b"), "a host name such as"),
        (("device", "disable", "one", "-s", "prod"), "--reason"),
        (("device", "disable", *WHY, "-s", "prod"), "REGISTRATION_ID"),
        (("device", "key", "one", "-s", "prod"), "--out"),
        (("revocation", "reconcile", "-s", "prod", "--certificates", "x"), "--crl"),
        (("rotation", "report", "-s", "prod", "--certificates", "x"), "--group"),
        (
            ("rotation", "report", "--service", "a.b", "--group", "g", "--certificates", "x"),
            "Which issuers?",
        ),
    ],
)
def test_wrong_usage_ends_with_2(project: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("device", "disable", "one", *WHY, "-s", "prod"), "MUSTER_OFFLINE is set"),
        (("device", "disable", "one", *WHY, "-s", "local"), "The local stack is not up"),
        (("device", "disable", "one", *WHY, "-s", "gone"), "Pulumi.gone.yaml"),
        (("device", "disable", "a b", *WHY, "-s", "prod"), "no id of a device"),
        (("device", "disable", "one", "--reason", " ", "-s", "prod"), "reason: "),
        (("device", "key", "one", "--out", "Pulumi.yaml", "-s", "prod"), "is there already"),
        (("rotation", "report", "-s", "prod", "--group", "g", "--certificates", "x"), "oslo.pem"),
    ],
)
def test_a_mistake_ends_with_1_and_a_reason(project: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert told in done.stderr
    assert not (project / ".muster" / "prod").exists(), "nothing is on record that was not begun"


def test_outside_a_project_the_record_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = ("device", "disable", "one", *WHY, "--service", "contoso.azure-devices-provisioning.net")
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    assert "MUSTER_OFFLINE is set" in run(*named, "--record", "here.jsonl").stderr
    monkeypatch.delenv("MUSTER_OFFLINE")
    assert "There is no Pulumi.yaml" in run(*named).stderr


def test_a_damaged_record_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSTER_OFFLINE")
    (project / "record.jsonl").write_text("nonsense\n")
    done = run("device", "enable", "one", *WHY, "-s", "prod", "--record", "record.jsonl", "--plan")
    assert done.exit_code == 1
    assert "record.jsonl:1: no line of a record" in done.stderr
