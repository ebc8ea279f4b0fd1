"""CloudWatch: groups of logs, and alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Base, Wish, pages
from localcloud.providers.boto.codecs import FLAG, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Fault, Judged

_DAYS = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""How long logs may be kept; 0 for ever (PutRetentionPolicy, AmazonCloudWatchLogs API reference)."""


@dataclass(frozen=True)
class LogGroups(Base):
    """Groups of logs; how long they keep is set by another call."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        to.do("create_log_group", **wish)
        return str(wish["logGroupName"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """How long it keeps."""
        if wish["retentionInDays"]:
            to.ask("put_retention_policy", logGroupName=identity, retentionInDays=wish["retentionInDays"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["logGroupName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Look for it in the list."""
        found = pages(to, "describe_log_groups", "logGroups", {"logGroupNamePrefix": identity})
        told = next((it for it in found if it["logGroupName"] == identity), None)
        if told is None:
            return None
        address = str(told["arn"]).removesuffix(":*")
        return {**told, "arn": address, "retentionInDays": told.get("retentionInDays", 0)}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """How long it keeps, and its key."""
        days, key = wish["retentionInDays"], wish.get("kmsKeyId")
        if days and days != live["retentionInDays"]:
            to.ask("put_retention_policy", logGroupName=identity, retentionInDays=days)
        elif not days and live["retentionInDays"]:
            to.ask("delete_retention_policy", logGroupName=identity)
        if key and key != live.get("kmsKeyId"):
            to.ask("associate_kms_key", logGroupName=identity, kmsKeyId=key)
        elif not key and live.get("kmsKeyId"):
            to.ask("disassociate_kms_key", logGroupName=identity)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call, unless it shall stay."""
        if not state.get("skipDestroy"):
            to.ask("delete_log_group", logGroupName=identity)


@dataclass(frozen=True)
class Alarms(Base):
    """Alarms of one metric, put as a whole."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; an alarm that is there is replaced, as the published provider does."""
        to.do("put_metric_alarm", **wish)
        return str(wish["AlarmName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        found = to.ask("describe_alarms", AlarmNames=[identity], AlarmTypes=["MetricAlarm"])
        told: dict[str, Any] | None = next(iter(found.get("MetricAlarms") or ()), None)
        return told

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """All of it."""
        to.do("put_metric_alarm", **{name: it for name, it in wish.items() if name != "Tags"})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_alarms", AlarmNames=[identity])


_ACTIONS = {
    "okActions": "OKActions",
    "alarmActions": "AlarmActions",
    "insufficientDataActions": "InsufficientDataActions",
}
_RETENTION = Judged(
    "integer", lambda days: [] if days in _DAYS else [f"one of {', '.join(map(str, _DAYS))} is"]
)


def _compares(inputs: Mapping[str, Any]) -> Iterator[Fault]:
    """The published provider leaves this to the service, which takes PromQL instead; that is not served."""
    for name in ("comparisonOperator", "evaluationPeriods"):
        if name not in inputs:
            yield Fault((name,), "required for an alarm of one metric, and missing")


KINDS = (
    Kind(
        "aws:cloudwatch/logGroup:LogGroup",
        "logs",
        "create_log_group",
        {
            "name": own("logGroupName"),
            "kmsKeyId": Property("kmsKeyId"),
            "logGroupClass": Property("logGroupClass", fixed=True, computed=True),
            "retentionInDays": Property("retentionInDays", shape=_RETENTION, default=0),
            "skipDestroy": Property("skipDestroy", seen="-", shape=FLAG, default=False),
            "tags": Property("tags"),
        },
        {"arn": "arn"},
        LogGroups(),
        late=frozenset({"retentionInDays"}),
        tagging=Tagging("arn", pair=()),
        unserved=frozenset({"deletionProtectionEnabled", "namePrefix"}),
    ),
    Kind(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "cloudwatch",
        "put_metric_alarm",
        {
            "name": own("AlarmName"),
            "actionsEnabled": Property("ActionsEnabled", default=True),
            "alarmDescription": Property("AlarmDescription"),
            "comparisonOperator": Property("ComparisonOperator"),
            "datapointsToAlarm": Property("DatapointsToAlarm"),
            "dimensions": Property("Dimensions", how=pairs("Name", "Value")),
            "evaluationPeriods": Property("EvaluationPeriods"),
            "extendedStatistic": Property("ExtendedStatistic"),
            "metricName": Property("MetricName"),
            "namespace": Property("Namespace"),
            "period": Property("Period"),
            "statistic": Property("Statistic"),
            "tags": Property("Tags", how=pairs()),
            "threshold": Property("Threshold"),
            "treatMissingData": Property("TreatMissingData", default="missing"),
            "unit": Property("Unit"),
            **{name: Property(member) for name, member in _ACTIONS.items()},
        },
        {"arn": "AlarmArn"},
        Alarms(),
        tagging=Tagging("AlarmArn", "ResourceARN", listed="Tags", added="Tags", removed="TagKeys"),
        sets=frozenset(_ACTIONS),
        unserved=frozenset(
            {
                "evaluateLowSampleCountPercentiles",
                "evaluationCriteria",
                "evaluationInterval",
                "evaluationWindow",
                "metricQueries",
                "thresholdMetricId",
                "warmUpConfiguration",
            }
        ),
        judge=_compares,
    ),
)
