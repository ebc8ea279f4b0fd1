"""Audits of a registry with faults in it: findings, suppressions, notification, schedules, mitigation."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.control.around import Around
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
TOPIC = "arn:aws:sns:eu-west-1:111122223333:findings"
LOGGING, EXPIRING = "LOGGING_DISABLED_CHECK", "DEVICE_CERTIFICATE_EXPIRING_CHECK"
BROAD = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"


def enable(iot: Client, *checks: str, role: str = ROLE, **more: Any) -> None:
    iot.update_account_audit_configuration(
        roleArn=role, auditCheckConfigurations={it: {"enabled": True} for it in checks}, **more
    )


def audit(iot: Client, *checks: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An audit's description and findings."""
    task = iot.start_on_demand_audit_task(targetCheckNames=list(checks))["taskId"]
    found: list[dict[str, Any]] = iot.list_audit_findings(taskId=task)["findings"]
    return {**iot.describe_audit_task(taskId=task), "taskId": task}, found


class Issuer:
    """A CA of somebody's own, with the certificates it issues."""

    def __init__(self, days: int = 3650) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Plant")])
        self.certificate = self._signed(self.name, self.key.public_key(), days, is_authority=True)

    def leaf(self, name: str, days: int, crl: str | None = None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        return self._signed(subject, key, days, crl=crl)

    def crl(self, *revoked: x509.Certificate) -> str:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now)
        builder = builder.next_update(now + timedelta(days=9))
        for it in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(it.serial_number).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: int,
        crl: str | None = None,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        if crl:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def issuer(iot: Client) -> Issuer:
    """A registered CA."""
    made = Issuer()
    iot.register_ca_certificate(
        caCertificate=pem(made.certificate), certificateMode="SNI_ONLY", setAsActive=True
    )
    return made


def register(iot: Client, certificate: x509.Certificate) -> str:
    made = iot.register_certificate_without_ca(certificatePem=pem(certificate), status="ACTIVE")
    return str(made["certificateId"])


def test_all_checks_are_off_at_first(iot: Client) -> None:
    found = iot.describe_account_audit_configuration()["auditCheckConfigurations"]
    assert len(found) == 17
    assert not any(it["enabled"] for it in found.values())
    assert code_of(iot.start_on_demand_audit_task, targetCheckNames=[LOGGING]) == "InvalidRequestException"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"auditCheckConfigurations": {LOGGING: {"enabled": True}}}, "roleArn is required"),
        ({"roleArn": ROLE}, "At least one check"),
        ({"roleArn": ROLE, "auditCheckConfigurations": {"X_CHECK": {"enabled": True}}}, "no audit check"),
        (
            {
                "roleArn": ROLE,
                "auditCheckConfigurations": {
                    EXPIRING: {"enabled": True, "configuration": {"CERT_EXPIRATION_THRESHOLD_IN_DAYS": "29"}}
                },
            },
            "30 to 3652 days",
        ),
        (
            {
                "roleArn": ROLE,
                "auditCheckConfigurations": {
                    LOGGING: {"enabled": True, "configuration": {"CERT_AGE_THRESHOLD_IN_DAYS": "90"}}
                },
            },
            "has no setting",
        ),
        (
            {
                "roleArn": ROLE,
                "auditNotificationTargetConfigurations": {
                    "SNS": {"targetArn": "arn:aws:sqs:eu-west-1:1:x", "roleArn": ROLE, "enabled": True}
                },
            },
            "must be an SNS topic's",
        ),
    ],
)
def test_a_configuration_with_a_fault_is_refused(iot: Client, params: dict[str, Any], words: str) -> None:
    assert words in words_of(iot.update_account_audit_configuration, **params)


def test_certificates_near_their_end_are_found(iot: Client) -> None:
    issuer = Issuer()
    soon, later = (register(iot, issuer.leaf(name, days)) for name, days in (("a", 20), ("b", 50)))
    enable(iot, EXPIRING)
    task, findings = audit(iot, EXPIRING)
    assert task["taskStatistics"]["nonCompliantChecks"] == 1
    assert task["auditDetails"][EXPIRING]["totalResourcesCount"] == 2
    (finding,) = findings
    assert finding["nonCompliantResource"]["resourceIdentifier"]["deviceCertificateId"] == soon
    assert (finding["severity"], finding["reasonForNonComplianceCode"]) == (
        "MEDIUM",
        "CERTIFICATE_APPROACHING_EXPIRATION",
    )
    iot.update_account_audit_configuration(
        auditCheckConfigurations={
            EXPIRING: {"enabled": True, "configuration": {"CERT_EXPIRATION_THRESHOLD_IN_DAYS": "60"}}
        }
    )
    found = {_certificate(it) for it in audit(iot, EXPIRING)[1]}
    assert found == {soon, later}


