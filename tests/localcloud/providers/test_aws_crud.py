"""What the resources of aws and aws-native ask of the services, and what they make of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.stub import Stubber
from pulumi.runtime.proto import provider_pb2

from localcloud.aws.constraints import Faults, checked
from localcloud.providers.aws.plugin import made
from localcloud.providers.aws.table import KINDS as CLASSIC
from localcloud.providers.aws_native.plugin import made as made_native
from localcloud.providers.aws_native.table import KINDS as NATIVE
from localcloud.providers.boto import service_models
from localcloud.providers.boto.calls import Base
from localcloud.providers.boto.entries import Kind
from localcloud.providers.boto.session import Session
from localcloud.providers.boto.settings import Settings
from localcloud.providers.errors import (
    BadConfiguration,
    CloudRefused,
    CloudUnreachable,
    Incomplete,
    ProviderError,
)
from localcloud.providers.servicer import Servicer
from localcloud.providers.wire import UNKNOWN, encode

from .aws_material import archive, policy
from .fake_aws import FakeSession, refusal

THING, POLICY = "aws:iot/thing:Thing", "aws:iot/policy:Policy"
GONE = refusal("ResourceNotFoundException")
FOUND = {"thingName": "one", "thingArn": "arn", "attributes": {"a": "b"}, "version": 1}


def taken(**answers: Any) -> FakeSession:
    return FakeSession(create_thing=refusal("ResourceAlreadyExistsException"), **answers)


def test_what_is_there_as_declared_is_taken_over() -> None:
    live = made(taken(describe_thing=FOUND)).resource(THING).create({"name": "one", "attributes": {"a": "b"}})
    assert (live.identity, live.outputs["arn"], live.outputs["region"]) == ("one", "arn", "eu-west-1")


@pytest.mark.parametrize("declared", [{"a": "c"}, {}, {"a": "b", "c": "d"}])
def test_what_is_there_otherwise_is_not(declared: dict[str, str]) -> None:
    with pytest.raises(ProviderError, match=r"ResourceAlreadyExists(.|\n)*pulumi import aws:iot/thing:Thing"):
        made(taken(describe_thing=FOUND)).resource(THING).create({"name": "one", "attributes": declared})


def test_what_only_an_update_will_bring_is_a_change_within_an_object() -> None:
    function = made(FakeSession()).resource("aws:lambda/function:Function")
    old = {"environment": {"variables": {"CLAIMS": "{}", "REGION": "here"}}}
    new = {"environment": {"variables": {"CLAIMS": UNKNOWN, "REGION": "here"}}}
    assert [it.path for it in function.diff(old, new).changes] == [("environment", "variables", "CLAIMS")]


def test_another_refusal_stays_as_it_is() -> None:
    session = FakeSession(create_thing=refusal("InvalidRequestException", "too much"))
    with pytest.raises(CloudRefused, match="too much"):
        made(session).resource(THING).create({"name": "one"})


REGISTERED = {
    "certificateDescription": {
        "certificateArn": "arn",
        "status": "ACTIVE",
        "certificatePem": "pem",
        "autoRegistrationStatus": "ENABLE",
        "certificateMode": "DEFAULT",
    }
}
CA = {
    "active": True,
    "allowAutoRegistration": True,
    "caCertificatePem": "pem",
    "verificationCertificatePem": "proof",
    "certificateMode": "DEFAULT",
}


def test_a_ca_that_another_account_has_registered_is_told_and_nothing_else_is_asked() -> None:
    """In DEFAULT mode a CA is one account's in a region."""
    words = "CA certificate is already registered by another account"
    session = FakeSession(
        register_ca_certificate=refusal("ResourceAlreadyExistsException", words, resourceId="abc"),
        describe_ca_certificate=GONE,
    )
    told = rf"ResourceAlreadyExistsException: {words}\n  abc is not in this account and region"
    with pytest.raises(ProviderError, match=told):
        made(session).resource("aws:iot/caCertificate:CaCertificate").create(CA)


def test_a_ca_that_another_fleet_has_registered_here_is_not_taken_over() -> None:
    session = FakeSession(
        register_ca_certificate=refusal("ResourceAlreadyExistsException", "it is", resourceId="abc"),
        describe_ca_certificate=REGISTERED,
        list_tags_for_resource={"tags": [{"Key": "muster-fleet", "Value": "fridges"}]},
    )
    wanted = {**CA, "tags": {"muster-fleet": "coldchain"}}
    told = r"it is\n  abc exists already and is not as declared; delete it, or take it over: pulumi import"
    with pytest.raises(ProviderError, match=told):
        made(session).resource("aws:iot/caCertificate:CaCertificate").create(wanted)


