"""The policies of a description in the live broker: what the table says is allowed is, the rest is refused.

A genuine client (awscrt) tries every row that MQTT can ask, each over a connection of its own. By the
evaluator alone, and for all stacks: tests/components/aws/test_stack_policies.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.one_cloud import alone
from bench.workspace import PROJECT
from components import permissions
from components.aws import policy
from components.aws.device_policy import policy_names
from fleet import Fleet, load_stack
from tests.components.aws import policy_table
from tests.components.aws.policy_table import Row

from .conftest import Cloud, Device, Identity

ACCOUNT = "111122223333"
THINGS = {"reefers": "mine-1", "tags": "mine-2", "bench-2": "mine-3"}
"""A thing of a group with jobs, one of a group of a claim, one that is enrolled by itself."""
BY_MQTT = ("Connect", "Publish", "RetainPublish", "Subscribe")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """What `everything` has on AWS: every way of enrolment, jobs, credentials."""
    described = PROJECT / "examples" / "everything" / "Pulumi.everything.yaml"
    file = tmp_path_factory.mktemp("stack") / described.name
    file.write_text(yaml.safe_dump(alone(yaml.safe_load(described.read_text()), "aws"), sort_keys=False))
    return load_stack(file)


def _put(cloud: Cloud, identity: Identity, documents: Mapping[str, Mapping[str, Any]]) -> str:
    """Register a certificate with these policies; its ARN."""
    iot = cloud.client("iot")
    arn = str(
        iot.register_certificate_without_ca(certificatePem=identity.pem, status="ACTIVE")["certificateArn"]
    )
    for name, document in documents.items():
        iot.create_policy(policyName=name, policyDocument=policy.text_of(document))
        iot.attach_policy(policyName=name, target=arn)
    return arn


@pytest.fixture(scope="module")
def devices(cloud: Cloud, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    """A thing of each of THINGS, with the policies that its part of the description is compiled to."""
    folder, made = tmp_path_factory.mktemp("devices"), {}
    for _, key, part in permissions.parts(fleet):
        if key not in THINGS:
            continue
        made[key] = Identity(folder, THINGS[key])
        names = policy_names(f"{fleet.name}-{key}")
        documents = permissions.compiled(fleet, ACCOUNT, key, part)
        arn = _put(cloud, made[key], {names[each]: document for each, document in documents.items()})
        cloud.client("iot").create_thing(thingName=THINGS[key])
        cloud.client("iot").attach_thing_principal(thingName=THINGS[key], principal=arn)
    return made


def _wrong(device: Device, rows: Iterable[Row]) -> list[str]:
    """The rows that the broker answers otherwise."""
    wrong = []
    for row in rows:
        device.tell(f"{row.action} {row.resource}")
        if device.hear() != {"allowed": row.is_allowed}:
            wrong.append(str(row))
    return wrong


def _run(cloud: Cloud, step: str, identity: Identity, name: str) -> Device:
    return cloud.device(step, name=name, certificate=str(identity.certificate), key=str(identity.key))


@pytest.mark.parametrize("key", THINGS)
def test_a_device_may_do_in_the_broker_what_the_table_says(
    cloud: Cloud, fleet: Fleet, devices: dict[str, Identity], key: str
) -> None:
    (part,) = [each for _, named, each in permissions.parts(fleet) if named == key]
    rows = list(policy_table.of_device(fleet, key, part.on_aws.permissions, THINGS[key]))
    tried = [row for row in rows if row.action in BY_MQTT]
    assert {row.is_allowed for row in tried} == {True, False}
    with _run(cloud, "ask", devices[key], THINGS[key]) as device:
        assert _wrong(device, tried) == []


def test_a_claim_may_do_in_the_broker_what_the_table_says(cloud: Cloud, fleet: Fleet, tmp_path: Path) -> None:
    identity = Identity(tmp_path, "claim")
    scope = permissions.scope(fleet, ACCOUNT, "tags")
    _put(cloud, identity, {"claim": policy.claim(scope, f"{fleet.name}-tags")})
    rows = [row for row in policy_table.of_claim(fleet, "tags") if row.action in BY_MQTT]
    with _run(cloud, "ask", identity, "whoever") as device:
        assert _wrong(device, rows) == []


def test_a_device_hears_its_own_commands_alone(
    cloud: Cloud, fleet: Fleet, devices: dict[str, Identity]
) -> None:
    topics = [f"cmd/{fleet.name}/reefers/{thing}/commands" for thing in ("others-1", "mine-1")]
    with _run(cloud, "mqtt5", devices["reefers"], "mine-1") as device:
        assert device.hear() == {"connack": 0}
        device.tell(f"subscribe {topics[1]}")
        assert device.hear() == {"granted": [1]}
        for topic in topics:
            cloud.client("iot-data").publish(topic=topic, qos=1, payload=topic)
        assert device.hear() == {"topic": topics[1], "payload": topics[1], "user": []}


def test_a_device_gets_credentials_of_the_role_alias_that_is_named_alone(
    cloud: Cloud, fleet: Fleet, devices: dict[str, Identity]
) -> None:
    credentials = fleet.on_aws.credentials
    assert credentials is not None
    iot, iam = cloud.client("iot"), cloud.client("iam")
    trust = policy.document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "credentials.iot.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ]
    )
    role = iam.create_role(RoleName="uploads", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for alias in (credentials.role_alias, "another"):
        iot.create_role_alias(roleAlias=alias, roleArn=role)
    answers = [_ask_for(cloud, devices["reefers"], alias) for alias in (credentials.role_alias, "another")]
    assert answers == [200, 403]


def _ask_for(cloud: Cloud, identity: Identity, alias: str) -> int:
    host = cloud.client("iot").describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"]
    head = (
        f"GET /role-aliases/{alias}/credentials HTTP/1.1",
        f"Host: {host}",
        "x-amzn-iot-thingname: mine-1",
        "Connection: close",
    )
    with cloud.tls(host, 443, identity) as line:
        line.sendall("\r\n".join((*head, "", "")).encode())
        return int(line.recv(65536).split()[1])
