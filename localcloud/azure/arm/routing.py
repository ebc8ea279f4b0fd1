"""The message routes of a hub: endpoints, routes, the fallback route and enrichments.

Reserved names, one endpoint a route, and the numbers of endpoints and routes are in the descriptions of
RoutingProperties and RoutingEndpoints (iothub.json 2023-06-30); the number of enrichments in "Message
enrichments for device-to-cloud IoT Hub messages", learn.microsoft.com/azure/iot-hub.

An endpoint is written by the hub's identity, which needs the role that "IoT Hub support for managed
identities" names, on the target or above. When the service checks it is not published; refusing the PUT is
the safe side. So an endpoint that a hub is made with needs a user-assigned identity, whose role is there
before the hub.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.azure.arm import messaging, storage
from localcloud.azure.arm.identity import acting
from localcloud.azure.arm.resources import Draft, World
from localcloud.azure.arm.roles import may
from localcloud.store import Document

BUILT_IN = "events"
RESERVED = frozenset({BUILT_IN, "filenotifications", "operationsmonitoringevents", "$default"})
# Paid and free hubs
_MOST_ENDPOINTS, _MOST_ROUTES, _MOST_ENRICHMENTS = (10, 1), (100, 5), (10, 2)
_ROUTING = ("properties", "routing")


@dataclass(frozen=True)
class _Kind:
    """A kind of endpoint: how its target is found, and what the hub's identity does there.

    `words` is what the person is told: what the target is, and the role that allows the action.
    """

    target: Callable[[World, Mapping[str, Any]], Document | None]
    action: str
    words: tuple[str, str]


def _entity(kind: str) -> Callable[[World, Mapping[str, Any]], Document | None]:
    def found(world: World, entry: Mapping[str, Any]) -> Document | None:
        endpoint, entity = str(entry.get("endpointUri") or ""), str(entry.get("entityPath") or "")
        return messaging.entity_at(world, kind, endpoint, entity)

    return found


def _container(world: World, entry: Mapping[str, Any]) -> Document | None:
    return storage.container_at(
        world, str(entry.get("endpointUri") or ""), str(entry.get("containerName") or "")
    )


KINDS = {
    "eventHubs": _Kind(
        _entity(messaging.EVENT_HUB.type),
        "Microsoft.EventHub/namespaces/messages/send/action",
        ("event hub", "Azure Event Hubs Data Sender"),
    ),
    "serviceBusQueues": _Kind(
        _entity(messaging.QUEUE.type),
        "Microsoft.ServiceBus/namespaces/messages/send/action",
        ("Service Bus queue", "Azure Service Bus Data Sender"),
    ),
    "serviceBusTopics": _Kind(
        _entity(messaging.TOPIC.type),
        "Microsoft.ServiceBus/namespaces/messages/send/action",
        ("Service Bus topic", "Azure Service Bus Data Sender"),
    ),
    "storageContainers": _Kind(
        _container,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        ("blob container", "Storage Blob Data Contributor"),
    ),
}


def check_routing(world: World, draft: Draft) -> None:
    """Add a fault for each thing wrong with the hub's routing."""
    names = _check_endpoints(world, draft)
    _check_routes(draft, names)
    _check_enrichments(draft, names)


def check_reach(world: World, draft: Draft, where: str, entry: dict[str, Any], kind: str) -> None:
    """Add a fault unless the hub's identity may write to the entry's target.

    Keys are not served: what a connection string opens, the local cloud does not have.
    """
    if str(entry.get("authenticationType") or "keyBased") != "identityBased":
        draft.wrong(
            f"{where}.authenticationType", "must be identityBased: the local cloud serves no keys here"
        )
        return
    rule = KINDS[kind]
    target = rule.target(world, entry)
    if target is None:
        draft.wrong(where, f"there is no {rule.words[0]} {_place(entry)}")
        return
    user = (entry.get("identity") or {}).get("userAssignedIdentity")
    principal = acting(world, draft, user)
    if principal is None:
        who = f"userAssignedIdentity {user}" if user else "system-assigned identity"
        draft.wrong(f"{where}.identity", f"the hub has no {who}")
    elif not may(world, principal, rule.action, target["id"]):
        wrong = f"the hub's identity {principal or '(which this request makes)'} lacks {rule.action}"
        draft.wrong(where, f"{wrong} on {target['id']}: assign it '{rule.words[1]}' there or above first")


