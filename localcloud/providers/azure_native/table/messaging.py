"""Microsoft.EventHub and Microsoft.ServiceBus: where a hub's routes may lead."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.providers.azure_native.entries import GROUP_NAME, GROUP_PATH, LOCATED, ResourceType, named

_EVENT_API, _EVENTS = "2024-01-01", "azure.mgmt.eventhub"
_BUS_API, _BUS = "2026-01-01", "azure.mgmt.servicebus"
_EVENT_NAMESPACE = f"{GROUP_PATH}/providers/Microsoft.EventHub/namespaces/{{namespaceName}}"
_BUS_NAMESPACE = f"{GROUP_PATH}/providers/Microsoft.ServiceBus/namespaces/{{namespaceName}}"
_NAMES = GROUP_NAME | {
    "namespaceName": named(
        r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]",
        "6 to 50 letters, digits and hyphens, a letter first, no hyphen last",
    )
}
_ENTITY = r"[A-Za-z0-9]([\w./~-]{0,%d}[\w])?"
_ONCE = frozenset({"requiresDuplicateDetection", "requiresSession", "enablePartitioning"})

TYPES = (
    ResourceType(
        "azure-native:eventhub:Namespace",
        _EVENT_API,
        _EVENT_NAMESPACE,
        _NAMES,
        Published(_EVENTS, "EHNamespace"),
        fixed=LOCATED,
        absent=frozenset({"geoDataReplication", "ipAddressType", "platformCapabilities"}),
    ),
    ResourceType(
        "azure-native:eventhub:EventHub",
        _EVENT_API,
        f"{_EVENT_NAMESPACE}/eventhubs/{{eventHubName}}",
        _NAMES
        | {"eventHubName": named(_ENTITY % 254, "1 to 256 letters, digits, . - _, a letter or digit first")},
        Published(_EVENTS, "Eventhub"),
        absent=frozenset(
            {"messageTimestampDescription", "retentionDescription.minCompactionLagTimeInMinutes"}
        ),
    ),
    ResourceType(
        "azure-native:servicebus:Namespace",
        _BUS_API,
        _BUS_NAMESPACE,
        _NAMES,
        Published(_BUS, "SBNamespace"),
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:servicebus:Queue",
        _BUS_API,
        f"{_BUS_NAMESPACE}/queues/{{queueName}}",
        _NAMES
        | {"queueName": named(_ENTITY % 258, "1 to 260 letters, digits, . - _ /, a letter or digit first")},
        Published(_BUS, "SBQueue"),
        fixed=_ONCE,
    ),
    ResourceType(
        "azure-native:servicebus:Topic",
        _BUS_API,
        f"{_BUS_NAMESPACE}/topics/{{topicName}}",
        _NAMES
        | {"topicName": named(_ENTITY % 258, "1 to 260 letters, digits, . - _ /, a letter or digit first")},
        Published(_BUS, "SBTopic"),
        fixed=_ONCE,
    ),
)