def _certificate(finding: dict[str, Any]) -> str:
    return str(finding["nonCompliantResource"]["resourceIdentifier"]["deviceCertificateId"])


def test_inactive_certificates_are_nobody_s_business(iot: Client) -> None:
    identity = register(iot, Issuer().leaf("a", 5))
    iot.update_certificate(certificateId=identity, newStatus="INACTIVE")
    enable(iot, EXPIRING)
    assert audit(iot, EXPIRING)[1] == []


def test_expiry_and_age_follow_the_clock(iot: Client, clock: Clock, issuer: Issuer) -> None:
    checks = (EXPIRING, "CA_CERTIFICATE_EXPIRING_CHECK", "DEVICE_CERTIFICATE_AGE_CHECK")
    register(iot, issuer.leaf("a", 500))
    enable(iot, *checks)
    assert audit(iot, *checks)[1] == []
    clock.advance(3640 * 86400)
    codes = {it["checkName"]: it["reasonForNonComplianceCode"] for it in audit(iot, *checks)[1]}
    assert codes == {
        EXPIRING: "CERTIFICATE_PAST_EXPIRATION",
        "CA_CERTIFICATE_EXPIRING_CHECK": "CERTIFICATE_APPROACHING_EXPIRATION",
        "DEVICE_CERTIFICATE_AGE_CHECK": "CERTIFICATE_PAST_AGE_THRESHOLD",
    }


def test_revoked_but_active_certificates_are_found(iot: Client, aws: Aws, issuer: Issuer) -> None:
    check = "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK"
    good, bad = (issuer.leaf(name, 90, "http://crl.example/plant.crl") for name in ("good", "bad"))
    register(iot, good)
    identity = register(iot, bad)
    enable(iot, check)
    task, findings = audit(iot, check)
    assert findings == []
    assert task["auditDetails"][check]["checkRunStatus"] == "FAILED"
    assert task["auditDetails"][check]["errorCode"] == "REVOCATION_LIST_NOT_AVAILABLE"
    aws.world.defender.revocations.learn(issuer.crl(bad), pem(issuer.certificate))
    assert [_certificate(it) for it in audit(iot, check)[1]] == [identity]