def test_a_ca_that_is_registered_is_found_by_the_id_in_the_error() -> None:
    session = FakeSession(
        register_ca_certificate=refusal("ResourceAlreadyExistsException", resourceId="abc"),
        describe_ca_certificate=REGISTERED,
        list_tags_for_resource={"tags": []},
    )
    assert made(session).resource("aws:iot/caCertificate:CaCertificate").create(CA).identity == "abc"


def test_what_is_gone_is_read_as_gone_and_deleted_without_a_word() -> None:
    resource = made(FakeSession(describe_thing=GONE, delete_thing=GONE)).resource(THING)
    assert resource.read("one", {"name": "one"}) is None
    resource.delete("one", {})


def test_what_nobody_declared_is_drift_unless_the_service_chose_it() -> None:
    live = made(FakeSession(describe_thing=FOUND)).resource(THING).read("one", {"name": "one"})
    assert live is not None
    assert live.inputs == {"name": "one", "attributes": {"a": "b"}}


def test_what_is_no_longer_declared_is_taken_away() -> None:
    session = FakeSession(describe_thing=FOUND | {"thingTypeName": "t"}, update_thing={})
    made(session).resource(THING).update("one", {"name": "one"})
    (told,) = (it for name, it in session.asked if name == "update_thing")
    assert told == {
        "thingName": "one",
        "removeThingType": True,
        "attributePayload": {"attributes": {}, "merge": False},
    }


@pytest.mark.parametrize(("others", "pruned"), [(["1", "2", "10"], None), (["3", "2", "10", "4"], "2")])
def test_a_sixth_version_of_a_policy_prunes_the_oldest(others: list[str], pruned: str | None) -> None:
    versions = [{"versionId": it, "isDefaultVersion": False} for it in others]
    session = FakeSession(
        get_policy={"policyName": "p", "policyDocument": policy("a", "b"), "policyArn": "arn"},
        list_policy_versions={"policyVersions": [*versions, {"versionId": "11", "isDefaultVersion": True}]},
        delete_policy_version={},
        create_policy_version={},
        list_tags_for_resource={"tags": []},
    )
    made(session).resource(POLICY).update("p", {"name": "p", "policy": policy("c", "d")})
    gone = [it["policyVersionId"] for name, it in session.asked if name == "delete_policy_version"]
    assert gone == ([pruned] if pruned else [])


def test_a_thing_type_is_deprecated_and_deleted_once_aws_lets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("localcloud.providers.aws.table.things.time.sleep", waits.append)
    text = "Please wait for 5 minutes after deprecation and then retry"
    answers: list[Any] = [refusal("InvalidRequestException", text), {}]

    def delete(_parameters: dict[str, Any]) -> dict[str, Any]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    session = FakeSession(deprecate_thing_type={}, delete_thing_type=delete)
    made(session).resource("aws:iot/thingType:ThingType").delete("t", {})
    assert session.operations() == ["deprecate_thing_type", "delete_thing_type", "delete_thing_type"]
    assert len(waits) == 1


def test_what_is_made_and_not_finished_keeps_its_id() -> None:
    session = FakeSession(
        create_security_profile={},
        attach_security_profile=refusal("InvalidRequestException", "no such group"),
    )
    resource = made_native(session).resource("aws-native:iot:SecurityProfile")
    with pytest.raises(Incomplete, match="no such group") as caught:
        resource.create({"securityProfileName": "p", "targetArns": ["arn"]})
    assert caught.value.identity == "p"


def test_an_audit_that_is_configured_is_not_taken_over_silently() -> None:
    there = {
        "roleArn": "arn:other",
        "auditCheckConfigurations": {"LOGGING_DISABLED_CHECK": {"enabled": True}},
    }
    session = FakeSession(describe_account_audit_configuration=there, update_account_audit_configuration={})
    resource = made_native(session).resource("aws-native:iot:AccountAuditConfiguration")
    inputs = {"accountId": "111122223333", "roleArn": "arn:mine", "auditCheckConfigurations": {}}
    with pytest.raises(ProviderError, match="is configured already"):
        resource.create(inputs)
    with pytest.raises(ProviderError, match="credentials are of 111122223333"):
        resource.create(inputs | {"accountId": "444455556666"})
    assert "update_account_audit_configuration" not in session.operations()


