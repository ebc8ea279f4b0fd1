"""Roles of an account's components: who may take them, and that they may do no more than they must."""

from collections.abc import Callable
from typing import Any

import pytest

from components.aws.role_alias import RoleAlias
from components.aws.service_role import allow
from tests.components.aws import test_audit, test_detect, test_provisioner_role, test_telemetry_pipeline
from tests.components.aws.engine import IOT, PLACE, Engine, run
from tests.components.aws.test_account_wide import declared as account_wide

ROLE = "aws:iam/role:Role"
UPLOAD = allow(["s3:PutObject"], "arn:aws:s3:::uploads/${credentials-iot:ThingName}/*")


def aliased(seconds: int = 3600) -> Engine:
    return run(
        lambda: RoleAlias(
            "coldchain-devices",
            {
                "place": PLACE,
                "alias": "coldchain-prod-devices",
                "seconds": seconds,
                "statements": [UPLOAD],
                "tags": {},
            },
        )
    )


def test_devices_get_a_role_by_the_credential_provider_alone() -> None:
    engine = aliased()
    (trust,) = engine.one(ROLE).document("assumeRolePolicy")
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "credentials.iot.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    (right,) = engine.one("aws:iam/rolePolicy:RolePolicy").document("policy")
    assert right == UPLOAD
    alias = engine.one("aws:iot/roleAlias:RoleAlias")
    assert engine.one("aws:iam/rolePolicy:RolePolicy").urn in alias.depends_on
    assert (alias.inputs["alias"], alias.inputs["credentialDuration"]) == ("coldchain-prod-devices", 3600)
    assert alias.inputs["roleArn"] == "arn:aws:iam::111122223333:role/coldchain-prod-devices"


@pytest.mark.parametrize(("seconds", "session"), [(900, 3600), (43200, 43200)])
def test_the_roles_session_is_long_enough_for_the_alias(seconds: int, session: int) -> None:
    engine = aliased(seconds)
    assert engine.one(ROLE).inputs["maxSessionDuration"] == session
    assert engine.one("aws:iot/roleAlias:RoleAlias").inputs["credentialDuration"] == seconds


ALL: list[Callable[[], Engine]] = [
    aliased,
    account_wide,
    test_audit.declared,
    test_detect.declared,
    test_telemetry_pipeline.queued,
    test_telemetry_pipeline.streamed,
    test_provisioner_role.declared,
]


@pytest.mark.parametrize("declared", ALL)
def test_no_role_has_an_action_with_a_wildcard(declared: Callable[[], Engine]) -> None:
    allowed = list(declared().allowed())
    assert allowed
    for _, statement in allowed:
        actions = statement["Action"]
        assert all("*" not in action for action in ([actions] if isinstance(actions, str) else actions))


_EVERYWHERE = {
    "iot:ListPrincipalThings",
    "iot:ListThings",
    "iot:AttachThingPrincipal",
    "iot:DetachThingPrincipal",
    "iot:DescribeEndpoint",
    "iot:DescribeEventConfigurations",
    "iot:GetIndexingConfiguration",
    "iot:GetRegistrationCode",
    "iot:GetV2LoggingOptions",
    "iot:RegisterCACertificate",
    "iot:RegisterCertificate",
    "iot:RegisterCertificateWithoutCA",
    "iot:DeleteAccountAuditConfiguration",
    "iot:DescribeAccountAuditConfiguration",
    "iot:SetV2LoggingOptions",
    "iot:UpdateAccountAuditConfiguration",
    "iot:UpdateEventConfigurations",
    "iot:UpdateIndexingConfiguration",
    "logs:DescribeLogGroups",
    "sns:GetSubscriptionAttributes",
    "sns:Unsubscribe",
    "ssm:DescribeParameters",
}
"""Actions for which AWS knows no resource."""


@pytest.mark.parametrize("declared", ALL)
def test_a_resource_is_a_wildcard_only_where_aws_knows_none(declared: Callable[[], Engine]) -> None:
    for name, statement in declared().allowed():
        if statement["Resource"] == "*":
            actions = {each for each in statement["Action"] if not each.startswith("cloudformation:")}
            assert actions <= _EVERYWHERE, name
        else:
            resources: Any = statement["Resource"]
            for arn in [resources] if isinstance(resources, str) else resources:
                assert arn.startswith("arn:aws:"), arn
                assert ":111122223333:" in arn or arn.startswith("arn:aws:s3:::uploads/"), arn


@pytest.mark.parametrize("declared", ALL)
def test_aws_iot_takes_a_role_for_our_account_only(declared: Callable[[], Engine]) -> None:
    for role in declared().of(ROLE):
        (trust,) = role.document("assumeRolePolicy")
        if trust["Principal"] == {"Service": "iot.amazonaws.com"}:
            condition = trust["Condition"]
            assert condition["StringEquals"] == {"aws:SourceAccount": "111122223333"}
            source = condition.get("ArnLike", {}).get("aws:SourceArn", IOT)
            assert source.startswith(IOT)


@pytest.mark.parametrize("declared", ALL)
def test_names_fit_and_urns_are_unique(declared: Callable[[], Engine]) -> None:
    engine = declared()
    assert all(len(role.inputs["name"]) <= 64 for role in engine.of(ROLE))
    assert len({each.urn for each in engine.resources}) == len(engine.resources)
    components = {each.urn for each in engine.resources if each.token.startswith("muster:aws:")}
    assert all(each.parent in components for each in engine.resources if each.urn not in components)
