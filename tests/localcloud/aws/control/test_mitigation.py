"""What is done about findings: each action, in the name of its own role and no further."""

import json
from datetime import timedelta
from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.control.around import Around
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of
from tests.localcloud.aws.control.test_audits import Issuer, audit, enable, pem, register

Client = Any
EXPIRING, LOGGING = "DEVICE_CERTIFICATE_EXPIRING_CHECK", "LOGGING_DISABLED_CHECK"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:findings"


def action(iot: Client, name: str, role: str, **params: Any) -> str:
    iot.create_mitigation_action(actionName=name, roleArn=role, actionParams=params)
    return name


def mitigate(iot: Client, audit_task: str, check: str, *actions: str) -> dict[str, Any]:
    iot.start_audit_mitigation_actions_task(
        taskId="mend",
        target={"auditTaskId": audit_task},
        auditCheckToActionsMapping={check: list(actions)},
        clientRequestToken="t",
    )
    found: dict[str, Any] = iot.describe_audit_mitigation_actions_task(taskId="mend")
    return found


@pytest.fixture
def expiring(iot: Client) -> tuple[str, str, str]:
    """A device's certificate near its end: its id, the audit that found it, and the finding."""
    identity = register(iot, Issuer().leaf("pump", 5))
    arn = iot.describe_certificate(certificateId=identity)["certificateDescription"]["certificateArn"]
    iot.create_thing(thingName="pump")
    iot.attach_thing_principal(thingName="pump", principal=arn)
    enable(iot, EXPIRING)
    task, findings = audit(iot, EXPIRING)
    return identity, task["taskId"], findings[0]["findingId"]


def test_a_device_is_set_apart_and_switched_off(
    iot: Client, around: Around, expiring: tuple[str, str, str], clock: Clock
) -> None:
    identity, task, finding = expiring
    iot.create_thing_group(thingGroupName="quarantine")
    grouping = around.add_role("grouping", "iot:ListPrincipalThings", "iot:AddThingToThingGroup")
    group = action(iot, "group", grouping, addThingsToThingGroupParams={"thingGroupNames": ["quarantine"]})
    off = action(
        iot,
        "off",
        around.add_role("off", "iot:UpdateCertificate"),
        updateDeviceCertificateParams={"action": "DEACTIVATE"},
    )
    done = mitigate(iot, task, EXPIRING, group, off)
    assert done["taskStatus"] == "COMPLETED"
    assert done["taskStatistics"][EXPIRING]["succeededFindingsCount"] == 1
    assert iot.list_things_in_thing_group(thingGroupName="quarantine")["things"] == ["pump"]
    shown = iot.describe_certificate(certificateId=identity)["certificateDescription"]
    assert shown["status"] == "INACTIVE"
    executions = iot.list_audit_mitigation_actions_executions(taskId="mend", findingId=finding)
    assert [it["status"] for it in executions["actionsExecutions"]] == ["COMPLETED"] * 2
    begin = clock.now() - timedelta(days=1)
    listed = iot.list_audit_mitigation_actions_tasks(startTime=begin, endTime=clock.now() + timedelta(days=1))
    assert [it["taskId"] for it in listed["tasks"]] == ["mend"]


def test_a_role_that_may_not_stops_the_actions_after_it(
    iot: Client, around: Around, expiring: tuple[str, str, str]
) -> None:
    identity, task, finding = expiring
    iot.create_thing_group(thingGroupName="quarantine")
    first = action(
        iot, "a", around.add_role("a", "iot:Connect"), updateDeviceCertificateParams={"action": "DEACTIVATE"}
    )
    second = action(
        iot,
        "b",
        around.add_role("b", "iot:*"),
        addThingsToThingGroupParams={"thingGroupNames": ["quarantine"]},
    )
    assert mitigate(iot, task, EXPIRING, first, second)["taskStatus"] == "FAILED"
    found = iot.list_audit_mitigation_actions_executions(taskId="mend", findingId=finding)[
        "actionsExecutions"
    ]
    assert [it["status"] for it in found] == ["FAILED", "SKIPPED"]
    assert found[0]["errorCode"] == "INSUFFICIENT_PERMISSIONS"
    assert "iot:UpdateCertificate" in found[0]["message"]
    assert iot.describe_certificate(certificateId=identity)["certificateDescription"]["status"] == "ACTIVE"
    assert iot.list_things_in_thing_group(thingGroupName="quarantine")["things"] == []


