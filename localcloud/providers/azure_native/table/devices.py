"""Microsoft.Devices: IoT hubs, their consumer groups and certificates, and provisioning services."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.providers.azure_native.entries import (
    GROUP_NAME,
    GROUP_PATH,
    LOCATED,
    NO_ETAG,
    Function,
    ResourceType,
    named,
)

_HUBS = "azure.mgmt.iothub.v2023_06_30"
_HUB_API = "2023-06-30"
_DPS_API = "2023-03-01-preview"
_HUB = f"{GROUP_PATH}/providers/Microsoft.Devices/IotHubs/{{resourceName}}"
_SERVICE = f"{GROUP_PATH}/providers/Microsoft.Devices/provisioningServices/{{provisioningServiceName}}"
_HUB_NAMES = GROUP_NAME | {
    "resourceName": named(
        r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]",
        "3 to 50 letters, digits and hyphens, not all digits, no hyphen first or last",
    )
}
_SERVICE_NAMES = GROUP_NAME | {
    "provisioningServiceName": named(
        r"(?!-)[a-zA-Z0-9-]{2,63}[a-zA-Z0-9]", "3 to 64 letters, digits and hyphens, no hyphen first or last"
    )
}

TYPES = (
    ResourceType(
        "azure-native:iothub:IotHubResource",
        _HUB_API,
        _HUB,
        _HUB_NAMES,
        Published(_HUBS, "IotHubDescription"),
        fixed=LOCATED,
        absent=NO_ETAG,
    ),
    ResourceType(
        "azure-native:iothub:IotHubResourceEventHubConsumerGroup",
        _HUB_API,
        f"{_HUB}/eventHubEndpoints/{{eventHubEndpointName}}/ConsumerGroups/{{name}}",
        _HUB_NAMES
        | {
            "eventHubEndpointName": named("events", "events, the hub's only Event Hubs-compatible endpoint"),
            "name": named(
                r"(\$Default|[A-Za-z0-9]([\w.-]{0,48}[A-Za-z0-9])?)", "1 to 50 letters, digits, . - _"
            ),
        },
        Published(_HUBS, "EventHubConsumerGroupBodyDescription"),
        Published(_HUBS, "EventHubConsumerGroupInfo"),
        fixed=frozenset({"properties"}),
    ),
    ResourceType(
        "azure-native:iothub:Certificate",
        _HUB_API,
        f"{_HUB}/certificates/{{certificateName}}",
        _HUB_NAMES
        | {"certificateName": named(r"[A-Za-z0-9\-._]{1,64}", "1 to 64 letters, digits and - . _")},
        Published(_HUBS, "CertificateDescription"),
        with_etag=True,
    ),
    ResourceType(
        "azure-native:deviceprovisioningservices:IotDpsResource",
        _DPS_API,
        _SERVICE,
        _SERVICE_NAMES,
        Published("azure.mgmt.iothubprovisioningservices", "ProvisioningServiceDescription"),
        fixed=LOCATED,
        absent=NO_ETAG
        | {
            "properties.disableLocalAuth",
            "properties.deviceRegistryNamespaces",
            "properties.iotHubs[].authenticationType",
            "properties.iotHubs[].hostName",
            "properties.iotHubs[].selectedUserAssignedIdentityResourceId",
        },
        required=frozenset({"properties.iotHubs[].connectionString"}),
    ),
)

FUNCTIONS = (
    Function("azure-native:iothub:listIotHubResourceKeys", _HUB_API, f"{_HUB}/listkeys"),
    Function(
        "azure-native:iothub:listIotHubResourceKeysForKeyName",
        _HUB_API,
        f"{_HUB}/IotHubKeys/{{keyName}}/listkeys",
    ),
    Function(
        "azure-native:deviceprovisioningservices:listIotDpsResourceKeys", _DPS_API, f"{_SERVICE}/listkeys"
    ),
    Function(
        "azure-native:deviceprovisioningservices:listIotDpsResourceKeysForKeyName",
        _DPS_API,
        f"{_SERVICE}/keys/{{keyName}}/listkeys",
    ),
)
