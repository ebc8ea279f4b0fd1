"""What aws and aws-native take and refuse, name and fill in, and what forces a replacement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.providers.aws.plugin import made
from localcloud.providers.aws_native.plugin import made as made_native
from localcloud.providers.boto.settings import Settings, faults
from localcloud.providers.errors import BadConfiguration, UnknownToken
from localcloud.providers.paths import render
from localcloud.providers.plugin import Checked, Declaration, Proposal
from localcloud.providers.wire import UNKNOWN, Secret

from .aws_around import around
from .aws_iot import things
from .aws_material import Case, authority, policy, request
from .aws_native_cases import native
from .fake_aws import FakeSession

THING, RULE = "aws:iot/thing:Thing", "aws:iot/topicRule:TopicRule"
QUEUE, POLICY = "aws:sqs/queue:Queue", "aws:iot/policy:Policy"
PROFILE = "aws-native:iot:SecurityProfile"
CASES = [*around(), *things("0" * 64, request(), authority()), *native()]


def resource(token: str) -> Any:
    plugin = made_native(FakeSession()) if token.startswith("aws-native:") else made(FakeSession())
    return plugin.resource(token)


def check(token: str, inputs: dict[str, Any], **declared: Any) -> Checked:
    found: Checked = resource(token).check(Declaration("one", inputs, declared.pop("old", {}), **declared))
    return found


def said(token: str, inputs: dict[str, Any]) -> dict[str, str]:
    return {render(it.path): it.reason for it in check(token, inputs).faults}


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.token)
def test_sound_declarations_have_no_fault(case: Case) -> None:
    assert check(case.token, case.inputs).faults == ()
    assert check(case.token, {**case.inputs, **case.change}).faults == ()


def test_all_faults_at_once() -> None:
    found = said(THING, {"name": "a b", "attributes": {"a b": "x", "c": 1}, "thingType": "x"})
    assert set(found) == {"name", 'attributes["a b"]', "attributes.c", "thingType"}
    assert "[a-zA-Z0-9:_-]+" in found["name"]
    assert "did you mean thingTypeName?" in found["thingType"]


@pytest.mark.parametrize(
    ("token", "inputs", "place", "reason"),
    [
        (THING, {"name": "x" * 129}, "name", "length less than or equal to 128"),
        ("aws:iot/roleAlias:RoleAlias", {"alias": "a", "roleArn": "r" * 30}, "alias", ""),
        (
            "aws:iot/roleAlias:RoleAlias",
            {"alias": "a", "roleArn": "arn:aws:iam::1:role/r", "credentialDuration": 60},
            "credentialDuration",
            "greater than or equal to 900",
        ),
        (
            "aws:iot/caCertificate:CaCertificate",
            {"active": True, "allowAutoRegistration": True, "caCertificatePem": "x", "certificateMode": "X"},
            "certificateMode",
            "DEFAULT, SNI_ONLY",
        ),
        (QUEUE, {"messageRetentionSeconds": 59}, "messageRetentionSeconds", "the least is 60"),
        ("aws:dynamodb/table:Table", {"name": "t"}, "name", "3 to 255"),
        (QUEUE, {"namePrefix": "x"}, "namePrefix", "does not serve this property"),
        (RULE, {"enabled": True, "sql": "", "sqlVersion": "x", "kafkas": []}, "kafkas", "does not serve"),
        (POLICY, {"policy": "{"}, "policy", "no JSON"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 2}, "retentionInDays", "3653"),
        ("aws:iot/certificate:Certificate", {"active": True}, "csr", "no private keys"),
        ("aws:ssm/parameter:Parameter", {"type": "String"}, "value", "exactly one of value"),
        (THING, {"region": "here"}, "region", "eu-west-1"),
        (RULE, {"sqs": [{"queueUrl": "u", "roleArn": "r"}]}, "sqs[0].useBase64", "missing"),
        ("aws:lambda/function:Function", {"timeout": 901}, "timeout", "the most is 900"),
        ("aws:lambda/function:Function", {"runtime": "python3.12"}, "handler", "needed with packageType Zip"),
        ("aws:sns/topicSubscription:TopicSubscription", {"protocol": "pigeon"}, "protocol", "sms or sqs"),
        ("aws-native:iot:JobTemplate", {"document": "{"}, "document", "no JSON"),
        (
            "aws-native:iot:JobTemplate",
            {"timeoutConfig": {}},
            "timeoutConfig.inProgressTimeoutInMinutes",
            "missing",
        ),
        (
            "aws:iot/thingGroupMembership:ThingGroupMembership",
            {"thingName": "a"},
            "thingGroupName",
            "missing",
        ),
    ],
)
def test_a_value_that_the_service_forbids(
    token: str, inputs: dict[str, Any], place: str, reason: str
) -> None:
    found = said(token, inputs)
    if reason:
        assert reason in found[place]
    else:
        assert found == {}


@pytest.mark.parametrize(
    ("criteria", "place"),
    [
        ({"comparisonOperator": "above"}, "comparisonOperator"),
        ({"consecutiveDatapointsToAlarm": 11}, "consecutiveDatapointsToAlarm"),
        ({"value": {"count": "many"}}, "value.count"),
        ({"value": {"count": "-1"}}, "value.count"),
    ],
)
def test_what_botocore_itself_lets_pass(criteria: dict[str, Any], place: str) -> None:
    found = said(PROFILE, {"behaviors": [{"name": "b", "criteria": criteria}]})
    assert set(found) == {f"behaviors[0].criteria.{place}"}


def test_secrets_are_never_quoted() -> None:
    found = said(THING, {"name": Secret("hush hush"), "attributes": Secret({"quiet quiet": "x"})})
    assert set(found) == {"name", 'attributes["quiet quiet"]'}
    assert "hush" not in found["name"]


def test_unknown_values_are_in_order() -> None:
    assert said(RULE, {"name": "r", "enabled": True, "sql": UNKNOWN, "sqlVersion": "x", "sqs": UNKNOWN}) == {}


@pytest.mark.parametrize(
    ("token", "inputs", "name", "value"),
    [
        (THING, {}, "name", "one-"),
        (RULE, {}, "name", "one_"),
        ("aws:s3/bucket:Bucket", {}, "bucket", "one-"),
        ("aws:kms/alias:Alias", {}, "name", "alias/one-"),
        (PROFILE, {}, "securityProfileName", "one-"),
    ],
)
def test_names_are_made(token: str, inputs: dict[str, Any], name: str, value: str) -> None:
    named = check(token, inputs, seed=b"1").inputs[name]
    assert named.startswith(value)
    assert len(named) == len(value) + 7
    assert check(token, inputs, seed=b"1").inputs[name] == named
    assert check(token, inputs, seed=b"2", old={name: named}).inputs[name] == named


def test_names_of_fifo_queues_end_so() -> None:
    assert check(QUEUE, {"fifoQueue": True}).inputs["name"].endswith(".fifo")


def test_the_engines_wish_for_a_name() -> None:
    wished = Proposal("enforce", "wished")
    assert check(THING, {}, proposal=wished).inputs["name"] == "wished"
    found = check(THING, {}, proposal=Proposal("disable", ""))
    assert "automatic names are switched off" in found.faults[0].reason


def test_an_objects_key_is_its_name() -> None:
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    assert check(token, {"bucket": "b"}).inputs["key"] == "one"


def test_defaults_are_filled_in() -> None:
    inputs = check("aws:iam/role:Role", {"assumeRolePolicy": policy("a", "b")}).inputs
    assert (inputs["path"], inputs["maxSessionDuration"]) == ("/", 3600)


def test_a_policy_may_be_an_object() -> None:
    assert said(POLICY, {"policy": json.loads(policy("iot:Connect", "x"))}) == {}


@pytest.mark.parametrize("case", [it for it in CASES if it.fixed], ids=lambda it: it.token)
def test_what_only_a_replacement_changes(case: Case) -> None:
    old = check(case.token, case.inputs).inputs
    difference = resource(case.token).diff(old, {**old, **case.fixed})
    assert difference.replaces


@pytest.mark.parametrize("case", [it for it in CASES if it.change], ids=lambda it: it.token)
def test_what_changes_in_place(case: Case) -> None:
    old = check(case.token, case.inputs).inputs
    difference = resource(case.token).diff(old, {**old, **case.change})
    assert difference.changes
    assert not difference.replaces


def test_a_chosen_name_goes_before_the_new_one_comes() -> None:
    token = "aws:iot/authorizer:Authorizer"
    inputs = {"authorizerFunctionArn": "arn:aws:lambda:eu-west-1:1:function:f", "signingDisabled": True}
    chosen, random = check(token, {"name": "a", **inputs}).inputs, check(token, inputs).inputs
    changed = {"signingDisabled": False}
    assert resource(token).diff(chosen, {**chosen, **changed}).delete_first
    assert not resource(token).diff(random, {**random, **changed}).delete_first


def test_one_document_written_in_two_ways_is_no_change() -> None:
    text = policy("iot:Connect", "x")
    other = json.dumps(json.loads(text) | {"Statement": json.loads(text)["Statement"][0]}, indent=2)
    assert resource(POLICY).diff({"policy": text}, {"policy": other}).changes == ()


def test_the_order_of_a_set_is_no_change() -> None:
    token = "aws-native:iot:ScheduledAudit"
    inputs = {"frequency": "DAILY", "scheduledAuditName": "a"}
    names = ["LOGGING_DISABLED_CHECK", "CA_CERTIFICATE_EXPIRING_CHECK"]
    one, other = (
        check(token, {**inputs, "targetCheckNames": it}).inputs for it in (names, list(reversed(names)))
    )
    assert resource(token).diff(one, other).changes == ()


def test_a_preview_knows_what_is_declared() -> None:
    inputs = check(THING, {"name": "a", "attributes": {"b": UNKNOWN}}).inputs
    created = resource(THING).preview(inputs, {})
    assert created["name"] == "a"
    assert created["arn"] is created["region"] is UNKNOWN
    updated = resource(THING).preview(inputs, {"arn": "arn:aws:iot:1", "version": 1})
    assert updated["arn"] == "arn:aws:iot:1"


def test_tags_are_shown_twice_as_pulumi_aws_does() -> None:
    assert resource(QUEUE).preview({"tags": {"a": "b"}}, {})["tagsAll"] == {"a": "b"}


def test_unserved_tokens_name_those_that_are() -> None:
    with pytest.raises(UnknownToken, match=r"aws:iot/thing:Thing(.|\n)*localcloud/providers/aws\."):
        resource("aws:ec2/instance:Instance")
    with pytest.raises(UnknownToken, match="getCallerIdentity"):
        made(FakeSession()).invoke("aws:ec2/getAmi:getAmi", {})


def test_settings_without_effect_are_refused() -> None:
    given = {"region": "eu-west-1", "profile": "mine", "skipMetadataApiCheck": "true", "endpoints": "[]"}
    assert [it.path for it in faults(given)] == [("profile",)]


def test_no_region() -> None:
    with pytest.raises(BadConfiguration, match="set AWS_REGION"):
        made(FakeSession(Settings())).resource(THING).read("a", {})
