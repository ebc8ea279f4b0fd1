"""AWS IoT Device Defender Detect: alarms on how devices behave, where AWS still sells it to the account."""

from collections.abc import Mapping, Sequence
from typing import Final, NotRequired, TypedDict

import pulumi
from pulumi_aws_native import TagArgs
from pulumi_aws_native import iot as native

from components.aws.alert_topic import AlertTopic, alert_topic
from components.aws.place import Place

METRICS: Final[Mapping[str, str]] = {
    "authorizationFailures": "aws:num-authorization-failures",
    "connectionAttempts": "aws:num-connection-attempts",
    "disconnects": "aws:num-disconnects",
    "messagesReceived": "aws:num-messages-received",
    "messagesSent": "aws:num-messages-sent",
}
"""What AWS counts itself, with no agent on the device: "Cloud-side metrics"."""


class BehaviorArgs(TypedDict):
    """What is unusual for one device: more than so many within a window."""

    metric: str
    """One of METRICS, or the name of a custom metric."""
    more_than: int
    window_minutes: NotRequired[int]
    """5, 10, 15, 30 or 60: the windows that AWS has ("Behaviors"). A custom metric has none: each report of
    a device counts by itself."""
    windows: int
    """How many windows, or reports, in a row must be unusual before there is an alarm, and usual before it
    ends; 1 to 10."""


class DetectArgs(TypedDict):
    """Arguments of Detect."""

    place: Place
    existing_customer: bool
    """That the account had Detect before 31 August 2026; nothing else is taken."""
    behaviors: Mapping[str, BehaviorArgs]
    """By name."""
    custom_metrics: NotRequired[Mapping[str, str]]
    """What devices report of themselves, by name: `number`, `number-list`, `string-list` or
    `ip-address-list`. Only a `number` can have a behaviour here."""
    groups: Sequence[pulumi.Input[str]]
    """ARNs of the thing groups whose things are watched."""
    emails: Sequence[str]
    tags: Mapping[str, str]


class Detect(pulumi.ComponentResource):
    """One security profile for some thing groups, the custom metrics it needs, and alarms to a topic.

    AWS closed Detect to new customers on 2026-08-31. For an account that never had it the service would
    refuse, half-way through an update; so `existing_customer` must say that it had. Raises pulumi.RunError.
    """

    topic_arn: pulumi.Output[str]
    profile_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DetectArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:Detect", name, {}, opts)
        _refuse_new_customers(args)
        topic = self._topic(name, args)
        metrics = [self._metric(name, args, *each) for each in args.get("custom_metrics", {}).items()]
        self.profile_arn = self._profile(name, args, topic, metrics).security_profile_arn
        self.topic_arn = topic.arn
        self.register_outputs({"topicArn": self.topic_arn, "profileArn": self.profile_arn})

    def _topic(self, name: str, args: DetectArgs) -> AlertTopic:
        place = args["place"]
        return alert_topic(
            f"{name}-alarms",
            {
                "place": place,
                "topic_name": args["place"].name("detect"),
                "role_name": args["place"].name("detect-alerts"),
                "source": place.arn("iot", f"securityprofile/{place.name('detect')}"),
                "emails": args["emails"],
                "tags": args["tags"],
            },
            pulumi.ResourceOptions(parent=self),
        )

    def _metric(self, name: str, args: DetectArgs, metric: str, kind: str) -> native.CustomMetric:
        return native.CustomMetric(
            f"{name}-{metric}-metric",
            metric_name=metric,
            metric_type=native.CustomMetricMetricType(kind),
            tags=_tags(args),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _profile(
        self, name: str, args: DetectArgs, topic: AlertTopic, metrics: Sequence[pulumi.Resource]
    ) -> native.SecurityProfile:
        return native.SecurityProfile(
            f"{name}-profile",
            security_profile_name=args["place"].name("detect"),
            behaviors=[_behavior(each, args) for each in args["behaviors"].items()],
            alert_targets={
                "SNS": native.SecurityProfileAlertTargetArgs(
                    alert_target_arn=topic.arn, role_arn=topic.role_arn
                )
            },
            target_arns=args["groups"],
            tags=_tags(args),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*metrics, topic.rights]),
        )


def _refuse_new_customers(args: DetectArgs) -> None:
    if args["existing_customer"] is not True:
        raise pulumi.RunError(
            "aws.detect: AWS has closed Device Defender Detect to new customers since 2026-08-31. Say "
            "`existingCustomer: true` if the account had it before; else leave aws.detect out"
        )


def _behavior(one: tuple[str, BehaviorArgs], args: DetectArgs) -> native.SecurityProfileBehaviorArgs:
    name, behavior = one
    metric, limit = behavior["metric"], behavior["more_than"]
    seconds = None
    if metric in args.get("custom_metrics", {}):
        value = native.SecurityProfileMetricValueArgs(number=float(limit))
    else:
        value = native.SecurityProfileMetricValueArgs(count=str(limit))
        seconds = behavior["window_minutes"] * 60
    return native.SecurityProfileBehaviorArgs(
        name=name,
        metric=METRICS.get(metric, metric),
        criteria=native.SecurityProfileBehaviorCriteriaArgs(
            comparison_operator=native.SecurityProfileBehaviorCriteriaComparisonOperator.GREATER_THAN,
            value=value,
            duration_seconds=seconds,
            consecutive_datapoints_to_alarm=behavior["windows"],
            consecutive_datapoints_to_clear=behavior["windows"],
        ),
    )


def _tags(args: DetectArgs) -> list[TagArgs]:
    return [TagArgs(key=key, value=value) for key, value in args["tags"].items()]