def test_broad_policies_and_shared_certificates_are_found(iot: Client, aws: Aws) -> None:
    shared, clash = "DEVICE_CERTIFICATE_SHARED_CHECK", "CONFLICTING_CLIENT_IDS_CHECK"
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
    iot.create_policy(
        policyName="broad", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    identity = register(iot, Issuer().leaf("a", 90))
    aws.world.defender.history.shared(identity, ["a", "b"])
    aws.world.defender.history.clashed("pump", [identity])
    enable(iot, BROAD, shared, clash)
    found = {it["checkName"]: it["nonCompliantResource"] for it in audit(iot, BROAD, shared, clash)[1]}
    assert found[BROAD]["resourceIdentifier"] == {
        "policyVersionIdentifier": {"policyName": "broad", "policyVersionId": "1"}
    }
    assert found[shared]["additionalInfo"] == {"clientIds": "a,b"}
    assert found[clash]["resourceIdentifier"] == {"clientId": "pump"}


def test_role_aliases_are_judged_by_their_roles(iot: Client, around: Around) -> None:
    check, unused = (
        "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
        "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    )
    iot.create_role_alias(roleAlias="narrow", roleArn=around.add_role("narrow", "s3:PutObject"))
    iot.create_role_alias(roleAlias="broad", roleArn=around.add_role("broad", "dynamodb:*"))
    enable(iot, check, unused)
    task, findings = audit(iot, check, unused)
    (finding,) = findings
    assert finding["nonCompliantResource"]["resourceIdentifier"]["roleAliasArn"].endswith("rolealias/broad")
    assert task["auditDetails"][unused]["checkRunStatus"] == "FAILED"


def test_a_finding_is_suppressed_until_its_day(iot: Client, clock: Clock) -> None:
    enable(iot, LOGGING)
    resource = {"account": "111122223333"}
    until = clock.now() + timedelta(days=2)
    iot.create_audit_suppression(
        checkName=LOGGING, resourceIdentifier=resource, expirationDate=until, clientRequestToken="t1"
    )
    task, findings = audit(iot, LOGGING)
    assert findings == []
    assert task["auditDetails"][LOGGING]["suppressedNonCompliantResourcesCount"] == 1
    listed = iot.list_audit_findings(taskId=task["taskId"], listSuppressedFindings=True)["findings"]
    assert [it["isSuppressed"] for it in listed] == [True]
    clock.advance(3 * 86400)
    assert len(audit(iot, LOGGING)[1]) == 1
    words = words_of(
        iot.create_audit_suppression,
        checkName=BROAD,
        resourceIdentifier=resource,
        expirationDate=until,
        suppressIndefinitely=True,
        clientRequestToken="t2",
    )
    assert "expirationDate, or suppressIndefinitely" in words


def test_who_is_to_be_told_is_told_in_the_role_s_name(iot: Client, around: Around) -> None:
    for role, expected in (("teller", 1), ("mute", 0)):
        around.published.clear()
        arn = around.add_role(role, *(["sns:Publish"] if role == "teller" else []), resource=TOPIC)
        target = {"SNS": {"targetArn": TOPIC, "roleArn": arn, "enabled": True}}
        enable(iot, LOGGING, auditNotificationTargetConfigurations=target)
        audit(iot, LOGGING)
        assert len(around.published) == expected
        for sent in around.published:
            message = json.loads(sent["Message"])
            assert (message["taskStatus"], message["nonCompliantChecksCount"]) == ("COMPLETED", 1)
            assert message["auditDetails"][0]["checkName"] == LOGGING


def test_scheduled_audits_run_by_themselves(iot: Client, aws: Aws, clock: Clock) -> None:
    assert "is not enabled" in words_of(
        iot.create_scheduled_audit, scheduledAuditName="s", frequency="DAILY", targetCheckNames=[LOGGING]
    )
    enable(iot, LOGGING, EXPIRING)
    made = iot.create_scheduled_audit(scheduledAuditName="s", frequency="DAILY", targetCheckNames=[LOGGING])
    assert made["scheduledAuditArn"].endswith(":scheduledaudit/s")
    assert "used by the scheduled audits s" in words_of(
        iot.update_account_audit_configuration, auditCheckConfigurations={LOGGING: {"enabled": False}}
    )
    _tick(aws)
    assert _scheduled(iot, clock) == []
    for count in (1, 2):
        clock.advance(86400)
        _tick(aws)
        _tick(aws)
        assert len(_scheduled(iot, clock)) == count
    assert code_of(iot.delete_account_audit_configuration) == "InvalidRequestException"
    iot.delete_account_audit_configuration(deleteScheduledAudits=True)
    assert iot.list_scheduled_audits()["scheduledAudits"] == []


def _scheduled(iot: Client, clock: Clock) -> list[dict[str, Any]]:
    begin, end = clock.now() - timedelta(days=9), clock.now() + timedelta(days=1)
    found: list[dict[str, Any]] = iot.list_audit_tasks(
        startTime=begin, endTime=end, taskType="SCHEDULED_AUDIT_TASK", taskStatus="COMPLETED"
    )["tasks"]
    return found


def _tick(aws: Aws) -> None:
    async def ticked() -> None:
        aws.world.tick()
        await aws.world.background.settle()

    asyncio.run(ticked())


def test_an_update_of_a_schedule_is_checked_too(iot: Client) -> None:
    enable(iot, LOGGING)
    iot.create_scheduled_audit(
        scheduledAuditName="s", frequency="WEEKLY", dayOfWeek="MON", targetCheckNames=[LOGGING]
    )
    assert "dayOfMonth is required" in words_of(
        iot.update_scheduled_audit, scheduledAuditName="s", frequency="MONTHLY"
    )
    iot.update_scheduled_audit(scheduledAuditName="s", frequency="MONTHLY", dayOfMonth="LAST")
    shown = iot.describe_scheduled_audit(scheduledAuditName="s")
    assert (shown["dayOfMonth"], "dayOfWeek" in shown) == ("LAST", False)