def _place(entry: Mapping[str, Any]) -> str:
    parts = (entry.get("endpointUri"), entry.get("entityPath") or entry.get("containerName"))
    return "/".join(str(it).rstrip("/") for it in parts if it) or "without endpointUri"


def _check_endpoints(world: World, draft: Draft) -> set[str]:
    names: set[str] = set()
    count = 0
    for kind, where, entry in _endpoints(draft):
        name = str(entry.get("name")).lower()
        count += 1
        if name in RESERVED:
            draft.wrong(f"{where}.name", f"{entry['name']!r} is reserved")
        elif name in names and "name" in entry:
            draft.wrong(f"{where}.name", f"{entry['name']!r} is the name of another endpoint")
        names.add(name)
        if kind in KINDS:
            check_reach(world, draft, where, entry, kind)
        else:
            draft.wrong(where, f"{kind} are not served by the local cloud")
    _at_most(draft, (*_ROUTING, "endpoints"), count, _MOST_ENDPOINTS, "endpoints")
    return names | {BUILT_IN}


def _endpoints(draft: Draft) -> Iterator[tuple[str, str, dict[str, Any]]]:
    given = draft.at(*_ROUTING, "endpoints")
    for kind in given if isinstance(given, dict) else ():
        for where, entry in draft.entries(*_ROUTING, "endpoints", kind):
            yield kind, where, entry


def _check_routes(draft: Draft, names: set[str]) -> None:
    routes = draft.entries(*_ROUTING, "routes")
    fallback = draft.at(*_ROUTING, "fallbackRoute")
    seen: set[str] = set()
    for where, route in routes:
        name = str(route.get("name")).lower()
        if name in seen and "name" in route:
            draft.wrong(f"{where}.name", f"{route['name']!r} is the name of another route")
        seen.add(name)
        _check_route(draft, where, route, names)
    if isinstance(fallback, dict):
        _check_route(draft, ".".join((*_ROUTING, "fallbackRoute")), fallback, names)
    _at_most(draft, (*_ROUTING, "routes"), len(routes), _MOST_ROUTES, "routes")


def _check_route(draft: Draft, where: str, route: dict[str, Any], names: set[str]) -> None:
    if route.get("source") == "Invalid":
        draft.wrong(f"{where}.source", "must name what is routed, such as DeviceMessages")
    condition = route.get("condition")
    if condition is not None and not str(condition).strip():
        draft.wrong(f"{where}.condition", "must not be empty: true takes every message")
    _check_names(draft, where, route, names)


def _check_names(draft: Draft, where: str, entry: dict[str, Any], names: set[str]) -> None:
    given = entry.get("endpointNames")
    for it in given if isinstance(given, list) else ():
        if str(it).lower() not in names:
            known = ", ".join(sorted(names))
            draft.wrong(f"{where}.endpointNames", f"there is no endpoint {it!r}; the hub has {known}")


def _check_enrichments(draft: Draft, names: set[str]) -> None:
    enrichments = draft.entries(*_ROUTING, "enrichments")
    seen: set[str] = set()
    for where, it in enrichments:
        if str(it.get("key")) in seen and "key" in it:
            draft.wrong(f"{where}.key", f"{it['key']!r} is the key of another enrichment")
        seen.add(str(it.get("key")))
        for name in ("key", "value"):
            if not str(it.get(name) or "").strip():
                draft.wrong(f"{where}.{name}", "must not be empty")
        _check_names(draft, where, it, names)
    _at_most(draft, (*_ROUTING, "enrichments"), len(enrichments), _MOST_ENRICHMENTS, "enrichments")


def _at_most(draft: Draft, path: tuple[str, ...], count: int, most: tuple[int, int], what: str) -> None:
    free = draft.at("sku", "name") == "F1"
    if count > most[free]:
        kind = "free" if free else "paid"
        draft.wrong(".".join(path), f"has {count} {what}; a {kind} hub has at most {most[free]}")
