"""Policies: versions, attachments, and what holds for a certificate."""

import json
from typing import Any

from localcloud.aws.cloud import Aws
from tests.localcloud.aws.control.refusals import code_of, words_of


def document(client: str = "a") -> str:
    statement = {
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": f"arn:aws:iot:eu-west-1:111122223333:client/{client}",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_five_versions(iot: Any) -> None:
    iot.create_policy(policyName="p", policyDocument=document())
    for number in range(2, 6):
        made = iot.create_policy_version(policyName="p", policyDocument=document(str(number)))
        assert made["policyVersionId"] == str(number)
    change = {"policyName": "p", "policyDocument": document("x")}
    assert code_of(iot.create_policy_version, **change) == "VersionsLimitExceededException"
    assert code_of(iot.delete_policy, policyName="p") == "DeleteConflictException"
    first = {"policyName": "p", "policyVersionId": "1"}
    assert code_of(iot.delete_policy_version, **first) == "DeleteConflictException"
    iot.set_default_policy_version(policyName="p", policyVersionId="5")
    assert iot.get_policy(policyName="p")["policyDocument"] == document("5")
    iot.delete_policy_version(**first)
    assert code_of(iot.get_policy_version, **first) == "ResourceNotFoundException"
    assert iot.create_policy_version(**change, setAsDefault=True)["policyVersionId"] == "6"
    shown = iot.list_policy_versions(policyName="p")["policyVersions"]
    assert [(it["versionId"], it["isDefaultVersion"]) for it in shown][:2] == [("6", True), ("5", False)]


def test_what_is_no_policy(iot: Any) -> None:
    long = json.loads(document())
    long["Statement"][0]["Resource"] = [f"arn:aws:iot:::topic/{number}" for number in range(100)]
    for text in ("{", "{}", '{"Version":"2012-10-17","Statement":[{}]}', json.dumps(long), "[" * 5000):
        assert code_of(iot.create_policy, policyName="p", policyDocument=text) == "MalformedPolicyException"
    spaced = json.dumps(json.loads(document()), indent=200)
    assert len(spaced) > 2048
    iot.create_policy(policyName="p", policyDocument=spaced)
    assert code_of(iot.create_policy, policyName="p", policyDocument=spaced) == (
        "ResourceAlreadyExistsException"
    )


def test_what_holds_for_a_certificate(iot: Any, aws: Aws) -> None:
    made = iot.create_keys_and_certificate(setAsActive=True)
    for name in ("own", "of-group", "of-parent", "stray"):
        iot.create_policy(policyName=name, policyDocument=document(name))
    iot.create_thing_group(thingGroupName="parent")
    iot.create_thing_group(thingGroupName="group", parentGroupName="parent")
    iot.create_thing(thingName="a")
    iot.add_thing_to_thing_group(thingGroupName="group", thingName="a")
    iot.attach_policy(policyName="own", target=made["certificateArn"])
    iot.attach_policy(policyName="of-group", target=aws.place.arn("thinggroup/group"))
    iot.attach_policy(policyName="of-parent", target=aws.place.arn("thinggroup/parent"))
    held = aws.world.policies
    assert held.names_for(made["certificateArn"]) == ["own"]
    iot.attach_thing_principal(thingName="a", principal=made["certificateArn"])
    assert held.names_for(made["certificateArn"]) == ["own", "of-group", "of-parent"]
    assert held.documents_of(made["certificateArn"])[0] == json.loads(document("own"))
    effective = iot.get_effective_policies(principal=made["certificateArn"], thingName="a")
    assert [it["policyName"] for it in effective["effectivePolicies"]] == ["own", "of-group", "of-parent"]
    inherited = iot.list_attached_policies(target=aws.place.arn("thinggroup/group"), recursive=True)
    assert {it["policyName"] for it in inherited["policies"]} == {"of-group", "of-parent"}

    iot.update_certificate(certificateId=made["certificateId"], newStatus="INACTIVE")
    iot.detach_thing_principal(thingName="a", principal=made["certificateArn"])
    one = {"certificateId": made["certificateId"]}
    assert code_of(iot.delete_certificate, **one) == "DeleteConflictException"
    assert code_of(iot.delete_policy, policyName="own") == "DeleteConflictException"
    iot.delete_certificate(**one, forceDelete=True)
    assert iot.list_targets_for_policy(policyName="own")["targets"] == []
    iot.delete_policy(policyName="own")


def test_quotas_and_targets(iot: Any, aws: Aws) -> None:
    iot.create_thing_group(thingGroupName="g")
    target = aws.place.arn("thinggroup/g")
    for number in range(3):
        iot.create_policy(policyName=f"p{number}", policyDocument=document())
    for number in range(2):
        iot.attach_policy(policyName=f"p{number}", target=target)
        iot.attach_policy(policyName=f"p{number}", target=target)
    assert code_of(iot.attach_policy, policyName="p2", target=target) == "LimitExceededException"
    iot.detach_policy(policyName="p0", target=target)
    iot.attach_policy(policyName="p2", target=target)
    assert iot.list_targets_for_policy(policyName="p2")["targets"] == [target]
    foreign = target.replace("111122223333", "444455556666")
    for wrong in (foreign, aws.place.arn("thing/a"), "x"):
        assert code_of(iot.attach_policy, policyName="p0", target=wrong) == "InvalidRequestException"
    missing = aws.place.arn("thinggroup/none")
    assert code_of(iot.attach_policy, policyName="p0", target=missing) == "ResourceNotFoundException"


def test_tags_of_a_policy(iot: Any) -> None:
    made = iot.create_policy(policyName="p", policyDocument=document(), tags=[{"Key": "a", "Value": "1"}])
    arn = made["policyArn"]
    iot.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    iot.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    iot.delete_policy(policyName="p")
    assert code_of(iot.list_tags_for_resource, resourceArn=arn) == "ResourceNotFoundException"


def test_an_authorization_is_tried(iot: Any, aws: Aws) -> None:
    made = iot.create_keys_and_certificate(setAsActive=True)
    statement = {
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": "arn:aws:iot:eu-west-1:111122223333:client/${iot:Connection.Thing.ThingName}",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iot.create_policy(policyName="p", policyDocument=text)
    denied = json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, "Effect": "Deny", "Resource": "*"}]}
    )
    iot.create_policy(policyName="deny", policyDocument=denied)
    iot.attach_policy(policyName="p", target=made["certificateArn"])
    iot.create_thing(thingName="a")
    iot.attach_thing_principal(thingName="a", principal=made["certificateArn"])

    def decided(client: str, **more: Any) -> str:
        infos = [{"actionType": "CONNECT", "resources": [aws.place.arn(f"client/{client}")]}]
        asked = {"principal": made["certificateArn"], "authInfos": infos, "clientId": client, **more}
        return str(iot.test_authorization(**asked)["authResults"][0]["authDecision"])

    assert decided("a") == "ALLOWED"
    assert decided("b") == "IMPLICIT_DENY"
    assert decided("a", policyNamesToSkip=["p"]) == "IMPLICIT_DENY"
    assert decided("a", policyNamesToAdd=["deny"]) == "EXPLICIT_DENY"
    assert code_of(iot.test_authorization, authInfos=[]) == "InvalidRequestException"
    no_type = {"principal": made["certificateArn"], "authInfos": [{"resources": ["x"]}]}
    assert "has an actionType" in words_of(iot.test_authorization, **no_type)
