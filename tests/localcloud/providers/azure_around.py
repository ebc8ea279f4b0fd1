"""A declaration of every type of azure-native around hubs and provisioning services, and changes."""

from __future__ import annotations

from typing import Any

from .azure_material import Case, case


def monitoring(group: str, hub: str, moved: dict[str, Any]) -> list[Case]:
    """Logs, and who is told of what."""
    workspace = f"{group}/providers/Microsoft.OperationalInsights/workspaces/logs-1"
    return [
        case(
            "operationalinsights:Workspace",
            {"retentionInDays": 90},
            moved,
            workspaceName="logs-1",
            retentionInDays=30,
            sku={"name": "PerGB2018"},
        ),
        Case(
            "azure-native:monitor:DiagnosticSetting",
            {
                "resourceUri": hub,
                "name": "to-logs",
                "workspaceId": workspace,
                "logs": [{"category": "Connections", "enabled": True}],
                "metrics": [{"category": "AllMetrics", "enabled": True}],
            },
            {"logs": [{"categoryGroup": "allLogs", "enabled": True}]},
            {"name": "other"},
        ),
        case(
            "monitor:ActionGroup",
            {"enabled": False},
            moved,
            actionGroupName="people",
            location="global",
            groupShortName="people",
            enabled=True,
            emailReceivers=[{"name": "ops", "emailAddress": "ops@example.com", "useCommonAlertSchema": True}],
        ),
        *_alerts(group, hub, moved),
    ]


def _alerts(group: str, hub: str, moved: dict[str, Any]) -> list[Case]:
    action = f"{group}/providers/Microsoft.Insights/actionGroups/people"
    criterion = {
        "name": "few",
        "criterionType": "StaticThresholdCriterion",
        "metricName": "connectedDeviceCount",
        "metricNamespace": "Microsoft.Devices/IotHubs",
        "operator": "LessThan",
        "threshold": 1,
        "timeAggregation": "Minimum",
    }
    return [
        case(
            "monitor:MetricAlert",
            {"severity": 1},
            moved,
            ruleName="few-devices",
            location="global",
            severity=2,
            enabled=True,
            scopes=[hub],
            evaluationFrequency="PT5M",
            windowSize="PT15M",
            criteria={
                "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                "allOf": [criterion],
            },
            actions=[{"actionGroupId": action}],
        ),
        case(
            "monitor:ScheduledQueryRule",
            {"severity": 1},
            moved,
            ruleName="refused-devices",
            location="westeurope",
            severity=2,
            enabled=True,
            scopes=[hub],
            evaluationFrequency="PT5M",
            windowSize="PT15M",
            criteria={
                "allOf": [
                    {
                        "query": "AzureDiagnostics | where Category == 'Connections'",
                        "timeAggregation": "Count",
                        "operator": "GreaterThan",
                        "threshold": 5,
                    }
                ]
            },
            actions={"actionGroups": [action]},
        ),
    ]


def networks(group: str, hub: str, moved: dict[str, Any]) -> list[Case]:
    """A hub in a private network."""
    subnet = f"{group}/providers/Microsoft.Network/virtualNetworks/net/subnets/devices"
    zone = f"{group}/providers/Microsoft.Network/privateDnsZones/privatelink.azure-devices.net"
    link = {"name": "hub", "privateLinkServiceId": hub, "groupIds": ["iotHub"]}
    return [
        case(
            "network:VirtualNetwork",
            {"tags": {"a": "c"}},
            moved,
            virtualNetworkName="net",
            addressSpace={"addressPrefixes": ["10.0.0.0/16"]},
        ),
        case(
            "network:Subnet",
            {"privateEndpointNetworkPolicies": "Enabled"},
            {"subnetName": "other"},
            virtualNetworkName="net",
            subnetName="devices",
            addressPrefix="10.0.1.0/24",
            privateEndpointNetworkPolicies="Disabled",
        ),
        case(
            "privatedns:PrivateZone",
            {"tags": {"a": "c"}},
            moved,
            privateZoneName=zone.rpartition("/")[2],
            location="global",
        ),
        case(
            "network:PrivateEndpoint",
            {"tags": {"a": "c"}},
            {"subnet": {"id": f"{subnet}-2"}},
            privateEndpointName="to-hub",
            subnet={"id": subnet},
            privateLinkServiceConnections=[link],
        ),
        case(
            "network:PrivateDnsZoneGroup",
            {},
            {"privateDnsZoneGroupName": "other"},
            privateEndpointName="to-hub",
            privateDnsZoneGroupName="default",
            privateDnsZoneConfigs=[{"name": "hub", "privateDnsZoneId": zone}],
        ),
    ]


def sites(group: str, moved: dict[str, Any]) -> list[Case]:
    """A function app and its plan."""
    plan = f"{group}/providers/Microsoft.Web/serverfarms/plan"
    settings = [{"name": "WEBSITE_RUN_FROM_PACKAGE", "value": "https://x.blob.core.windows.net/a/b.zip"}]
    return [
        case(
            "web:AppServicePlan",
            {"tags": {"a": "c"}},
            moved,
            name="plan",
            kind="functionapp",
            reserved=True,
            sku={"name": "Y1", "tier": "Dynamic"},
        ),
        case(
            "web:WebApp",
            {"httpsOnly": False},
            {"kind": "app"},
            name="allocator",
            kind="functionapp,linux",
            serverFarmId=plan,
            httpsOnly=True,
            siteConfig={"linuxFxVersion": "PYTHON|3.11", "minTlsVersion": "1.2", "appSettings": settings},
        ),
    ]
