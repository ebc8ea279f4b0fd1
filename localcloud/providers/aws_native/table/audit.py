"""Device Defender's audit: its configuration, when it runs, and what it does about what it finds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Base, Plain, Wish
from localcloud.providers.boto.codecs import FLAG, STRING, listed
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused, ProviderError
from localcloud.providers.shapes import Field, MapOf, Record, Scalar, Shape

TAGS = Property("tags", how=listed())
_PLAIN = (
    "authenticatedCognitoRoleOverlyPermissiveCheck",
    "caCertificateExpiringCheck",
    "caCertificateKeyQualityCheck",
    "conflictingClientIdsCheck",
    "deviceCertificateKeyQualityCheck",
    "deviceCertificateSharedCheck",
    "intermediateCaRevokedForActiveDeviceCertificatesCheck",
    "ioTPolicyPotentialMisConfigurationCheck",
    "iotPolicyOverlyPermissiveCheck",
    "iotRoleAliasAllowsAccessToUnusedServicesCheck",
    "iotRoleAliasOverlyPermissiveCheck",
    "loggingDisabledCheck",
    "revokedCaCertificateStillActiveCheck",
    "revokedDeviceCertificateStillActiveCheck",
    "unauthenticatedCognitoRoleOverlyPermissiveCheck",
)
_MEASURED = {
    "deviceCertificateAgeCheck": "certAgeThresholdInDays",
    "deviceCertificateExpiringCheck": "certExpirationThresholdInDays",
}
"""Checks with a threshold, and its name."""
_MISSPELT = {"ioTPolicyPotentialMisConfigurationCheck": "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"}


def _upper(name: str) -> str:
    """A name as the API writes it: `caCertificateExpiringCheck`, `CA_CERTIFICATE_EXPIRING_CHECK`."""
    return _MISSPELT.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def _checks(_model: Shape) -> Shape:
    """CloudFormation has the checks as properties, the API as a map by name."""
    fields = {name: Field(Record(name, {"enabled": Field(FLAG)}), wire=(_upper(name),)) for name in _PLAIN}
    for name, threshold in _MEASURED.items():
        days = Field(Scalar("string", pattern=r"^\d+$", rule="a number of days"), wire=(_upper(threshold),))
        inside = {"enabled": Field(FLAG), "configuration": Field(Record("configuration", {threshold: days}))}
        fields[name] = Field(Record(name, inside), wire=(_upper(name),))
    return Record("AuditCheckConfigurations", fields)


def _targets(model: Shape) -> Shape:
    """Likewise the targets of notifications, of which there is one."""
    assert isinstance(model, MapOf)
    return Record("AuditNotificationTargetConfigurations", {"sns": Field(model.item, wire=("SNS",))})


@dataclass(frozen=True)
class Configuration(Base):
    """An account's audit, of which there is one: a create refuses one that is configured already.

    So does CloudFormation's handler (`AWS::IoT::AccountAuditConfiguration`). Its id is the account.
    """

    def create(self, to: Context, wish: Wish) -> str:
        """One call, where nothing is configured."""
        if str(wish["accountId"]) != to.account:
            raise ProviderError(f"accountId is {wish['accountId']}; the credentials are of {to.account}")
        if self.read(to, to.account, {}) is not None:
            raise CloudRefused(
                f"iot: AlreadyExists: the audit of account {to.account} is configured already",
                "AlreadyExistsException",
            )
        to.do("update_account_audit_configuration", **wish)
        return to.account

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - there is one
        """The account's."""
        return to.account

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """It counts as gone when it has neither a role nor a check."""
        found = to.ask("describe_account_audit_configuration")
        checks = (found.get("auditCheckConfigurations") or {}).values()
        is_set = found.get("roleArn") or any(it.get("enabled") for it in checks)
        return {**found, "accountId": identity} if is_set else None

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """All that is declared; checks that are not are switched off."""
        there = live.get("auditCheckConfigurations") or {}
        off = {name: {"enabled": False} for name, it in there.items() if it.get("enabled")}
        checks = {**off, **wish.get("auditCheckConfigurations", {})}
        to.do("update_account_audit_configuration", **{**wish, "auditCheckConfigurations": checks})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call; schedules are resources of their own."""
        to.ask("delete_account_audit_configuration", deleteScheduledAudits=False)


KINDS = (
    Kind(
        "aws-native:iot:AccountAuditConfiguration",
        "iot",
        "update_account_audit_configuration",
        {
            "accountId": Property("accountId", shape=STRING, fixed=True, required=True),
            "auditCheckConfigurations": Property("auditCheckConfigurations", how=_checks, required=True),
            "auditNotificationTargetConfigurations": Property(
                "auditNotificationTargetConfigurations", how=_targets
            ),
            "roleArn": Property("roleArn", required=True),
        },
        {},
        Configuration(),
        name="",
        is_regional=False,
    ),
    Kind(
        "aws-native:iot:ScheduledAudit",
        "iot",
        "create_scheduled_audit",
        {
            "scheduledAuditName": own("scheduledAuditName"),
            "dayOfMonth": Property("dayOfMonth"),
            "dayOfWeek": Property("dayOfWeek"),
            "frequency": Property("frequency", required=True),
            "tags": TAGS,
            "targetCheckNames": Property("targetCheckNames", required=True),
        },
        {"scheduledAuditArn": "scheduledAuditArn"},
        Plain(
            "scheduledAuditName",
            "create_scheduled_audit",
            "describe_scheduled_audit",
            "update_scheduled_audit",
            "delete_scheduled_audit",
        ),
        name="scheduledAuditName",
        tagging=Tagging("scheduledAuditArn"),
        sets=frozenset({"targetCheckNames"}),
        is_regional=False,
    ),
    Kind(
        "aws-native:iot:MitigationAction",
        "iot",
        "create_mitigation_action",
        {
            "actionName": own("actionName"),
            "actionParams": Property("actionParams", required=True),
            "roleArn": Property("roleArn", required=True),
            "tags": TAGS,
        },
        {"mitigationActionArn": "actionArn", "mitigationActionId": "actionId"},
        Plain(
            "actionName",
            "create_mitigation_action",
            "describe_mitigation_action",
            "update_mitigation_action",
            "delete_mitigation_action",
        ),
        name="actionName",
        tagging=Tagging("actionArn"),
        renamed={"actionParams.updateCACertificateParams": "updateCaCertificateParams"},
        sets=frozenset({"actionParams.addThingsToThingGroupParams.thingGroupNames"}),
        is_regional=False,
    ),
)
