"""Microsoft.Devices/IotHubs (API 2023-06-30)."""

import re
from typing import Any

from localcloud.azure.arm import keys
from localcloud.azure.arm.hub_settings import EVENTS, check_settings
from localcloud.azure.arm.identity import assigned, check_identity
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.names import check_availability
from localcloud.azure.arm.registry_links import kept_links
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.arm.routing import check_routing
from localcloud.store import Document

ZONE = "azure-devices.net"
# "Manage access to IoT Hub by using shared access policies": the built-in policies of a new hub.
_POLICIES = {
    "iothubowner": "RegistryRead, RegistryWrite, ServiceConnect, DeviceConnect",
    "service": "ServiceConnect",
    "device": "DeviceConnect",
    "registryRead": "RegistryRead",
    "registryReadWrite": "RegistryRead, RegistryWrite",
}
# Most units of an edition: learn.microsoft.com/azure/iot-hub/iot-hub-devguide-quotas-throttling
_MOST_UNITS = {"F1": 1, "B1": 200, "B2": 200, "B3": 10, "S1": 200, "S2": 200, "S3": 10}
_TIERS = {"F": "Free", "B": "Basic", "S": "Standard"}
_FEEDBACK = {"lockDurationAsIso8601": "PT1M", "ttlAsIso8601": "PT1H", "maxDeliveryCount": 10}
_NO_STORAGE = {"sasTtlAsIso8601": "PT1H", "connectionString": "", "containerName": ""}
_NAME = NameRule(
    re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]"),
    "3 to 50 letters, digits and hyphens, not only digits, no hyphen at either end",
)


def _check(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    keys.check_keys(draft)
    _check_sku(draft)
    check_settings(world, draft)
    check_routing(world, draft)


def _build(world: World, draft: Draft) -> dict[str, Any]:
    keys.keep_policies(world, draft, _POLICIES)
    given = {key: value for key, value in draft.properties.items() if key != "authorizationPolicies"}
    document: dict[str, Any] = {key: draft.body[key] for key in ("location", "tags") if key in draft.body}
    document["sku"] = _sku(draft.body["sku"])
    identity = assigned(world, draft)
    if identity is not None:
        document["identity"] = identity
    return {**document, "properties": {**_defaults(draft), **given, **_computed(draft, given)}}


def _check_sku(draft: Draft) -> None:
    name, units = draft.at("sku", "name"), draft.at("sku", "capacity")
    most = _MOST_UNITS.get(str(name))
    if most and isinstance(units, int) and not 1 <= units <= most:
        draft.wrong("sku.capacity", f"must be 1 to {most} for {name}, not {units}")
    before = draft.was("sku", "name")
    if most and before and (before == "F1") != (name == "F1"):
        draft.wrong("sku.name", f"a hub cannot change between {before} and {name}: Free hubs stay Free")


def _sku(given: dict[str, Any]) -> dict[str, Any]:
    return {"name": given["name"], "tier": _TIERS[given["name"][0]], "capacity": given.get("capacity", 1)}


def _defaults(draft: Draft) -> dict[str, Any]:
    fallback = {"name": "$fallback", "source": "DeviceMessages", "condition": "true", "isEnabled": True}
    endpoints: dict[str, Any] = {
        it: [] for it in ("serviceBusQueues", "serviceBusTopics", "eventHubs", "storageContainers")
    }
    free = draft.body["sku"]["name"] == "F1"
    return {
        "enableFileUploadNotifications": False,
        "cloudToDevice": {"maxDeliveryCount": 10, "defaultTtlAsIso8601": "PT1H", "feedback": _FEEDBACK},
        "messagingEndpoints": {"fileNotifications": _FEEDBACK},
        "storageEndpoints": {"$default": _NO_STORAGE},
        "routing": {
            "endpoints": endpoints,
            "routes": [],
            "fallbackRoute": {**fallback, "endpointNames": ["events"]},
        },
        "features": "None" if free else "DeviceManagement",
        "publicNetworkAccess": "Enabled",
        "ipFilterRules": [],
    }


def _computed(draft: Draft, given: dict[str, Any]) -> dict[str, Any]:
    events = _events(draft, (given.get("eventHubEndpoints") or {}).get("events") or {})
    return {
        "provisioningState": "Succeeded",
        "state": "Active",
        "hostName": f"{draft.name}.{ZONE}",
        "locations": [{"location": draft.body["location"], "role": "primary"}],
        "eventHubEndpoints": {"events": events},
        **kept_links(draft),
    }


def _events(draft: Draft, given: dict[str, Any]) -> dict[str, Any]:
    kept = draft.was(*EVENTS) or {}
    free = draft.body["sku"]["name"] == "F1"
    count = given.get("partitionCount") or kept.get("partitionCount") or (2 if free else 4)
    return {
        "retentionTimeInDays": given.get("retentionTimeInDays") or kept.get("retentionTimeInDays") or 1,
        "partitionCount": count,
        "partitionIds": [str(n) for n in range(count)],
        "path": draft.name.lower(),
        "endpoint": f"sb://{draft.name.lower()}.servicebus.windows.net/",
    }


def _removed(world: World, document: Document) -> None:
    """A hub takes its devices with it; connected ones are cut off."""
    host = document["properties"]["hostName"].lower()
    world.hubs.forget_hub(host)


IOT_HUB = ResourceType(
    type="Microsoft.Devices/IotHubs",
    path=f"{GROUP}/providers/Microsoft.Devices/IotHubs/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/Microsoft.Devices/IotHubs",
    versions=("2023-06-30", "2023-06-30-preview", "2022-11-15-preview", "2021-07-02"),
    shape=Published("azure.mgmt.iothub.v2023_06_30", "IotHubDescription"),
    name=_NAME,
    build=_build,
    check=_check,
    removed=_removed,
    zone=ZONE,
    actions={"listkeys": keys.list_keys, "IotHubKeys/{key}/listkeys": keys.list_key},
    subscription_actions={
        f"{SUBSCRIPTION}/providers/Microsoft.Devices/checkNameAvailability": check_availability(
            _NAME, lambda world, name: world.directory.hub_by_host(f"{name}.{ZONE}")
        )
    },
)
