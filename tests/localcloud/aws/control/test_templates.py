"""Provisioning templates, their versions and claims, through boto3."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.control.refusals import ROLE, code_of

Client = Any
HOOK = {"targetArn": "arn:aws:lambda:eu-west-1:111122223333:function:hook", "payloadVersion": "2020-04-01"}
BODY = json.dumps(
    {
        "Parameters": {"Serial": {"Type": "String"}},
        "Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "Serial"}}}},
    }
)


def create(iot: Client, name: str = "pumps", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = iot.create_provisioning_template(
        **{"templateName": name, "templateBody": BODY, "provisioningRoleArn": ROLE, "enabled": True, **more}
    )
    return made


def test_a_template_is_made_and_shown(iot: Client) -> None:
    made = create(
        iot, description="of the plant", preProvisioningHook=HOOK, tags=[{"Key": "a", "Value": "b"}]
    )
    shown = iot.describe_provisioning_template(templateName="pumps")
    assert made["templateArn"] == "arn:aws:iot:eu-west-1:111122223333:provisioningtemplate/pumps"
    assert (made["defaultVersionId"], shown["defaultVersionId"]) == (1, 1)
    assert (shown["type"], shown["enabled"], shown["templateBody"]) == ("FLEET_PROVISIONING", True, BODY)
    assert shown["preProvisioningHook"] == HOOK
    assert shown["creationDate"] == shown["lastModifiedDate"]
    assert iot.list_tags_for_resource(resourceArn=made["templateArn"])["tags"] == [{"Key": "a", "Value": "b"}]
    assert [it["templateName"] for it in iot.list_provisioning_templates()["templates"]] == ["pumps"]


def test_versions_come_and_go(iot: Client) -> None:
    create(iot)
    made = [
        iot.create_provisioning_template_version(templateName="pumps", templateBody=BODY, setAsDefault=it)
        for it in (False, True, False, False)
    ]
    assert [it["versionId"] for it in made] == [2, 3, 4, 5]
    assert code_of(iot.create_provisioning_template_version, templateName="pumps", templateBody=BODY) == (
        "VersionsLimitExceededException"
    )
    assert code_of(iot.delete_provisioning_template_version, templateName="pumps", versionId=3) == (
        "DeleteConflictException"
    )
    iot.delete_provisioning_template_version(templateName="pumps", versionId=2)
    left = iot.list_provisioning_template_versions(templateName="pumps")["versions"]
    assert [(it["versionId"], it["isDefaultVersion"]) for it in left] == [
        (1, False),
        (3, True),
        (4, False),
        (5, False),
    ]
    iot.update_provisioning_template(templateName="pumps", defaultVersionId=1, removePreProvisioningHook=True)
    assert iot.describe_provisioning_template(templateName="pumps")["defaultVersionId"] == 1
    assert code_of(iot.update_provisioning_template, templateName="pumps", defaultVersionId=2) == (
        "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"templateBody": "{}"}, "Resources must be a JSON object"),
        ({"templateBody": "nonsense"}, "not valid JSON"),
        ({"templateBody": "x" * 10241}, "length less than or equal to 10240"),
        ({"templateName": "a b"}, "regular expression"),
        ({"templateName": "x" * 37}, "length less than or equal to 36"),
        ({"provisioningRoleArn": "arn:aws:iam::111122223333:user/x"}, "not the ARN of a role"),
        ({"type": "BULK"}, "enum value set"),
        ({"preProvisioningHook": {**HOOK, "payloadVersion": "2019-01-01"}}, "payloadVersion must be"),
        ({"preProvisioningHook": {"targetArn": "arn:aws:sns:eu-west-1:111122223333:x"}}, "Lambda function"),
        ({"preProvisioningHook": HOOK, "type": "JITP"}, "FLEET_PROVISIONING only"),
        ({"tags": [{"Key": "aws:x", "Value": "y"}]}, "AWS' own"),
    ],
)
def test_a_template_with_a_fault_is_refused(iot: Client, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        create(iot, **changes)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    assert iot.list_provisioning_templates()["templates"] == []


def test_a_name_is_given_once(iot: Client) -> None:
    create(iot)
    assert code_of(create, iot) == "ResourceAlreadyExistsException"
    iot.delete_provisioning_template(templateName="pumps")
    assert code_of(iot.delete_provisioning_template, templateName="pumps") == "ResourceNotFoundException"


def test_a_claim_is_good_for_five_minutes_and_one_template(iot: Client, aws: Aws, clock: Clock) -> None:
    create(iot)
    claim = iot.create_provisioning_claim(templateName="pumps")
    identity = claim["certificateId"]
    policy = aws.world.claims.policy_of(identity)
    assert aws.world.claims.template_of(identity) == "pumps"
    assert policy is not None
    assert "provisioning-templates/pumps/provision/" in json.dumps(policy)
    assert claim["keyPair"]["PrivateKey"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    clock.advance(301)
    assert aws.world.claims.is_over(identity)
    assert aws.world.claims.policy_of(identity) is None
    aws.world.claims.tidy()
    assert aws.world.certificates.by_fingerprint(identity) is None


def test_a_claim_needs_an_enabled_template_of_fleet_provisioning(iot: Client) -> None:
    create(iot, "off", enabled=False)
    create(iot, "jitp", type="JITP")
    for name in ("off", "jitp"):
        assert code_of(iot.create_provisioning_claim, templateName=name) == "InvalidRequestException"
    assert code_of(iot.create_provisioning_claim, templateName="none") == "ResourceNotFoundException"
