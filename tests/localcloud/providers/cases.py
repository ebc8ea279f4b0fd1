"""A declaration of every type of the table, in an order in which they can be made, and a change to it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .azure_around import monitoring, networks, sites
from .azure_material import ROLE, ROLE_NAME, SKU, TEXT, Case, case

_DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"  # built-in role "IoT Hub Data Contributor"


def cases(subscription: str, principal: str) -> list[Case]:
    """All of them; the role is given to `principal`."""
    group = f"/subscriptions/{subscription}/resourceGroups/live"
    hub = f"{group}/providers/Microsoft.Devices/IotHubs/eu-1"
    definitions = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions"
    moved = {"location": "norwayeast"}
    return [
        case("resources:ResourceGroup", {"tags": {"a": "c"}}, moved),
        case("managedidentity:UserAssignedIdentity", {"tags": {"a": "c"}}, moved, resourceName="mover"),
        *_hubs(moved),
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
        *monitoring(group, hub, moved),
        *networks(group, hub, moved),
        *sites(group, moved),
    ]


def _hubs(moved: dict[str, Any]) -> list[Case]:
    return [
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
