"""The temporary permission to provision: who, from where, what, how long."""

import json
from typing import Any

import botocore.session
import pytest

from components.aws.provisioner_role import ProvisionerRole, ProvisionerRoleArgs
from tests.components.aws.engine import IOT, PLACE, Engine, run

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/rolePolicy:RolePolicy"


def declared(**changes: Any) -> Engine:
    args: ProvisionerRoleArgs = {
        "place": PLACE,
        "max_minutes": 60,
        "sources": ["203.0.113.0/24"],
        "account_wide": True,
        "signer": None,
        "tags": {"muster-fleet": "coldchain"},
        **changes,  # type: ignore[typeddict-item]  # keys of the same
    }
    return run(lambda: ProvisionerRole("coldchain-provisioner", args))


def test_who_and_from_where_and_on_record() -> None:
    role = declared().one(ROLE)
    assert role.inputs["name"] == "coldchain-prod-provisioner"
    (trust,) = role.document("assumeRolePolicy")
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
    assert trust["Condition"] == {
        "IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]},
        "Null": {"sts:SourceIdentity": "false"},
    }


def test_principals_that_are_named_are_the_only_ones() -> None:
    ada = "arn:aws:iam::111122223333:user/ada"
    (trust,) = declared(principals=[ada]).one(ROLE).document("assumeRolePolicy")
    assert trust["Principal"] == {"AWS": [ada]}


@pytest.mark.parametrize("minutes", [60, 720])
def test_a_session_is_no_longer_than_allowed(minutes: int) -> None:
    assert declared(max_minutes=minutes).one(ROLE).inputs["maxSessionDuration"] == minutes * 60


def test_from_elsewhere_nothing_is_allowed_at_all() -> None:
    (denied,) = declared().named("coldchain-provisioner-sources").document("policy")
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", "*", "*")
    assert denied["Condition"] == {
        "NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]},
        "Bool": {"aws:ViaAWSService": "false"},
    }


def test_it_makes_and_changes_no_roles_and_hands_on_those_of_its_stack_only() -> None:
    actions = {}
    for _, statement in declared().allowed():
        for action in statement["Action"]:
            if action.startswith(("iam:", "sts:", "organizations:")):
                actions[action] = statement["Resource"]
    assert set(actions) == {
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "iam:PassRole",
    }
    assert set(actions.values()) == {"arn:aws:iam::111122223333:role/coldchain-prod-*"}


def test_roles_are_handed_to_iot_and_lambda_only() -> None:
    (passing,) = [each for _, each in declared().allowed() if each["Action"] == ["iam:PassRole"]]
    assert passing["Condition"]["StringEquals"]["iam:PassedToService"] == [
        "iot.amazonaws.com",
        "credentials.iot.amazonaws.com",
        "lambda.amazonaws.com",
    ]


def test_account_wide_settings_are_its_business_only_where_they_are_the_fleets() -> None:
    with_them = {action for _, each in declared().allowed() for action in each["Action"]}
    without = {action for _, each in declared(account_wide=False).allowed() for action in each["Action"]}
    assert with_them - without == {
        "iot:DeleteAccountAuditConfiguration",
        "iot:DescribeAccountAuditConfiguration",
        "iot:SetV2LoggingOptions",
        "iot:UpdateAccountAuditConfiguration",
        "iot:UpdateEventConfigurations",
        "iot:UpdateIndexingConfiguration",
        "ssm:AddTagsToResource",
        "ssm:DeleteParameter",
        "ssm:DescribeParameters",
        "ssm:GetParameter",
        "ssm:GetParameters",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
        "ssm:RemoveTagsFromResource",
    }


def test_who_signs_certificates_is_its_business_for_one_provider_and_one_function() -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:sign"
    engine = declared(signer=function)
    provider, permission = engine.named("coldchain-provisioner-signer").document("policy")
    assert provider["Resource"] == f"{IOT}:certificateprovider/coldchain-prod"
    assert [each for each in provider["Action"] if not each.endswith("Resource")] == [
        "iot:CreateCertificateProvider",
        "iot:DeleteCertificateProvider",
        "iot:DescribeCertificateProvider",
        "iot:UpdateCertificateProvider",
    ]
    assert permission["Resource"] == function
    assert permission["Action"] == ["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"]
    others = [each for _, each in declared().allowed()]
    assert not any("CertificateProvider" in action for each in others for action in each["Action"])


_NO_OPERATION = {"iam:PassRole"}
"""What is allowed and no operation of its own."""


def test_every_action_is_one_that_aws_has() -> None:
    models: dict[str, set[str]] = {}
    for _, statement in declared(signer="arn:aws:lambda:eu-west-1:111122223333:function:sign").allowed():
        for action in set(statement["Action"]) - _NO_OPERATION:
            service, _, operation = action.partition(":")
            if service not in models:
                models[service] = _operations(service)
            assert operation in models[service], action


def _operations(service: str) -> set[str]:
    """Operations of a service; Cloud Control and shadows have models apart from those of their actions."""
    session = botocore.session.get_session()
    models = {"cloudformation": ["cloudcontrol"], "iot": ["iot", "iot-data"]}.get(service, [service])
    return {name for model in models for name in session.get_service_model(model).operation_names}


def test_all_of_it_fits_into_the_policies_of_a_role() -> None:
    documents = [json.loads(policy.inputs["policy"]) for policy in declared(signer="arn").of(POLICY)]
    assert sum(len(json.dumps(each, separators=(",", ":"))) for each in documents) < 10_240
