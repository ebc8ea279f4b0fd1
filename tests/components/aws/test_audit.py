"""Audit: the checks asked for, a schedule of them, findings to an encrypted topic, actions in readiness."""

from typing import Any

import pulumi
import pytest

from components.aws.audit import Audit, AuditArgs, check_name
from fleet.description.defender import AUDIT_CHECKS
from tests.components.aws.engine import IOT, PLACE, Engine, run

CONFIGURATION = "aws-native:iot:AccountAuditConfiguration"
SCHEDULE = "aws-native:iot:ScheduledAudit"
ACTION = "aws-native:iot:MitigationAction"
TOPIC = "aws:sns/topic:Topic"
ROLE = "aws:iam/role:Role"


def declared(made: list[Audit] | None = None, **changes: Any) -> Engine:
    args: AuditArgs = {
        "place": PLACE,
        "checks": ["deviceCertificateShared", "caCertificateExpiring"],
        "schedule": "DAILY",
        "emails": ["ops@example.com"],
        "mitigate": {"deviceCertificateShared": "quarantine", "caCertificateExpiring": "deactivate"},
        "tags": {"muster-fleet": "coldchain"},
        **changes,  # type: ignore[typeddict-item]  # keys of the same
    }
    kept: list[Audit] = [] if made is None else made
    return run(lambda: kept.append(Audit("coldchain-audit", args)))


def test_the_checks_that_were_asked_for_are_on_and_no_others() -> None:
    inputs = declared().one(CONFIGURATION).inputs
    assert inputs["accountId"] == "111122223333"
    assert inputs["auditCheckConfigurations"] == {
        "deviceCertificateSharedCheck": {"enabled": True},
        "caCertificateExpiringCheck": {"enabled": True},
    }


def test_every_check_of_the_description_has_a_property() -> None:
    configured = declared(checks=AUDIT_CHECKS, mitigate={}).one(CONFIGURATION).inputs
    assert len(configured["auditCheckConfigurations"]) == len(AUDIT_CHECKS) == 17
    assert check_name("iotPolicyPotentialMisconfiguration") == "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"


def test_the_auditor_reads_by_the_policy_that_aws_keeps_for_it() -> None:
    engine = declared()
    attached = engine.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attached.inputs["policyArn"] == "arn:aws:iam::aws:policy/service-role/AWSIoTDeviceDefenderAudit"
    assert attached.inputs["role"] == "coldchain-prod-audit"
    configuration = engine.one(CONFIGURATION)
    assert configuration.inputs["roleArn"].endswith(":role/coldchain-prod-audit")
    assert attached.urn in configuration.depends_on


def test_findings_go_to_an_encrypted_topic_and_to_people() -> None:
    engine = declared()
    topic = engine.one(TOPIC)
    assert topic.inputs["kmsMasterKeyId"] == "alias/aws/sns"
    (refusal,) = topic.document("policy")
    assert (refusal["Effect"], refusal["Action"]) == ("Deny", "sns:Publish")
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    target = engine.one(CONFIGURATION).inputs["auditNotificationTargetConfigurations"]["sns"]
    assert target["enabled"] is True
    assert target["targetArn"] == refusal["Resource"]
    (right,) = engine.named("coldchain-audit-findings-publisher-rights").document("policy")
    assert (right["Action"], right["Resource"]) == (["sns:Publish"], target["targetArn"])
    publisher = engine.named("coldchain-audit-findings-publisher-rights")
    assert publisher.urn in engine.one(CONFIGURATION).depends_on
    mail = engine.one("aws:sns/topicSubscription:TopicSubscription").inputs
    assert (mail["protocol"], mail["endpoint"]) == ("email", "ops@example.com")


@pytest.mark.parametrize(
    ("schedule", "day"),
    [
        ("DAILY", {}),
        ("WEEKLY", {"dayOfWeek": "MON"}),
        ("BIWEEKLY", {"dayOfWeek": "MON"}),
        ("MONTHLY", {"dayOfMonth": "1"}),
    ],
)
def test_the_schedule_waits_for_the_checks_that_it_names(schedule: str, day: dict[str, str]) -> None:
    engine = declared(schedule=schedule)
    scheduled = engine.one(SCHEDULE)
    assert scheduled.inputs["targetCheckNames"] == [
        "DEVICE_CERTIFICATE_SHARED_CHECK",
        "CA_CERTIFICATE_EXPIRING_CHECK",
    ]
    assert scheduled.inputs["frequency"] == schedule
    assert {key: scheduled.inputs.get(key) for key in day} == day
    assert engine.one(CONFIGURATION).urn in scheduled.depends_on


