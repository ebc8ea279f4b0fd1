"""What an AWS account has once, end to end: made, changed by hand, seen, mended; another fleet is warned.

All that is done after the first `up` is done with a grant: the provisioner's rights are enough for it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from bench.workspace import lay_out
from provider.clients.aws import Aws, Client
from tests.e2e.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("account"), pytest.mark.timeout(600)]

PKI = ".muster/local/pki"
MARK = "/muster/iot/account-wide"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/coldchain-local-telemetry"
WIDE = {
    "events": ["thing"],
    "logging": "warn",
    "audit": {"checks": ["deviceCertificateShared"], "mitigate": {"deviceCertificateShared": "quarantine"}},
}


def described(name: str) -> str:
    fleet = {
        "name": name,
        "clouds": ["aws"],
        "aws": {
            "accountWide": WIDE,
            "telemetry": {"target": {"queue": {}}},
            "credentials": {"uploads": "coldchain-uploads"},
            "provisioner": {"sources": ["127.0.0.0/8"]},
        },
        "identity": {"root": f"{PKI}/root.pem", "issuers": {"registration": f"{PKI}/registration.pem"}},
        "groups": {"reefers": {"attestation": {"x509": {"issuer": "registration"}}}},
    }
    return yaml.safe_dump({"config": {"aws:region": "eu-west-1", "muster:fleet": fleet}}, sort_keys=False)


class Owner:
    """The fleet that the account's settings belong to, in its workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.stacks = workspace.root / "stacks"

    def aws(self) -> Aws:
        """The services, as an operator reaches them."""
        trust = {"MUSTER_CA_FILE": str(self.workspace.state / "cloud" / "tls-ca.pem")}
        return Aws(self.workspace.settings() | trust)

    def granted(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the provisioner's session."""
        words = ("aws", "grant", "-s", "local", "--reason", "test", "--who", "ada", "--")
        return self.workspace.muster(*words, *command)

    def pulumi(self, *words: str, stack: str = "local") -> subprocess.CompletedProcess[str]:
        """Run pulumi with the provisioner's session."""
        done = self.granted("pulumi", *words, "-s", stack, "--non-interactive")
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """A fleet that owns the settings of its account, up."""
    root = tmp_path_factory.mktemp("owner")
    lay_out(root)
    made = Owner(Workspace(root))
    (made.stacks / "Pulumi.local.yaml").write_text(described("coldchain"))
    try:
        first = made.workspace.muster("up", "--devices", "0")
        assert first.returncode == 0, first.stdout + first.stderr
        yield made
    finally:
        made.workspace.muster("down")


def test_what_the_account_has_once_is_as_described(owner: Owner) -> None:
    aws = owner.aws()
    iot = aws.client("iot")
    [mark] = aws.client("ssm").call("get_parameters_by_path", Path="/muster/iot")["Parameters"]
    assert (mark["Name"], mark["Value"]) == (MARK, "coldchain-local")
    events = iot.call("describe_event_configurations")["eventConfigurations"]
    assert {kind for kind, it in events.items() if it["Enabled"]} == {"THING"}
    index = iot.call("get_indexing_configuration")["thingIndexingConfiguration"]
    assert index["thingIndexingMode"] == "REGISTRY_AND_SHADOW"
    assert iot.call("get_v2_logging_options")["defaultLogLevel"] == "WARN"
    audit = iot.call("describe_account_audit_configuration")
    checks = audit["auditCheckConfigurations"]
    assert {name for name, it in checks.items() if it["enabled"]} == {"DEVICE_CERTIFICATE_SHARED_CHECK"}
    assert owner.workspace.outputs()["aws"]["mitigations"] == {
        "DEVICE_CERTIFICATE_SHARED_CHECK": ["coldchain-local-quarantine"]
    }


def test_the_next_preview_wants_nothing(owner: Owner) -> None:
    owner.pulumi("preview", "--refresh", "--expect-no-changes")


def test_what_is_changed_by_hand_is_seen_and_mended(owner: Owner) -> None:
    aws = owner.aws()
    iot, sqs = aws.client("iot"), aws.client("sqs")
    iot.call("update_event_configurations", eventConfigurations={"JOB": {"Enabled": True}})
    sqs.call("set_queue_attributes", QueueUrl=QUEUE, Attributes={"SqsManagedSseEnabled": "false"})
    seen = owner.pulumi("preview", "--refresh", "--diff").stdout
    assert "JOB" in seen
    assert "sqsManagedSseEnabled" in seen
    owner.pulumi("up", "--refresh", "--yes", "--skip-preview")
    events = iot.call("describe_event_configurations")["eventConfigurations"]
    assert not events["JOB"]["Enabled"]
    kept = sqs.call("get_queue_attributes", QueueUrl=QUEUE, AttributeNames=["SqsManagedSseEnabled"])
    assert kept["Attributes"] == {"SqsManagedSseEnabled": "true"}


def test_telemetry_arrives_with_whose_it_is_and_what_is_none_is_kept_apart(owner: Owner) -> None:
    aws = owner.aws()
    endpoint = f"https://{owner.workspace.outputs()['aws']['endpoint']}"
    data, sqs = aws.client("iot-data", endpoint=endpoint), aws.client("sqs")
    topic = "dt/coldchain/reefers/reefer-7/telemetry"
    for payload in (b'{"celsius": 4}', b"no json"):
        data.call("publish", topic=topic, payload=payload)
    received, dead = (_one(sqs, f"{QUEUE}{end}") for end in ("", "-dead"))
    assert {**received, "receivedAt": 0} == {
        "celsius": 4,
        "groupName": "reefers",
        "thingName": "reefer-7",
        "receivedAt": 0,
    }
    assert dead["topic"] == topic
    assert dead["failures"]


def _one(sqs: Client, queue: str) -> dict[str, object]:
    answer = sqs.call("receive_message", QueueUrl=queue, WaitTimeSeconds=10)
    (message,) = answer["Messages"]
    return dict(json.loads(message["Body"]))


def test_another_fleet_is_warned_and_takes_nothing_over(owner: Owner) -> None:
    (owner.stacks / "Pulumi.second.yaml").write_text(described("fridges"))
    made = owner.workspace.pulumi("stack", "init", "second", "--non-interactive")
    assert made.returncode == 0, made.stderr
    done = owner.workspace.pulumi("preview", "-s", "second", "--non-interactive")
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert f"belong to coldchain-local, as the SSM parameter {MARK} says" in told
    assert "EventConfigurations" not in told
    assert "AccountAuditConfiguration" not in told


def test_each_grant_is_on_record(owner: Owner) -> None:
    owner.granted("true")
    record = owner.workspace.root / ".muster" / "local" / "operations.jsonl"
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    assert {(entry["action"], entry["who"]) for entry in entries} == {("grant", "ada")}
    assert [entry["event"] for entry in entries[-2:]] == ["began", "granted"]
    secret = owner.workspace.settings()["AWS_SECRET_ACCESS_KEY"]
    assert secret not in record.read_text()
