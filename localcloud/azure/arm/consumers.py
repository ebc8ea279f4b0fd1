"""Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups (API 2023-06-30).

A group is kept and no more: the local cloud has no Event Hubs endpoint to read with it.
Limits: learn.microsoft.com/azure/event-hubs/event-hubs-quotas.
"""

import re
from typing import Any

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.hubs import IOT_HUB
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import Draft, NameRule, ResourceType, World

_MOST = 20
_ENDPOINT = "events"


def _check(world: World, draft: Draft) -> None:
    if draft.names["endpoint"].lower() != _ENDPOINT:
        draft.wrong("eventHubEndpointName", f"must be {_ENDPOINT}, not {draft.names['endpoint']!r}")
    if draft.at("properties", "name") not in (None, draft.name):
        draft.wrong("properties.name", f"must be the group's own name, {draft.name}")
    others = world.store.list("arm", f"{draft.id.rpartition('/')[0]}/".lower())
    if not draft.before and len(others) >= _MOST - 1:
        message = f"A hub has at most {_MOST} consumer groups, $Default among them."
        raise ArmError(400, "ConsumerGroupQuotaExceeded", message)


def _build(world: World, draft: Draft) -> dict[str, Any]:
    created = draft.was("properties", "created") or world.clock.text()
    return {"properties": {"name": draft.name, "created": created}}


CONSUMER_GROUP = ResourceType(
    type="Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups",
    path=IOT_HUB.path.replace("{name}", "{hub}") + "/eventHubEndpoints/{endpoint}/ConsumerGroups/{name}",
    versions=IOT_HUB.versions,
    shape=Published("azure.mgmt.iothub.v2023_06_30", "EventHubConsumerGroupBodyDescription"),
    name=NameRule(
        re.compile(r"(?!\$Default$)[A-Za-z0-9]([\w.-]{0,48}[A-Za-z0-9])?"), "1 to 50 letters, digits, . - _"
    ),
    build=_build,
    check=_check,
    tagged=False,
    created=200,
)
