"""The links between a Device Registry namespace and the services that use it (API 2026-11-01-preview).

They are written on the namespace: a provisioning service under `properties.provisioning.endpoints`, hubs
under `properties.messaging.endpoints` (namespaces.tsp of DeviceRegistry.Management in
Azure/azure-rest-api-specs). The services show them read-only: `deviceRegistryNamespaces` of a provisioning
service (2026-11-01), `deviceRegistry` of a hub. Before that, a hub (2025-08-01-preview, SKU GEN2) and a
provisioning service (2025-02-01-preview) had them as a writable property of their own; the local cloud does
not serve links of those versions.

Which roles are checked, and when, is not published. The safe side: the service's identity must be allowed to
have certificates issued, and the namespace's to write devices of the hub, when the link is written.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.azure.arm.identity import principal_of
from localcloud.azure.arm.resources import Draft, World
from localcloud.azure.arm.roles import may
from localcloud.store import Document

HUB, SERVICE = "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices"
_ISSUE = "Microsoft.DeviceRegistry/namespaces/credentials/policies/issueCertificate/action"
_WRITE = "Microsoft.Devices/IotHubs/devices/write"
_PLACES = {"provisioning": SERVICE, "messaging": HUB}


def check_links(world: World, draft: Draft) -> None:
    """Add a fault for each linked service that the namespace could not work with."""
    services = list(_linked(draft.properties, "provisioning"))
    hubs = list(_linked(draft.properties, "messaging"))
    if len(services) > 1:
        draft.wrong("properties.provisioning.endpoints", "may link one provisioning service, not more")
    if hubs and not services:
        draft.wrong(
            "properties.messaging.endpoints", "may link hubs only once a provisioning service is linked"
        )
    for where, entry in services:
        service = _target(world, draft, where, entry, SERVICE)
        if service is not None:
            _check_service(world, draft, where, entry, service)
    for where, entry in hubs:
        hub = _target(world, draft, where, entry, HUB)
        if hub is not None:
            _check_hub(world, draft, where, hub)


def _linked(properties: Mapping[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The endpoints that are services of ours, each with its place; others are only kept."""
    holder = properties.get(place)
    endpoints = holder.get("endpoints") if isinstance(holder, dict) else None
    for name, entry in endpoints.items() if isinstance(endpoints, dict) else ():
        if isinstance(entry, dict) and str(entry.get("endpointType")).lower() == _PLACES[place].lower():
            yield f"properties.{place}.endpoints.{name}", entry


def _target(world: World, draft: Draft, where: str, entry: dict[str, Any], kind: str) -> Document | None:
    before = draft.was(*where.split(".")) or {}
    if "resourceId" not in entry or before.get("resourceId") == entry["resourceId"]:
        return None  # the shape has said so; or it stays, and others may go after its resource or role
    found = world.stored(str(entry["resourceId"]))
    if found is None or found["type"] != kind:
        draft.wrong(f"{where}.resourceId", f"there is no {kind} {entry['resourceId']}")
        return None
    others = [it for it in namespaces_of(found) if it.lower() != draft.id.lower()]
    if others:
        draft.wrong(f"{where}.resourceId", f"is linked to {others[0]} already")
    return found


def _check_service(world: World, draft: Draft, where: str, entry: dict[str, Any], service: Document) -> None:
    caller = entry.get("inboundCallerIdentity") or {}
    user = caller.get("userAssignedIdentity") if caller.get("type") == "UserAssigned" else None
    principal = principal_of(service, user)
    if principal is None:
        draft.wrong(f"{where}.inboundCallerIdentity", f"{service['id']} has no such identity")
    elif not may(world, principal, _ISSUE, draft.id):
        role = "assign it 'Azure Device Registry Contributor' on the namespace first"
        draft.wrong(where, f"the service's identity {principal} lacks {_ISSUE}: {role}")


def _check_hub(world: World, draft: Draft, where: str, hub: Document) -> None:
    user = draft.at("properties", "outboundIdentity", "userAssignedIdentity")
    principal = principal_of(draft.before, user)
    if principal is None:
        draft.wrong(
            where, "the namespace has no identity yet: make it with identity.type SystemAssigned first"
        )
    elif not may(world, principal, _WRITE, hub["id"]):
        role = "assign it 'IoT Hub Registry Contributor' on the hub first"
        draft.wrong(where, f"the namespace's identity {principal} lacks {_WRITE}: {role}")


def linked(world: World, draft: Draft) -> dict[str, Any]:
    """The endpoints as GET shows them, and the services told: of a call before 2026-11-01-preview, those that
    are there (a PUT does not take away what its API version does not know).
    """
    before = {place: draft.was("properties", place) for place in _PLACES}
    given = {place: draft.properties.get(place, before[place]) for place in _PLACES}
    shown = {place: it for place, it in given.items() if it is not None}
    _tell(world, draft.id, shown)
    return shown


def forget(world: World, document: Document) -> None:
    """Take a namespace's links away from the services."""
    _tell(world, document["id"], {})


def _tell(world: World, namespace_id: str, properties: Mapping[str, Any]) -> None:
    wanted: dict[str, dict[str, Any]] = {}
    for place in _PLACES:
        for _, entry in _linked(properties, place):
            entry["linkingState"] = "Succeeded"
            wanted[entry["resourceId"].lower()] = entry
    for key, document in world.store.list("arm"):
        if document["type"] not in (HUB, SERVICE):
            continue
        if key in wanted or namespace_id.lower() in (it.lower() for it in namespaces_of(document)):
            _show(document, namespace_id, wanted.get(key))
            world.store.put("arm", key, document)


def namespaces_of(document: Document) -> list[str]:
    """The namespaces that a hub or a provisioning service shows."""
    properties = document["properties"]
    if document["type"] == HUB:
        return [properties["deviceRegistry"]["namespaceResourceId"]] if "deviceRegistry" in properties else []
    return [it["resourceId"] for it in properties.get("deviceRegistryNamespaces") or []]


def _show(document: Document, namespace_id: str, entry: Mapping[str, Any] | None) -> None:
    name = "deviceRegistry" if document["type"] == HUB else "deviceRegistryNamespaces"
    document["properties"].pop(name, None)
    if entry is None:
        return
    if document["type"] == HUB:
        document["properties"][name] = {"namespaceResourceId": namespace_id}
        return
    caller = entry["inboundCallerIdentity"]
    shown = {"resourceId": namespace_id, "authenticationType": caller["type"], "linkingState": "Succeeded"}
    if caller.get("userAssignedIdentity"):
        shown["selectedUserAssignedIdentityResourceId"] = caller["userAssignedIdentity"]
    document["properties"][name] = [shown]


def kept_links(draft: Draft) -> dict[str, Any]:
    """What a hub or provisioning service that is written keeps: the links are its namespace's to change."""
    names = ("deviceRegistry", "deviceRegistryNamespaces", "privateEndpointConnections")
    kept = {name: draft.was("properties", name) for name in names}
    return {name: it for name, it in kept.items() if it}
