"""Logs of a fleet's resources, and who is told when devices fail to connect."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import monitor, operationalinsights

from components.azure import alerts


class WorkspaceArgs(TypedDict):
    """A Log Analytics workspace of our own."""

    name: str
    days: int
    """How many days it keeps logs, 30 to 730."""


class MonitoringArgs(TypedDict):
    """Arguments of Monitoring."""

    resource_group_name: pulumi.Input[str]
    location: str
    workspace: NotRequired[WorkspaceArgs]
    """One to make; or else `workspace_id`."""
    workspace_id: NotRequired[pulumi.Input[str]]
    hubs: Mapping[str, pulumi.Input[str]]
    """ARM ids of the hubs by their key."""
    provisioning_service_id: pulumi.Input[str]
    connection_failures: NotRequired[alerts.ConnectionFailuresArgs | None]
    tags: Mapping[str, str]


class Monitoring(pulumi.ComponentResource):
    """Every log and metric of the hubs and the provisioning service, in a Log Analytics workspace.

    Diagnostic settings API 2021-05-01-preview, category group `allLogs`. With `connection_failures`, e-mails
    go out when devices fail to connect (`components.azure.alerts`).
    """

    workspace_id: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:azure:Monitoring", name, {}, opts)
        self.workspace_id = self._workspace(name, args)
        for key, hub_id in args["hubs"].items():
            self._setting(f"{name}/{key}", hub_id)
        self._setting(f"{name}-dps", args["provisioning_service_id"])
        self._alerts(name, args)
        self.register_outputs({"workspaceId": self.workspace_id})

    def _workspace(self, name: str, args: MonitoringArgs) -> pulumi.Output[str]:
        made = args.get("workspace")
        if made is None:
            return pulumi.Output.from_input(args["workspace_id"])
        return operationalinsights.Workspace(
            f"{name}-workspace",
            resource_group_name=args["resource_group_name"],
            workspace_name=made["name"],
            location=args["location"],
            retention_in_days=made["days"],
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _setting(self, name: str, watched: pulumi.Input[str]) -> None:
        monitor.DiagnosticSetting(
            f"{name}-logs",
            name="muster",
            resource_uri=watched,
            workspace_id=self.workspace_id,
            logs=[monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)],
            metrics=[monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alerts(self, name: str, args: MonitoringArgs) -> None:
        failures = args.get("connection_failures")
        if failures is None:
            return
        where: alerts.Watched = {
            "resource_group_name": args["resource_group_name"],
            "location": args["location"],
            "hubs": args["hubs"],
            "provisioning_service_id": args["provisioning_service_id"],
            "tags": args["tags"],
        }
        alerts.connection_failures(name, failures, where, pulumi.ResourceOptions(parent=self))
