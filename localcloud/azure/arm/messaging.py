"""Microsoft.EventHub (API 2024-01-01) and Microsoft.ServiceBus (API 2026-01-01), as far as routes lead there.

Limits: learn.microsoft.com/azure/event-hubs/event-hubs-quotas and
learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas.
"""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.identity import check_identity
from localcloud.azure.arm.kept import fixed, keep, within
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.store import Document

ZONE = "servicebus.windows.net"
_EVENT, _BUS = "Microsoft.EventHub/namespaces", "Microsoft.ServiceBus/namespaces"
_EVENT_MODELS, _BUS_MODELS = "azure.mgmt.eventhub", "azure.mgmt.servicebus"
_EVENT_VERSIONS = ("2026-01-01", "2024-01-01", "2021-11-01")
_BUS_VERSIONS = ("2026-01-01", "2024-01-01", "2021-11-01")
_NAME = NameRule(re.compile(r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]"), "6 to 50 letters, digits and hyphens")
_ENTITY = NameRule(re.compile(r"[A-Za-z0-9]([\w./~-]{0,254}\w)?"), "1 to 256 letters, digits, . - _ /")
_UNITS = {"Basic": (1, 40), "Standard": (1, 40), "Premium": (1, 16)}
_RETENTION_DAYS = {"Basic": 1, "Standard": 7, "Premium": 90}
_PARTITIONS = {"Basic": 32, "Standard": 32, "Premium": 100}
_ONCE = (
    "properties.requiresDuplicateDetection",
    "properties.requiresSession",
    "properties.enablePartitioning",
)


def _check_event_namespace(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    least, most = _UNITS.get(str(draft.at("sku", "name") or "Standard"), (1, 40))
    within(draft, "sku.capacity", least, most)
    within(draft, "properties.maximumThroughputUnits", 0, 40)
    if draft.at("properties", "isAutoInflateEnabled") and draft.at("sku", "name") != "Standard":
        draft.wrong("properties.isAutoInflateEnabled", "needs sku.name Standard")


def _check_bus_namespace(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    if draft.at("sku", "name") == "Premium":
        within(draft, "sku.capacity", 1, 16)


def _check_event_hub(world: World, draft: Draft) -> None:
    sku = _sku_above(world, draft)
    within(draft, "properties.messageRetentionInDays", 1, _RETENTION_DAYS[sku], f"in a {sku} namespace")
    within(draft, "properties.partitionCount", 1, _PARTITIONS[sku], f"in a {sku} namespace")
    if sku != "Premium":
        fixed(draft, "properties.partitionCount")


def _check_topic(world: World, draft: Draft) -> None:
    if _sku_above(world, draft) == "Basic":
        draft.wrong("properties", "topics need a Standard or Premium namespace")
    fixed(draft, *_ONCE)


def _check_queue(_world: World, draft: Draft) -> None:
    within(draft, "properties.maxDeliveryCount", 1, 2000)
    fixed(draft, *_ONCE)


def _sku_above(world: World, draft: Draft) -> str:
    found = world.stored("/".join(draft.id.split("/")[:9])) or {}
    return str((found.get("sku") or {}).get("name") or "Standard")


def _namespace(_world: World, draft: Draft) -> Mapping[str, Any]:
    name = draft.name.lower()
    return {"serviceBusEndpoint": f"https://{name}.{ZONE}:443/", "status": "Active"}


def _event_hub(_world: World, draft: Draft) -> Mapping[str, Any]:
    count = draft.at("properties", "partitionCount") or draft.was("properties", "partitionCount") or 4
    return {"partitionCount": count, "partitionIds": [str(n) for n in range(count)]}


def entity_at(world: World, kind: str, endpoint: str, entity: str) -> Document | None:
    """The event hub, queue or topic (`kind`, a resource type) at `sb://{namespace}.servicebus.windows.net`."""
    host = re.fullmatch(r"sb://([A-Za-z0-9-]+)\.servicebus\.windows\.net/?", endpoint.strip(), re.IGNORECASE)
    if host is None:
        return None
    above, _, part = kind.rpartition("/")
    for _, it in world.store.list("arm"):
        if it["type"] == above and it["name"].lower() == host[1].lower():
            return world.stored(f"{it['id']}/{part}/{entity}")
    return None


EVENT_NAMESPACE = ResourceType(
    type=_EVENT,
    path=f"{GROUP}/providers/{_EVENT}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_EVENT}",
    versions=_EVENT_VERSIONS,
    shape=Published(_EVENT_MODELS, "EHNamespace"),
    name=_NAME,
    build=keep({"disableLocalAuth": False, "publicNetworkAccess": "Enabled"}, _namespace),
    check=_check_event_namespace,
    zone=ZONE,
    etag=False,
)
EVENT_HUB = ResourceType(
    type=f"{_EVENT}/eventhubs",
    path=f"{GROUP}/providers/{_EVENT}/{{namespace}}/eventhubs/{{name}}",
    versions=_EVENT_VERSIONS,
    shape=Published(_EVENT_MODELS, "Eventhub"),
    name=_ENTITY,
    build=keep({"messageRetentionInDays": 1, "status": "Active"}, _event_hub, state=False),
    check=_check_event_hub,
    tagged=False,
    etag=False,
    created=200,
)
BUS_NAMESPACE = ResourceType(
    type=_BUS,
    path=f"{GROUP}/providers/{_BUS}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_BUS}",
    versions=_BUS_VERSIONS,
    shape=Published(_BUS_MODELS, "SBNamespace"),
    name=_NAME,
    build=keep({"disableLocalAuth": False, "publicNetworkAccess": "Enabled"}, _namespace),
    check=_check_bus_namespace,
    zone=ZONE,
    etag=False,
)
QUEUE = ResourceType(
    type=f"{_BUS}/queues",
    path=f"{GROUP}/providers/{_BUS}/{{namespace}}/queues/{{name}}",
    versions=_BUS_VERSIONS,
    shape=Published(_BUS_MODELS, "SBQueue"),
    name=_ENTITY,
    build=keep({"maxDeliveryCount": 10, "status": "Active"}, state=False),
    check=_check_queue,
    tagged=False,
    etag=False,
    created=200,
)
TOPIC = ResourceType(
    type=f"{_BUS}/topics",
    path=f"{GROUP}/providers/{_BUS}/{{namespace}}/topics/{{name}}",
    versions=_BUS_VERSIONS,
    shape=Published(_BUS_MODELS, "SBTopic"),
    name=_ENTITY,
    build=keep({"status": "Active"}, state=False),
    check=_check_topic,
    tagged=False,
    etag=False,
    created=200,
)
