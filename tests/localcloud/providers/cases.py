"""A declaration of every type of the table, in an order in which they can be made, and a change to it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
GROUP = "azure-native:resources:ResourceGroup"
HUB = "azure-native:iothub:IotHubResource"
DPS = "azure-native:deviceprovisioningservices:IotDpsResource"
ROLE = "azure-native:authorization:RoleAssignment"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
SKU = {"name": "S1", "capacity": 1}
ROLE_NAME = "11111111-2222-3333-4444-555555555555"
TEXT = {
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    "hash": "sha",
    "text": "hello",
}
"""An asset as the engine sends it."""
_DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"  # built-in role "IoT Hub Data Contributor"


@dataclass(frozen=True)
class Case:
    """`fixed` is a change that only a replacement makes."""

    token: str
    inputs: dict[str, Any]
    change: dict[str, Any]
    fixed: dict[str, Any] = field(default_factory=dict)


def case(token: str, change: dict[str, Any], /, fixed: dict[str, Any] | None = None, **inputs: Any) -> Case:
    """A case whose resource is in the group `live`."""
    tags = {"tags": {"a": "b"}} if "tags" in change else {}
    return Case(f"azure-native:{token}", {"resourceGroupName": "live", **tags, **inputs}, change, fixed or {})


def cases(subscription: str, principal: str) -> list[Case]:
    """All of them; the role is given to `principal`."""
    group = f"/subscriptions/{subscription}/resourceGroups/live"
    hub = f"{group}/providers/Microsoft.Devices/IotHubs/eu-1"
    definitions = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    moved = {"location": "norwayeast"}
    return [
        case("resources:ResourceGroup", {"tags": {"a": "c"}}, moved),
        case("managedidentity:UserAssignedIdentity", {"tags": {"a": "c"}}, moved, resourceName="mover"),
        case(
            "iothub:IotHubResource",
            {"sku": SKU | {"capacity": 2}},
            moved,
            resourceName="eu-1",
            sku=SKU,
            identity={"type": "SystemAssigned"},
            properties={
                "disableLocalAuth": True,
                "minTlsVersion": "1.2",
                "eventHubEndpoints": {"events": {"partitionCount": 8, "retentionTimeInDays": 3}},
                "routing": {
                    "routes": [
                        {
                            "name": "changes",
                            "source": "TwinChangeEvents",
                            "condition": "true",
                            "endpointNames": ["events"],
                            "isEnabled": True,
                        }
                    ],
                    "enrichments": [{"key": "from", "value": "$iothubname", "endpointNames": ["events"]}],
                },
            },
        ),
        case(
            "iothub:IotHubResourceEventHubConsumerGroup",
            {},
            {"name": "other", "properties": {"name": "other"}},
            resourceName="eu-1",
            eventHubEndpointName="events",
            name="watch",
            properties={"name": "watch"},
        ),
        case(
            "iothub:Certificate",
            {},
            {"certificateName": "other"},
            resourceName="eu-1",
            certificateName="root",
            properties={"certificate": _authority()},
        ),
        case(
            "deviceprovisioningservices:IotDpsResource",
            {"properties": {"allocationPolicy": "GeoLatency"}},
            moved,
            provisioningServiceName="dps-1",
            sku=SKU,
            identity={"type": "SystemAssigned"},
            properties={"allocationPolicy": "Hashed"},
        ),
        Case(
            ROLE,
            {
                "scope": hub,
                "principalId": principal,
                "principalType": "ServicePrincipal",
                "roleDefinitionId": f"{definitions}/{_DATA_CONTRIBUTOR}",
                "roleAssignmentName": ROLE_NAME,
                "description": "reads",
            },
            {"description": "reads and writes"},
            {"principalId": ROLE_NAME},
        ),
        *_registry(moved),
        *_messaging(moved),
        *_storage(moved),
        *_monitoring(group, hub, moved),
        *_networks(group, hub, moved),
        *_sites(group, moved),
    ]


@cache
def _authority() -> str:
    """A throwaway CA certificate, as the service shows it: DER in base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=30))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def _registry(moved: dict[str, Any]) -> list[Case]:
    certificate = {
        "certificateAuthorityConfiguration": {"keyType": "ECC"},
        "leafCertificateConfiguration": {"validityPeriodInDays": 30},
    }
    longer = certificate | {"leafCertificateConfiguration": {"validityPeriodInDays": 60}}
    return [
        case("deviceregistry:Namespace", {"tags": {"a": "c"}}, moved, namespaceName="fleet"),
        case("deviceregistry:Credential", {"tags": {"a": "c"}}, moved, namespaceName="fleet"),
        case(
            "deviceregistry:Policy",
            {"properties": {"certificate": longer}},
            {"policyName": "other"},
            namespaceName="fleet",
            policyName="monthly",
            properties={"certificate": certificate},
        ),
    ]


def _messaging(moved: dict[str, Any]) -> list[Case]:
    return [
        case(
            "eventhub:Namespace",
            {"minimumTlsVersion": "1.3"},
            moved,
            namespaceName="events-1",
            minimumTlsVersion="1.2",
            sku={"name": "Standard", "tier": "Standard", "capacity": 1},
            disableLocalAuth=True,
        ),
        case(
            "eventhub:EventHub",
            {"messageRetentionInDays": 3},
            {"eventHubName": "other"},
            namespaceName="events-1",
            eventHubName="telemetry",
            partitionCount=4,
            messageRetentionInDays=1,
        ),
        case(
            "servicebus:Namespace",
            {"tags": {"a": "c"}},
            moved,
            namespaceName="bus-one",
            sku={"name": "Standard", "tier": "Standard"},
            disableLocalAuth=True,
        ),
        case(
            "servicebus:Queue",
            {"maxDeliveryCount": 5},
            {"requiresSession": True},
            namespaceName="bus-one",
            queueName="alarms",
            maxDeliveryCount=10,
        ),
        case(
            "servicebus:Topic",
            {"supportOrdering": False},
            {"enablePartitioning": True},
            namespaceName="bus-one",
            topicName="news",
            supportOrdering=True,
        ),
    ]


def _storage(moved: dict[str, Any]) -> list[Case]:
    return [
        case(
            "storage:StorageAccount",
            {"allowBlobPublicAccess": True},
            {"isHnsEnabled": True},
            accountName="coldstore",
            kind="StorageV2",
            sku={"name": "Standard_LRS"},
            minimumTlsVersion="TLS1_2",
            allowBlobPublicAccess=False,
            enableHttpsTrafficOnly=True,
            networkRuleSet={
                "defaultAction": "Deny",
                "bypass": "AzureServices",
                "ipRules": [{"iPAddressOrRange": "192.0.2.0/24", "action": "Allow"}],
            },
        ),
        case(
            "storage:BlobContainer",
            {"metadata": {"a": "b"}},
            {"containerName": "other"},
            accountName="coldstore",
            containerName="telemetry",
            metadata={"a": "c"},
        ),
        case(
            "storage:Blob",
            {"metadata": {"a": "c"}},
            {"source": TEXT | {"hash": "other"}},
            accountName="coldstore",
            containerName="telemetry",
            blobName="some folder/read me.txt",
            contentType="text/plain",
            metadata={"a": "b"},
            source=TEXT,
            type="Block",
        ),
    ]


def _monitoring(group: str, hub: str, moved: dict[str, Any]) -> list[Case]:
    workspace = f"{group}/providers/Microsoft.OperationalInsights/workspaces/logs-1"
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


def _networks(group: str, hub: str, moved: dict[str, Any]) -> list[Case]:
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


def _sites(group: str, moved: dict[str, Any]) -> list[Case]:
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
