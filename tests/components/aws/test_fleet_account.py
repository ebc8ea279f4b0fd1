"""What a description says of the account becomes what it should: telemetry, credentials, settings, rights."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.aws import account_wide
from fleet import Fleet, load
from tests.components import aws_answers

Declare = Callable[..., Any]
MARK = "aws:ssm/parameter:Parameter"
ONCE = (
    MARK,
    "aws:iot/indexingConfiguration:IndexingConfiguration",
    "aws:iot/eventConfigurations:EventConfigurations",
    "aws:iot/loggingOptions:LoggingOptions",
    "aws-native:iot:AccountAuditConfiguration",
    "aws-native:iot:ScheduledAudit",
    "aws-native:iot:CertificateProvider",
)
_SIGNER = f"arn:aws:lambda:eu-west-1:{aws_answers.ACCOUNT}:function:sign"
WIDE = {
    "events": ["thing", "caCertificate"],
    "logging": "info",
    "certificateProvider": {"function": "sign"},
    "audit": {"schedule": "monthly", "mitigate": {"caCertificateExpiring": "deactivate"}},
}


def _fleet(**aws: Any) -> Fleet:
    description = {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1", "account": aws_answers.ACCOUNT, **aws},
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem"}},
        "groups": {
            "reefers": {
                "attestation": {"x509": {"issuer": "oslo"}},
                "aws": {"permissions": {"publish": ["telemetry", "door/state"]}},
            }
        },
    }
    return load(description, file="Pulumi.prod.yaml")


def test_a_fleet_touches_nothing_of_the_account_unless_it_says_so(declare: Declare) -> None:
    program = declare(_fleet())
    made = {each.token for each in program.resources}
    assert made.isdisjoint(
        {*ONCE, "aws:iot/roleAlias:RoleAlias", "aws:iot/domainConfiguration:DomainConfiguration"}
    )
    assert not any("provisioner" in each.name for each in program.resources)


def test_what_exists_once_is_declared_once_by_its_owner(declare: Declare) -> None:
    program = declare(_fleet(accountWide=WIDE))
    for token in ONCE:
        assert len(program.of(token)) == 1, token
    assert program.one(MARK).inputs["insecureValue"] == "coldchain-prod"
    events = program.one("aws:iot/eventConfigurations:EventConfigurations").inputs["eventConfigurations"]
    assert {kind for kind, on in events.items() if on} == {"THING", "CA_CERTIFICATE"}
    assert program.one("aws:iot/loggingOptions:LoggingOptions").inputs["defaultLogLevel"] == "INFO"
    schedule = program.one("aws-native:iot:ScheduledAudit").inputs
    assert (schedule["frequency"], schedule["dayOfMonth"]) == ("MONTHLY", "1")
    assert len(schedule["targetCheckNames"]) == 17
    provider = program.one("aws-native:iot:CertificateProvider").inputs
    assert provider["lambdaFunctionArn"] == _SIGNER
    actions = program.outputs["aws"]["mitigations"]
    assert actions == {"CA_CERTIFICATE_EXPIRING_CHECK": ["coldchain-prod-deactivate-ca"]}


def test_another_fleet_is_warned_and_declares_none_of_it(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    monkeypatch.setattr(account_wide, "owner", lambda _opts: "fridges-prod")
    program = declare(_fleet(accountWide=WIDE, provisioner={"sources": ["203.0.113.0/24"]}))
    assert not any(program.of(token) for token in ONCE)
    assert "mitigations" not in program.outputs["aws"]
    assert len(warned) == 1
    assert "belong to fridges-prod" in warned[0]
    actions = {
        action
        for each in program.of("aws:iam/rolePolicy:RolePolicy")
        for statement in json.loads(each.inputs["policy"])["Statement"]
        for action in statement["Action"]
    }
    assert "iot:UpdateIndexingConfiguration" not in actions, "nor may its provisioner"
    assert "iot:UpdateCertificateProvider" not in actions


def test_the_provisioner_may_let_aws_iot_call_the_function_that_signs(declare: Declare) -> None:
    program = declare(_fleet(accountWide=WIDE, provisioner={"sources": ["203.0.113.0/24"]}))
    statements = [
        statement
        for each in program.of("aws:iam/rolePolicy:RolePolicy")
        for statement in json.loads(each.inputs["policy"])["Statement"]
        if statement["Resource"] == _SIGNER
    ]
    assert [each["Action"] for each in statements] == [
        ["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"]
    ]


@pytest.mark.parametrize(("target", "kind"), [({"queue": {}}, "sqs"), ({"stream": {"shards": 2}}, "kineses")])
def test_telemetry_goes_where_it_is_said_and_dead_letters_with_it(
    declare: Declare, target: dict[str, Any], kind: str
) -> None:
    program = declare(_fleet(telemetry={"topics": ["telemetry", "door/state"], "target": target}))
    rules = [each for each in program.of("aws:iot/topicRule:TopicRule") if "'dt/" in each.inputs["sql"]]
    assert [rule.inputs["sql"].partition(" FROM ")[2] for rule in rules] == [
        "'dt/coldchain/+/+/door/state'",
        "'dt/coldchain/+/+/telemetry'",
    ]
    for rule in rules:
        assert len(rule.inputs[kind]) == 1
        assert rule.inputs["errorAction"]["sqs"]["queueUrl"].endswith("coldchain-prod-telemetry-dead")


def test_devices_may_put_objects_below_their_own_name_and_nothing_else(declare: Declare) -> None:
    program = declare(_fleet(credentials={"uploads": "coldchain-uploads", "seconds": 900}))
    alias = program.one("aws:iot/roleAlias:RoleAlias").inputs
    assert (alias["alias"], alias["credentialDuration"]) == ("coldchain-prod-devices", 900)
    [right] = [
        statement
        for each in program.of("aws:iam/rolePolicy:RolePolicy")
        for statement in json.loads(each.inputs["policy"])["Statement"]
        if "s3:PutObject" in statement["Action"]
    ]
    assert right["Action"] == ["s3:PutObject"]
    assert right["Resource"] == "arn:aws:s3:::coldchain-uploads/${credentials-iot:ThingName}/*"
    policies = [json.loads(each.inputs["policy"]) for each in program.of("aws:iot/policy:Policy")]
    asked = [
        each["Resource"]
        for policy in policies
        for each in policy["Statement"]
        if "iot:AssumeRoleWithCertificate" in each["Action"]
    ]
    arn = f"arn:aws:iot:eu-west-1:{aws_answers.ACCOUNT}:rolealias/coldchain-prod-devices"
    assert asked in ([arn], [[arn]]), "the device's policy names the very alias"


def test_the_provisioner_is_as_described(declare: Declare) -> None:
    program = declare(_fleet(provisioner={"maxMinutes": 120, "sources": ["203.0.113.0/24"]}))
    [role] = [
        each
        for each in program.of("aws:iam/role:Role")
        if each.inputs["name"] == "coldchain-prod-provisioner"
    ]
    assert role.inputs["maxSessionDuration"] == 7200
    [trust] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{aws_answers.ACCOUNT}:root"}
    assert trust["Condition"]["IpAddress"] == {"aws:SourceIp": ["203.0.113.0/24"]}


@pytest.mark.parametrize(("minimum", "made"), [("1.2", 0), ("1.3", 1)])
def test_tls_13_has_an_endpoint_of_its_own(declare: Declare, minimum: str, made: int) -> None:
    program = declare(_fleet(minimumTls=minimum))
    found = program.of("aws:iot/domainConfiguration:DomainConfiguration")
    assert len(found) == made
    own = program.outputs["aws"]["endpoint"] == aws_answers.ENDPOINTS["iot:Data-ATS"]
    assert own is (made == 0)