def test_logging_is_switched_on_and_findings_are_told(iot: Client, around: Around) -> None:
    enable(iot, LOGGING)
    task, _ = audit(iot, LOGGING)
    on = action(
        iot,
        "on",
        around.add_role("on", "iot:SetV2LoggingOptions", "iam:PassRole"),
        enableIoTLoggingParams={"roleArnForLogging": ROLE, "logLevel": "ERROR"},
    )
    tell = action(
        iot, "tell", around.add_role("tell", "sns:Publish"), publishFindingToSnsParams={"topicArn": TOPIC}
    )
    assert mitigate(iot, task["taskId"], LOGGING, on, tell)["taskStatus"] == "COMPLETED"
    assert iot.get_v2_logging_options()["defaultLogLevel"] == "ERROR"
    (sent,) = around.published
    assert json.loads(sent["Message"])["finding"]["checkName"] == LOGGING
    assert audit(iot, LOGGING)[1] == []


def test_a_ca_is_switched_off_and_a_policy_emptied(iot: Client, around: Around, clock: Clock) -> None:
    expiring, broad = "CA_CERTIFICATE_EXPIRING_CHECK", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
    authority = Issuer(days=5)
    made = iot.register_ca_certificate(
        caCertificate=pem(authority.certificate), certificateMode="SNI_ONLY", setAsActive=True
    )
    statement = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    iot.create_policy(
        policyName="broad", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    enable(iot, expiring, broad)
    task, _ = audit(iot, expiring, broad)
    right = around.add_role("any", "iot:UpdateCACertificate", "iot:CreatePolicyVersion")
    action(iot, "ca", right, updateCACertificateParams={"action": "DEACTIVATE"})
    action(iot, "blank", right, replaceDefaultPolicyVersionParams={"templateName": "BLANK_POLICY"})
    iot.start_audit_mitigation_actions_task(
        taskId="mend",
        target={"auditTaskId": task["taskId"]},
        auditCheckToActionsMapping={expiring: ["ca"], broad: ["blank"]},
        clientRequestToken="t",
    )
    assert iot.describe_audit_mitigation_actions_task(taskId="mend")["taskStatus"] == "COMPLETED"
    shown = iot.describe_ca_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert shown["status"] == "INACTIVE"
    assert (
        json.loads(iot.get_policy(policyName="broad")["policyDocument"])["Statement"][0]["Effect"] == "Deny"
    )
    assert audit(iot, expiring, broad)[1] == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "exactly one member"),
        (
            {
                "updateDeviceCertificateParams": {"action": "DEACTIVATE"},
                "updateCACertificateParams": {"action": "DEACTIVATE"},
            },
            "exactly one member",
        ),
        ({"updateDeviceCertificateParams": {"action": "REVOKE"}}, "enum value set"),
        (
            {"enableIoTLoggingParams": {"roleArnForLogging": ROLE, "logLevel": "DISABLED"}},
            "cannot be DISABLED",
        ),
        ({"addThingsToThingGroupParams": {"thingGroupNames": []}}, "greater than or equal to 1"),
    ],
)
def test_an_action_with_a_fault_is_refused(iot: Client, params: dict[str, Any], words: str) -> None:
    refused = words_of(iot.create_mitigation_action, actionName="x", roleArn=ROLE, actionParams=params)
    assert words in refused


def test_an_action_fits_its_check_and_a_task_is_given_once(
    iot: Client, aws: Aws, expiring: tuple[str, str, str]
) -> None:
    _, task, _ = expiring
    action(iot, "ca", ROLE, updateCACertificateParams={"action": "DEACTIVATE"})
    assert code_of(mitigate, iot, task, EXPIRING, "ca") == "InvalidRequestException"
    assert code_of(mitigate, iot, task, EXPIRING, "none") == "ResourceNotFoundException"
    assert aws.place.store.list("aws-mitigation-task") == []
    iot.delete_mitigation_action(actionName="ca")
    action(iot, "tell", ROLE, publishFindingToSnsParams={"topicArn": TOPIC})
    aws.place.store.put("aws-mitigation-task", "mend", {"taskId": "mend"})
    assert code_of(mitigate, iot, task, EXPIRING, "tell") == "TaskAlreadyExistsException"