def test_code_that_was_changed_by_hand_is_drift_and_is_put_back() -> None:
    told = {"FunctionName": "f", "FunctionArn": "arn", "Role": "r", "CodeSha256": "other"}
    session = FakeSession(
        get_function={"Configuration": told},
        get_function_configuration=told,
        update_function_code={},
        update_function_configuration={},
        list_tags={"Tags": {}},
    )
    resource = made(session).resource("aws:lambda/function:Function")
    inputs = {"name": "f", "role": "r", "code": archive("x"), "reservedConcurrentExecutions": -1}
    live = resource.read("f", inputs)
    assert live is not None
    assert [it.path[0] for it in resource.diff(inputs, live.inputs).changes] == ["code"]
    resource.update("f", inputs)
    assert "update_function_code" in session.operations()


def test_statements_are_read_back_as_they_were_declared() -> None:
    statement = {
        "Sid": "iot",
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": "arn",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:rule"}, "StringEquals": {"AWS:SourceAccount": "1"}},
    }
    session = FakeSession(get_policy={"Policy": json.dumps({"Statement": [statement]})})
    live = made(session).resource("aws:lambda/permission:Permission").read("f/iot", {})
    assert live is not None
    assert live.inputs == {
        "statementId": "iot",
        "action": "lambda:InvokeFunction",
        "function": "f",
        "principal": "iot.amazonaws.com",
        "sourceArn": "arn:rule",
        "sourceAccount": "1",
    }


def test_values_of_parameters_are_secret() -> None:
    session = FakeSession(
        get_parameter={"Parameter": {"Name": "/a", "Type": "SecureString", "Value": "hush", "ARN": "arn"}},
        describe_parameters={"Parameters": [{"Name": "/a", "Tier": "Standard"}]},
        list_tags_for_resource={"TagList": []},
    )
    live = made(session).resource("aws:ssm/parameter:Parameter").read("/a", {"name": "/a", "value": "hush"})
    assert live is not None
    assert "hush" not in repr(live.outputs)


def test_an_account_that_is_not_allowed() -> None:
    session = Session(Settings(region_name="eu-west-1", allowed_accounts=("444455556666",)))
    session._account = "111122223333"
    with pytest.raises(BadConfiguration, match="of account 111122223333; allowed is only 444455556666"):
        session.asks("iot")("list_things")


def test_nobody_is_asked_offline() -> None:
    with pytest.raises(CloudUnreachable, match="MUSTER_OFFLINE is set"):
        Session(Settings(region_name="eu-west-1", is_offline=True)).asks("iot")("list_things")


def _stubbed() -> tuple[Session, Stubber]:
    session = Session(Settings(region_name="eu-west-1", access_key="a", secret_key="b"))
    return session, Stubber(session._client("iot", "eu-west-1"))


def test_errors_of_a_service_have_its_code_and_words() -> None:
    session, stubber = _stubbed()
    stubber.add_client_error(
        "create_thing", "ResourceAlreadyExistsException", "it is", 409, modeled_fields={"resourceId": "one"}
    )
    with stubber, pytest.raises(CloudRefused, match="ResourceAlreadyExistsException: it is") as caught:
        session.asks("iot")("create_thing", thingName="one")
    assert (caught.value.code, caught.value.status) == ("ResourceAlreadyExistsException", 409)


def test_parameters_that_botocore_refuses() -> None:
    session, _ = _stubbed()
    with pytest.raises(ProviderError, match="Missing required parameter"):
        session.asks("iot")("create_thing")


def test_no_answer() -> None:
    settings = Settings(region_name="eu-west-1", access_key="a", secret_key="b", proxy="http://127.0.0.1:1")
    session = Session(settings)
    session._client("iot", "eu-west-1").meta.config.retries = {"total_max_attempts": 1}
    with pytest.raises(CloudUnreachable, match="is the local cloud running"):
        session.asks("iot")("list_things")


def test_a_template_of_jobs() -> None:
    described = {"jobTemplateId": "t", "jobTemplateArn": "arn", "description": "d", "document": "{}"}
    session = FakeSession(create_job_template={}, describe_job_template=described, delete_job_template={})
    resource = made_native(session).resource("aws-native:iot:JobTemplate")
    inputs = {"jobTemplateId": "t", "description": "d", "document": "{}"}
    live = resource.create(inputs)
    assert (live.identity, live.outputs["arn"]) == ("t", "arn")
    resource.delete("t", {})
    assert session.operations() == ["create_job_template", "describe_job_template", "delete_job_template"]


