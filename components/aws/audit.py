"""AWS IoT Device Defender Audit of an account: which checks, how often, who is told, what can be done."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

import pulumi
from pulumi_aws import iam
from pulumi_aws_native import TagArgs
from pulumi_aws_native import iot as native

from components.aws.alert_topic import AlertTopic, alert_topic
from components.aws.mitigation import Mitigation, MitigationArgs
from components.aws.place import Place
from components.aws.service_role import IOT, service_role

_POLICY = "policy/service-role/AWSIoTDeviceDefenderAudit"
"""AWS' own policy for this role: it reads certificates, policies, role aliases and the roles behind them. Its
resource is `*`, since an audit is of everything; AWS keeps it in step with the checks ("AWS managed policy
reference", AWSIoTDeviceDefenderAudit)."""
_ODD_PROPERTIES: Final = {
    "iotPolicyPotentialMisconfiguration": "io_t_policy_potential_mis_configuration_check"
}
"""Checks whose property in pulumi_aws_native is spelt otherwise than their name says."""
_WHEN: Final[Mapping[str, Mapping[str, str]]] = {
    "DAILY": {},
    "WEEKLY": {"day_of_week": "MON"},
    "BIWEEKLY": {"day_of_week": "MON"},
    "MONTHLY": {"day_of_month": "1"},
}


class AuditArgs(TypedDict):
    """Arguments of Audit."""

    place: Place
    checks: Sequence[str]
    """By their name in camel case: deviceCertificateShared."""
    schedule: str
    """DAILY, WEEKLY, BIWEEKLY (Mondays) or MONTHLY (the first)."""
    emails: Sequence[str]
    mitigate: Mapping[str, str]
    """quarantine or deactivate, by the check that it is the answer to."""
    tags: Mapping[str, str]


class Audit(pulumi.ComponentResource):
    """Which checks are made in an account, when, findings to a topic, and mitigation actions in readiness.

    There is one audit configuration in an account's region, so an Audit must depend on AccountWide's mark
    (`opts.depends_on`); what it is made of waits for that. A check that is not named is off, and AWS drops
    what it has collected for it.

    AWS applies no mitigation action by itself: somebody starts a task for the findings of an audit
    (StartAuditMitigationActionsTask). `mitigations` is what such a task takes as its mapping from checks to
    actions.
    """

    mitigations: dict[str, list[str]]
    """Names of actions by check, as AWS spells both."""
    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:Audit", name, {}, opts)
        waiting = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None)
        topic = self._topic(name, args, waiting)
        configured = self._configuration(name, args, topic, waiting)
        self._schedule(name, args, configured)
        self.mitigations = self._mitigation(name, args, waiting)
        self.topic_arn = topic.arn
        self.register_outputs({"topicArn": self.topic_arn, "mitigations": self.mitigations})

    def _topic(self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions) -> AlertTopic:
        return alert_topic(
            f"{name}-findings",
            {
                "place": args["place"],
                "topic_name": args["place"].name("audit"),
                "role_name": args["place"].name("audit-alerts"),
                "source": _source(args["place"]),
                "emails": args["emails"],
                "tags": args["tags"],
            },
            opts,
        )

    def _configuration(
        self, name: str, args: AuditArgs, topic: AlertTopic, opts: pulumi.ResourceOptions
    ) -> native.AccountAuditConfiguration:
        role, right = self._auditor(name, args, opts)
        return native.AccountAuditConfiguration(
            f"{name}-configuration",
            account_id=args["place"].account,
            role_arn=role.arn,
            audit_check_configurations=_checks(args["checks"]),
            audit_notification_target_configurations=(
                native.AccountAuditConfigurationAuditNotificationTargetConfigurationsArgs(
                    sns=native.AccountAuditConfigurationAuditNotificationTargetArgs(
                        enabled=True, role_arn=topic.role_arn, target_arn=topic.arn
                    )
                )
            ),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[right, topic.rights])),
        )

    def _auditor(
        self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions
    ) -> tuple[iam.Role, iam.RolePolicyAttachment]:
        role = service_role(
            f"{name}-auditor",
            {
                "place": args["place"],
                "role_name": args["place"].name("audit"),
                "service": IOT,
                "source": _source(args["place"]),
                "description": "AWS IoT Device Defender reads what it audits.",
                "tags": args["tags"],
            },
            opts,
        )
        right = iam.RolePolicyAttachment(
            f"{name}-auditor-right",
            role=role.name,
            policy_arn=f"arn:{args['place'].partition}:iam::aws:{_POLICY}",
            opts=opts,
        )
        return role, right

    def _schedule(self, name: str, args: AuditArgs, configured: pulumi.Resource) -> None:
        """AWS refuses a schedule of a check that is not on."""
        native.ScheduledAudit(
            f"{name}-schedule",
            scheduled_audit_name=args["place"].name("audit"),
            frequency=native.ScheduledAuditFrequency(args["schedule"]),
            target_check_names=[check_name(each) for each in args["checks"]],
            tags=[TagArgs(key=key, value=value) for key, value in args["tags"].items()],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[configured]),
            **_when(args["schedule"]),
        )

    def _mitigation(self, name: str, args: AuditArgs, opts: pulumi.ResourceOptions) -> dict[str, list[str]]:
        if not args["mitigate"]:
            return {}
        wanted: MitigationArgs = {
            "place": args["place"],
            "answers": args["mitigate"],
            "tags": args["tags"],
        }
        made = Mitigation(f"{name}-mitigation", wanted, opts)
        return {check_name(check): [action] for check, action in made.actions.items()}


def check_name(check: str) -> str:
    """A check as AWS' API spells it: deviceCertificateShared is DEVICE_CERTIFICATE_SHARED_CHECK."""
    return f"{_snake(check)}_check".upper()


def _snake(check: str) -> str:
    return re.sub("([A-Z])", r"_\1", check).lower()


def _checks(checks: Sequence[str]) -> native.AccountAuditConfigurationAuditCheckConfigurationsArgs:
    on: Any = native.AccountAuditConfigurationAuditCheckConfigurationArgs(enabled=True)
    properties = {_ODD_PROPERTIES.get(check, f"{_snake(check)}_check"): on for check in checks}
    return native.AccountAuditConfigurationAuditCheckConfigurationsArgs(**properties)


def _when(schedule: str) -> Any:  # noqa: ANN401 - keyword arguments of several kinds
    days = _WHEN[schedule]
    if "day_of_week" in days:
        return {"day_of_week": native.ScheduledAuditDayOfWeek(days["day_of_week"])}
    return dict(days)


def _source(place: Place) -> pulumi.Output[str]:
    """AWS publishes `arn:…:iot:{region}:{account}:` for the audit's roles, an ARN with nothing at its end;
    its own example has `*` there, which covers that."""
    return place.arn("iot", "*")
