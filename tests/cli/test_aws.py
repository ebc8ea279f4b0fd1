"""`muster aws grant`: usage, what a command and a file get, what is told and what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result

import cli.aws
from cli.aws import _outcome
from cli.main import main
from provider.clients.aws import Aws

STACK = """\
config:
  aws:region: eu-west-1
  muster:fleet:
    name: coldchain
    clouds: [aws]
    aws:
      account: "111122223333"
      provisioner: {sources: [203.0.113.0/24]}
    identity: {root: certs/root.pem, issuers: {oslo: certs/oslo.pem}}
    groups:
      reefers: {attestation: {x509: {issuer: oslo}}}
"""
ON_AZURE = """\
config:
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    azure: {hubs: {eu-1: {}}}
    identity: {root: certs/root.pem, issuers: {oslo: certs/oslo.pem}}
    groups:
      reefers: {attestation: {x509: {issuer: oslo}}, allocation: {hubs: [eu-1]}}
"""
ARN = "arn:aws:iam::111122223333:role/coldchain-prod-provisioner"
SECRETS = ("ASIAEXAMPLE12345WXYZ", "wJalr/secret", "session/token==")
GRANT = ("aws", "grant", "-s", "prod", "--reason", "new group", "--who", "ada")
_SHOWN = ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE")
SHOW = f"import os; print(*(os.environ.get(name) for name in {_SHOWN}))"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text(STACK)
    without = STACK.replace("      provisioner: {sources: [203.0.113.0/24]}\n", "")
    (tmp_path / "stacks" / "Pulumi.bare.yaml").write_text(without)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return tmp_path


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """STS, which gives one session of an hour in 2030; the command finds it by boto3."""
    client = boto3.client(
        "sts", region_name="eu-west-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="own"
    )
    stub = Stubber(client)
    for _ in range(2):
        identity = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ada", "UserId": "AIDA"}
        stub.add_response("get_caller_identity", identity)
    key, secret, token = SECRETS
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Expiration": until}
    stub.add_response("assume_role", {"Credentials": given})
    stub.activate()

    def aws(environment: dict[str, str], region: str) -> Aws:
        return Aws(environment, region, make=lambda *_, **__: client)

    monkeypatch.setattr(cli.aws, "Aws", aws)
    monkeypatch.setenv("AWS_PROFILE", "of-the-person")
    return stub


def run(*words: str) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert "Traceback" not in done.output
    assert not any(secret in done.output for secret in SECRETS)
    return done


def test_the_command_gets_the_session_and_its_exit_code_is_ours(
    project: Path, sts: Stubber, capfd: pytest.CaptureFixture[str]
) -> None:
    done = run(*GRANT, "--", sys.executable, "-c", f"{SHOW}; raise SystemExit(7)")
    assert done.exit_code == 7, done.output
    assert capfd.readouterr().out == f"{SECRETS[0]} {SECRETS[2]} None\n"
    assert done.stdout == ""
    assert done.stderr == f"{ARN} until 2030-01-02T03:04:05Z, as ada (key …WXYZ)\n"
    assert not any(name.startswith("AWS_SE") for name in os.environ), "the session stays the command's"


def test_what_follows_the_commands_name_is_the_commands(
    project: Path, sts: Stubber, capfd: pytest.CaptureFixture[str]
) -> None:
    done = run(*GRANT, sys.executable, "-c", "import sys; print(sys.argv[1:])", "-s", "--json")
    assert done.exit_code == 0, done.output
    assert capfd.readouterr().out == "['-s', '--json']\n"


def test_the_grant_is_on_record(project: Path, sts: Stubber) -> None:
    assert run(*GRANT, "--", sys.executable, "-c", "pass", "--password", "hunter2").exit_code == 0
    text = (project / ".muster" / "prod" / "operations.jsonl").read_text()
    began, granted = (json.loads(line) for line in text.splitlines())
    assert (granted["who"], granted["reason"], granted["event"]) == ("ada", "new group", "granted")
    assert began["facts"]["purpose"] == f"command {Path(sys.executable).name}"
    assert not any(secret in text for secret in (*SECRETS, "hunter2"))


def test_a_profile_is_written_instead(project: Path, sts: Stubber) -> None:
    done = run(*GRANT, "--profile", "coldchain", "--json")
    assert done.exit_code == 0, done.output
    file = project / ".muster" / "prod" / "aws-coldchain"
    assert json.loads(done.stdout) == {
        "role": ARN,
        "account": "111122223333",
        "region": "eu-west-1",
        "until": "2030-01-02T03:04:05Z",
        "identity": "ada",
        "accessKeyIdSuffix": "WXYZ",
        "who": "ada",
        "reason": "new group",
        "record": str(project / ".muster" / "prod" / "operations.jsonl"),
        "file": str(file),
        "profile": "coldchain",
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(secret in file.read_text() for secret in SECRETS)


def test_how_the_file_is_used_is_told(project: Path, sts: Stubber) -> None:
    done = run(*GRANT, "--profile", "coldchain", "--out", "here")
    assert f"AWS_SHARED_CREDENTIALS_FILE={project / 'here'} AWS_PROFILE=coldchain" in done.stdout
    assert (project / "here").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (GRANT, "either a COMMAND"),
        ((*GRANT, "--profile", "one", "--", "true"), "either a COMMAND"),
        ((*GRANT, "--out", "x", "--", "true"), "--out goes with --profile"),
        ((*GRANT[:4], "--", "true"), "--reason"),
        (("aws", "grant", "--reason", "x", "--", "true"), "--stack"),
        ((*GRANT, "--minutes", "an hour", "--", "true"), "--minutes"),
    ],
)
def test_wrong_usage_ends_with_2(project: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert told in done.stderr


def _stack(name: str) -> tuple[str, ...]:
    return (*GRANT[:3], name, *GRANT[4:])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*GRANT, "--minutes", "14", "--", "true"), "14 minutes: "),
        ((*GRANT, "--minutes", "61", "--", "true"), "60 at most"),
        ((*_stack("bare"), "--", "true"), "no aws.provisioner"),
        ((*_stack("gone"), "--", "true"), "Pulumi.gone.yaml"),
        ((*GRANT, "--profile", "two words"), "no profile's name"),
        ((*GRANT, "--profile", "one", "--out", "Pulumi.yaml"), "is not overwritten"),
        ((*GRANT[:5], " ", "--", "true"), "reason: "),
        ((*GRANT, "--", "true"), "MUSTER_OFFLINE is set"),
    ],
)
def test_a_mistake_ends_with_1_and_a_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    done = run(*words)
    assert done.exit_code == 1
    assert told in done.stderr


def test_a_fleet_that_is_not_on_aws_has_nothing_to_grant(project: Path) -> None:
    (project / "stacks" / "Pulumi.azure.yaml").write_text(ON_AZURE)
    done = run(*_stack("azure"), "--", "true")
    assert done.exit_code == 1
    assert "not on AWS" in done.stderr, done.stderr


def test_a_command_that_is_not_there_is_told_before_anything_is_asked_for(project: Path) -> None:
    done = run(*GRANT, "--", "no-such-command")
    assert done.exit_code == 127
    assert "nothing was asked for" in done.stderr
    assert not (project / ".muster" / "prod").exists()


@pytest.mark.parametrize(
    ("program", "code"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_how_the_command_ended_is_how_we_end(program: str, code: int) -> None:
    assert _outcome([sys.executable, "-c", program], dict(os.environ)) == code


_WAITS = """
import os, signal, sys
from cli.aws import _outcome
child = ["import signal, sys", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))"]
child += ["print('up', flush=True)", "signal.pause()"]
sys.exit(_outcome([sys.executable, "-c", "; ".join(child)], dict(os.environ)))
"""


def test_what_stops_us_reaches_the_command_and_its_end_is_awaited(start: Callable[..., Any]) -> None:
    process = start([sys.executable, "-c", _WAITS])
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 5


@pytest.fixture
def start() -> Any:
    """Starts a process; it has ended when the test has."""
    started: list[subprocess.Popen[str]] = []

    def begin(command: list[str]) -> subprocess.Popen[str]:
        root = Path(cli.aws.__file__).parents[1]
        started.append(subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