def test_each_action_has_a_role_for_just_that() -> None:
    made: list[Audit] = []
    engine = declared(made)
    names = {action.inputs["actionName"]: action.inputs["actionParams"] for action in engine.of(ACTION)}
    assert names == {
        "coldchain-prod-quarantine": {
            "addThingsToThingGroupParams": {
                "thingGroupNames": ["coldchain-prod-quarantine"],
                "overrideDynamicGroups": True,
            }
        },
        "coldchain-prod-deactivate-ca": {"updateCaCertificateParams": {"action": "DEACTIVATE"}},
    }
    (role,) = [each for each in engine.of(ROLE) if each.inputs["name"] == "coldchain-prod-deactivate-ca"]
    (trust,) = role.document("assumeRolePolicy")
    source = trust["Condition"]["ArnLike"]["aws:SourceArn"]
    assert source == f"{IOT}:mitigationaction/coldchain-prod-deactivate-ca"
    (right,) = engine.named("coldchain-audit-mitigation-deactivate-ca-rights").document("policy")
    assert (right["Action"], right["Resource"]) == (["iot:UpdateCACertificate"], f"{IOT}:cacert/*")
    assert made[0].mitigations == {
        "DEVICE_CERTIFICATE_SHARED_CHECK": ["coldchain-prod-quarantine"],
        "CA_CERTIFICATE_EXPIRING_CHECK": ["coldchain-prod-deactivate-ca"],
    }


def test_the_quarantine_denies_everything_but_to_be_connected() -> None:
    engine = declared()
    (denied,) = engine.one("aws:iot/policy:Policy").document("policy")
    assert denied["Effect"] == "Deny"
    assert {"iot:Publish", "iot:Subscribe", "iot:Receive"} <= set(denied["Action"])
    assert "iot:Connect" not in denied["Action"]
    attached = engine.one("aws:iot/policyAttachment:PolicyAttachment").inputs
    assert attached["target"] == f"{IOT}:thinggroup/coldchain-prod-quarantine"


def test_an_action_waits_for_its_rights_and_for_the_group_that_denies() -> None:
    engine = declared()
    quarantine = engine.named("coldchain-audit-mitigation-quarantine")
    awaited = ("quarantine-rights", "group", "attached")
    urns = {engine.named(f"coldchain-audit-mitigation-{each}").urn for each in awaited}
    assert urns <= quarantine.depends_on
    of_a_ca = engine.named("coldchain-audit-mitigation-deactivate-ca")
    assert engine.named("coldchain-audit-mitigation-deactivate-ca-rights").urn in of_a_ca.depends_on


def test_an_answer_that_aws_has_not_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match=r"mitigate\.loggingDisabled: AWS has no mitigation action"):
        declared(mitigate={"loggingDisabled": "deactivate"})
    with pytest.raises(pulumi.RunError, match=r"mitigate\.caCertificateExpiring"):
        declared(mitigate={"caCertificateExpiring": "quarantine"})


def test_two_checks_with_one_answer_share_an_action() -> None:
    answers = dict.fromkeys(["deviceCertificateShared", "deviceCertificateExpiring"], "deactivate")
    engine = declared(mitigate=answers)
    assert engine.one(ACTION).inputs["actionParams"] == {
        "updateDeviceCertificateParams": {"action": "DEACTIVATE"}
    }


def test_everything_waits_for_the_mark_of_the_account() -> None:
    waited: list[pulumi.Resource] = []

    def program() -> None:
        first = pulumi.ComponentResource("muster:aws:First", "first")
        mark = pulumi.CustomResource(
            "aws:ssm/parameter:Parameter", "mark", {}, pulumi.ResourceOptions(parent=first)
        )
        waited.append(mark)
        args: AuditArgs = {
            "place": PLACE,
            "checks": ["deviceCertificateShared"],
            "schedule": "DAILY",
            "emails": [],
            "mitigate": {"deviceCertificateShared": "quarantine"},
            "tags": {},
        }
        Audit("coldchain-audit", args, pulumi.ResourceOptions(depends_on=[mark]))

    engine = run(program)
    mark = engine.named("mark")
    made = [
        each for each in engine.resources if each.token.startswith(("aws:", "aws-native:")) and each != mark
    ]
    assert len(made) == 13
    assert [each.name for each in made if mark.urn not in each.depends_on and each.token != SCHEDULE] == []