def _clearing() -> list[tuple[Kind, str, dict[str, Any]]]:
    """What a change is told where something is taken away."""
    return [
        (kind, changer, dict(it.cleared))
        for kind in (*CLASSIC, *NATIVE)
        for changer in [getattr(kind.calls, "changer", "")]
        for it in kind.properties.values()
        if changer and it.cleared
    ]


@pytest.mark.parametrize(("kind", "changer", "cleared"), _clearing(), ids=lambda it: str(it)[:40])
def test_what_takes_a_value_away_is_allowed(kind: Kind, changer: str, cleared: dict[str, Any]) -> None:
    known, faults = service_models.parameters(kind.service, changer), Faults()
    for name, value in cleared.items():
        checked(known[name], value, name, faults)
    assert faults == []


def test_what_was_declared_is_known_when_it_is_deleted() -> None:
    session = FakeSession(schedule_key_deletion={})
    request = provider_pb2.DeleteRequest(
        urn="urn:pulumi:dev::p::aws:kms/key:Key::k", id="k", properties=encode({"deletionWindowInDays": 7})
    )
    Servicer(made(session)).delete(request)
    assert session.asked == [("schedule_key_deletion", {"KeyId": "k", "PendingWindowInDays": 7})]


INDEXING = "aws:iot/indexingConfiguration:IndexingConfiguration"
REGISTRY = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY"}}


@pytest.mark.parametrize(
    ("token", "declared", "live", "moved"),
    [
        (INDEXING, REGISTRY, {"namedShadowIndexingMode": "OFF", "managedFields": [{"name": "x"}]}, set()),
        (INDEXING, REGISTRY, {"namedShadowIndexingMode": "ON"}, {"namedShadowIndexingMode"}),
        (INDEXING, REGISTRY, {"customFields": [{"name": "a", "type": "String"}]}, {"customFields"}),
    ],
)
def test_what_is_at_rest_is_no_drift_and_what_moved_is(
    token: str, declared: dict[str, Any], live: dict[str, Any], moved: set[str]
) -> None:
    found = {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY", **live}}
    session = FakeSession(get_indexing_configuration=found, update_indexing_configuration={})
    resource = made(session).resource(token)
    seen = resource.read("eu-west-1", declared)
    assert seen is not None
    assert {it.path[1] for it in resource.diff(declared, seen.inputs).changes} == moved
    resource.update("eu-west-1", declared)
    told = dict(session.asked)["update_indexing_configuration"]["thingIndexingConfiguration"]
    assert told["namedShadowIndexingMode"] == told["thingConnectivityIndexingMode"] == "OFF"


def test_what_was_added_to_a_group_by_hand_is_drift() -> None:
    payload = {"attributes": {"a": "b"}}
    group = {"thingGroupDescription": "one", "attributePayload": payload}
    session = FakeSession(
        describe_thing_group={"thingGroupName": "g", "thingGroupArn": "arn", "thingGroupProperties": group},
        list_tags_for_resource={"tags": []},
    )
    declared = {"name": "g", "properties": {"description": "one"}}
    seen = made(session).resource("aws:iot/thingGroup:ThingGroup").read("g", declared)
    assert seen is not None
    assert seen.inputs["properties"] == {"description": "one", "attributePayload": payload}


@pytest.mark.parametrize(("there", "is_finished"), [(None, True), (30, False)])
def test_what_a_killed_run_left_unfinished_is_finished(there: int | None, is_finished: bool) -> None:
    kept = {"logGroupName": "/a", "arn": "arn:*", **({"retentionInDays": there} if there else {})}
    session = FakeSession(
        create_log_group=refusal("ResourceAlreadyExistsException"),
        describe_log_groups={"logGroups": [kept]},
        list_tags_for_resource={"tags": {}},
        put_retention_policy=lambda told: kept.update(retentionInDays=told["retentionInDays"]) or {},
    )
    resource = made(session).resource("aws:cloudwatch/logGroup:LogGroup")
    if is_finished:
        assert resource.create({"name": "/a", "retentionInDays": 14}).outputs["retentionInDays"] == 14
    else:
        with pytest.raises(ProviderError, match="exists already and is not as declared"):
            resource.create({"name": "/a", "retentionInDays": 14})


def test_the_tables_say_what_comes_late() -> None:
    for kind in (*CLASSIC, *NATIVE):
        completes = type(kind.calls).complete is not Base.complete
        assert completes == bool(kind.late) or kind.token == "aws:kms/key:Key"
        assert kind.late <= set(kind.properties)
