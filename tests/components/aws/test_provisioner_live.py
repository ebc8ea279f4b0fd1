"""The provisioner's role on the local cloud: what `muster aws grant` gives may do just what it should."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from components.aws.provisioner_role import ProvisionerRole
from provider.clients.aws import Aws
from provider.clients.errors import ForbiddenError, ServiceError
from tests.components.aws.engine import PLACE, run

pytestmark = pytest.mark.xdist_group("provisioner-live")

STACK = """\
config:
  aws:region: eu-west-1
  muster:fleet:
    name: coldchain
    clouds: [aws]
    aws:
      account: "111122223333"
      provisioner: {sources: [127.0.0.0/8]}
    identity: {root: certs/root.pem, issuers: {oslo: certs/oslo.pem}}
    groups:
      reefers: {attestation: {x509: {issuer: oslo}}}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ALLOWED: list[tuple[str, str, dict[str, Any]]] = [
    ("iot", "create_thing_group", {"thingGroupName": "coldchain-more"}),
    ("iot", "create_thing", {"thingName": "reefer-7"}),
    ("iot", "list_thing_principals_v2", {"thingName": "reefer-7"}),
    ("iot", "describe_endpoint", {"endpointType": "iot:Data-ATS"}),
    ("iot", "get_registration_code", {}),
    ("iot", "update_event_configurations", {"eventConfigurations": {"JOB": {"Enabled": True}}}),
    ("iam", "get_role", {"RoleName": "coldchain-prod-provisioner"}),
    ("ssm", "get_parameters_by_path", {"Path": "/muster/iot"}),
    (
        "ssm",
        "put_parameter",
        {"Name": "/muster/iot/account-wide", "Value": "coldchain-prod", "Type": "String"},
    ),
    ("sqs", "create_queue", {"QueueName": "coldchain-prod-telemetry"}),
    ("sns", "create_topic", {"Name": "coldchain-prod-audit"}),
]
FORBIDDEN: list[tuple[str, str, dict[str, Any]]] = [
    ("iot", "create_thing_group", {"thingGroupName": "fridges-more"}),
    ("iot", "create_policy", {"policyName": "fridges-all", "policyDocument": json.dumps(TRUST)}),
    (
        "iam",
        "create_role",
        {"RoleName": "coldchain-prod-mine", "AssumeRolePolicyDocument": json.dumps(TRUST)},
    ),
    (
        "iam",
        "put_role_policy",
        {
            "RoleName": "coldchain-prod-provisioner",
            "PolicyName": "all",
            "PolicyDocument": json.dumps(TRUST),
        },
    ),
    ("iam", "delete_role_policy", {"RoleName": "coldchain-prod-provisioner", "PolicyName": "sources"}),
    ("iam", "get_role", {"RoleName": "somebody-elses"}),
    ("ssm", "put_parameter", {"Name": "/muster/iot", "Value": "x", "Type": "String"}),
    ("ssm", "get_parameters_by_path", {"Path": "/"}),
    ("sqs", "create_queue", {"QueueName": "fridges-prod-telemetry"}),
    ("s3", "list_buckets", {}),
]
ASKS = """
import json, os, sys
from provider.clients.aws import Aws
from provider.clients.errors import ForbiddenError
aws, told = Aws(os.environ, os.environ["AWS_REGION"]), []
for service, operation, parameters in json.loads(sys.argv[1]):
    try:
        aws.client(service).call(operation, **parameters)
        told.append([service, operation, "allowed"])
    except ForbiddenError:
        told.append([service, operation, "refused"])
print(json.dumps([aws.client("sts").call("get_caller_identity")["Arn"], told]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A local cloud, and how its account is reached."""
    state = tmp_path_factory.mktemp("cloud")
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        watchdog.cancel()
        proxy = json.loads((state / "endpoints.json").read_text())["proxy"]
        lines = (state / "aws.env").read_text().splitlines()
        own = dict(line.split("=", 1) for line in lines)
        yield {**own, "MUSTER_PROXY": proxy, "MUSTER_CA_FILE": str(state / "tls-ca.pem")}
        process.terminate()


@pytest.fixture(scope="module")
def administrator(environment: dict[str, str]) -> Aws:
    """Whoever runs the first `up`: here the role is as the component declares it."""
    aws = Aws(environment, "eu-west-1")
    make(aws, "coldchain-prod-provisioner", ["127.0.0.0/8"])
    return aws


def make(aws: Aws, name: str, sources: list[str]) -> None:
    engine = run(
        lambda: ProvisionerRole(
            "provisioner",
            {
                "place": PLACE,
                "max_minutes": 60,
                "sources": sources,
                "account_wide": True,
                "signer": None,
                "tags": {},
            },
        )
    )
    role = engine.one("aws:iam/role:Role").inputs
    iam = aws.client("iam")
    iam.call(
        "create_role",
        RoleName=name,
        AssumeRolePolicyDocument=role["assumeRolePolicy"],
        MaxSessionDuration=int(role["maxSessionDuration"]),
    )
    for policy in engine.of("aws:iam/rolePolicy:RolePolicy"):
        iam.call(
            "put_role_policy",
            RoleName=name,
            PolicyName=policy.inputs["name"],
            PolicyDocument=policy.inputs["policy"],
        )


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text(STACK)
    (tmp_path / "stacks" / "Pulumi.elsewhere.yaml").write_text(STACK)
    (tmp_path / "stacks" / "Pulumi.gone.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def granted(*words: str, stack: str = "prod", code: int = 0) -> Result:
    done = CliRunner().invoke(
        main, ["aws", "grant", "-s", stack, "--reason", "a new group", "--who", "ada", *words]
    )
    assert done.exit_code == code, (done.output, done.exception)
    return done


@pytest.mark.parametrize(("asked", "told"), [(ALLOWED, "allowed"), (FORBIDDEN, "refused")])
def test_a_grant_may_do_just_what_it_should(
    project: Path,
    administrator: Aws,
    capfd: pytest.CaptureFixture[str],
    asked: list[tuple[str, str, dict[str, Any]]],
    told: str,
) -> None:
    granted("--", sys.executable, "-c", ASKS, json.dumps(asked))
    who, found = json.loads(capfd.readouterr().out)
    assert who == "arn:aws:sts::111122223333:assumed-role/coldchain-prod-provisioner/ada"
    assert found == [[service, operation, told] for service, operation, _ in asked]


def test_from_another_address_there_is_no_grant(project: Path, administrator: Aws) -> None:
    make(administrator, "coldchain-elsewhere-provisioner", ["203.0.113.0/24"])
    told = granted("--", "true", stack="elsewhere", code=1).stderr
    assert "does not let you take" in told
    assert "aws.provisioner.sources" in told


def test_a_role_that_is_not_there_is_told_as_such(project: Path, administrator: Aws) -> None:
    told = granted("--", "true", stack="gone", code=1).stderr
    assert "there is no role arn:aws:iam::111122223333:role/coldchain-gone-provisioner" in told


def test_nobody_takes_the_role_without_saying_who_he_is(administrator: Aws) -> None:
    arn = "arn:aws:iam::111122223333:role/coldchain-prod-provisioner"
    sts = administrator.client("sts")
    with pytest.raises(ForbiddenError, match="not authorized to perform: sts:AssumeRole"):
        sts.call("assume_role", RoleArn=arn, RoleSessionName="ada", DurationSeconds=900)
    with pytest.raises(ServiceError, match="MaxSessionDuration"):
        sts.call(
            "assume_role", RoleArn=arn, RoleSessionName="ada", SourceIdentity="ada", DurationSeconds=3601
        )
