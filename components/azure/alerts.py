"""Who is told when devices fail to connect.

The provisioning service has a metric for it, `AttestationAttempts` with the dimension `Status` ("Monitoring
Azure IoT Hub Device Provisioning Service data reference", learn.microsoft.com), so the alert is one on a
metric (API 2018-03-01). Which values `Status` has is not published; whatever is no success counts.

A hub has no metric of failed connections ("Supported metrics for Microsoft.Devices/IotHubs"): they stand in
its log of category Connections, as errors ("Monitor, diagnose, and troubleshoot Azure IoT Hub device
connectivity"), so a hub's alert is a query of that log (API 2025-01-01-preview).
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
from pulumi_azure_native import monitor

from components.azure import durations

_SEVERITY_WARNING = 2
_FAILED_CONNECTIONS = 'AzureDiagnostics | where Category == "Connections" and Level == "Error"'
_SUCCEEDED = ("Success", "success", "Succeeded", "succeeded")


class ConnectionFailuresArgs(TypedDict):
    """When devices fail so often that somebody should know."""

    threshold: int
    """More failures than this within the window."""
    window_minutes: int
    """5, 15, 30, 60, 360, 720 or 1440: what a metric alert can look at."""
    emails: Sequence[str]


class Watched(TypedDict):
    """What is watched, and where the alerts are made."""

    resource_group_name: pulumi.Input[str]
    location: str
    hubs: Mapping[str, pulumi.Input[str]]
    """ARM ids of the hubs by their key."""
    provisioning_service_id: pulumi.Input[str]
    tags: Mapping[str, str]


def connection_failures(
    name: str, args: ConnectionFailuresArgs, watched: Watched, opts: pulumi.ResourceOptions
) -> None:
    """An action group for the addresses, an alert for each hub, and one for the provisioning service."""
    group = _action_group(name, args, watched, opts)
    for key, hub_id in watched["hubs"].items():
        _hub_alert(f"{name}-{key}", args, watched, hub_id, group, opts)
    _service_alert(f"{name}-dps", args, watched, group, opts)


def _action_group(
    name: str, args: ConnectionFailuresArgs, watched: Watched, opts: pulumi.ResourceOptions
) -> "monitor.ActionGroup":
    receivers = [
        monitor.MicrosoftCommonEmailReceiverArgs(
            name=address, email_address=address, use_common_alert_schema=True
        )
        for address in args["emails"]
    ]
    return monitor.ActionGroup(
        f"{name}-told",
        resource_group_name=watched["resource_group_name"],
        action_group_name=f"{name}-told",
        group_short_name="muster",
        location="Global",
        enabled=True,
        email_receivers=receivers,
        tags=watched["tags"],
        opts=opts,
    )


def _hub_alert(
    name: str,
    args: ConnectionFailuresArgs,
    watched: Watched,
    hub_id: pulumi.Input[str],
    group: "monitor.ActionGroup",
    opts: pulumi.ResourceOptions,
) -> None:
    condition = monitor.ConditionArgs(
        query=_FAILED_CONNECTIONS,
        time_aggregation="Count",
        operator="GreaterThan",
        threshold=args["threshold"],
        failing_periods=monitor.ConditionFailingPeriodsArgs(
            min_failing_periods_to_alert=1, number_of_evaluation_periods=1
        ),
    )
    monitor.ScheduledQueryRule(
        f"{name}-connections",
        resource_group_name=watched["resource_group_name"],
        rule_name=f"{name}-connections",
        location=watched["location"],
        description="Devices fail to connect to the hub.",
        enabled=True,
        severity=_SEVERITY_WARNING,
        scopes=[hub_id],
        evaluation_frequency=_frequency(args["window_minutes"]),
        window_size=durations.iso(args["window_minutes"]),
        criteria=monitor.ScheduledQueryRuleCriteriaArgs(all_of=[condition]),
        actions=monitor.ActionsArgs(action_groups=[group.id]),
        # The log's table exists only once the hub has logged something.
        skip_query_validation=True,
        tags=watched["tags"],
        opts=opts,
    )


def _service_alert(
    name: str,
    args: ConnectionFailuresArgs,
    watched: Watched,
    group: "monitor.ActionGroup",
    opts: pulumi.ResourceOptions,
) -> None:
    criterion = monitor.MetricCriteriaArgs(
        criterion_type="StaticThresholdCriterion",
        name="attestations",
        metric_name="AttestationAttempts",
        time_aggregation="Total",
        operator="GreaterThan",
        threshold=args["threshold"],
        dimensions=[monitor.MetricDimensionArgs(name="Status", operator="Exclude", values=[*_SUCCEEDED])],
    )
    monitor.MetricAlert(
        f"{name}-attestations",
        resource_group_name=watched["resource_group_name"],
        rule_name=f"{name}-attestations",
        location="Global",
        description="Devices fail to prove themselves to the provisioning service.",
        enabled=True,
        severity=_SEVERITY_WARNING,
        scopes=[watched["provisioning_service_id"]],
        evaluation_frequency=_frequency(args["window_minutes"]),
        window_size=durations.iso(args["window_minutes"]),
        criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[criterion]
        ),
        actions=[monitor.MetricAlertActionArgs(action_group_id=group.id)],
        tags=watched["tags"],
        opts=opts,
    )


def _frequency(window_minutes: int) -> str:
    """How often is looked: every 5 minutes, with windows of an hour and more every 30."""
    return durations.iso(5 if window_minutes < 60 else 30)
