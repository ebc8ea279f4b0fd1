"""Microsoft.Network (API 2024-05-01, private DNS 2024-06-01): private endpoints, and what those stand on.

No packet goes through any of it: a private endpoint is checked, shown on its target, and that is all.
Group ids: learn.microsoft.com/azure/private-link/private-endpoint-overview, "Private-link resource".
"""

import ipaddress
import re
from typing import Any

from localcloud.azure.arm.kept import keep
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World, value_at
from localcloud.azure.arm.written import TRACKED
from localcloud.store import Document

_ENDPOINT, _NETWORK = "Microsoft.Network/privateEndpoints", "Microsoft.Network/virtualNetworks"
_ZONE = "Microsoft.Network/privateDnsZones"
_SUBNET = f"{_NETWORK}/subnets"
_MODELS = "azure.mgmt.network"
_VERSIONS = ("2025-07-01", "2025-05-01", "2024-05-01")
_GROUPS = {
    "Microsoft.Devices/IotHubs": ("iotHub",),
    "Microsoft.Devices/provisioningServices": ("iotDps",),
    "Microsoft.EventHub/namespaces": ("namespace",),
    "Microsoft.ServiceBus/namespaces": ("namespace",),
    "Microsoft.Storage/storageAccounts": ("blob", "dfs", "file", "queue", "table", "web"),
    "Microsoft.Web/sites": ("sites",),
}
_LISTS = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_NAME = NameRule(re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?"), "1 to 80 letters, digits, . - _")


def _check_endpoint(world: World, draft: Draft) -> None:
    subnet = draft.at("properties", "subnet", "id")
    if not subnet:
        draft.wrong("properties.subnet.id", "is required: the subnet that gets the address")
    elif not _is(world, subnet, _SUBNET):
        draft.wrong("properties.subnet.id", f"there is no subnet {subnet}")
    links = _links(draft)
    if len(links) != 1:
        draft.wrong(f"properties.{_LISTS[0]}", f"must have one connection, not {len(links)}")
    for where, link in links:
        _check_link(world, draft, where, link)


def _links(draft: Draft) -> list[tuple[str, dict[str, Any]]]:
    return [it for name in _LISTS for it in draft.entries("properties", name)]


def _check_link(world: World, draft: Draft, where: str, link: dict[str, Any]) -> None:
    named = value_at(link, "properties", "privateLinkServiceId")
    target = world.stored(str(named))
    if target is None:
        words = f"there is no {named}" if named else "is required: what the endpoint leads to"
        draft.wrong(f"{where}.properties.privateLinkServiceId", words)
        return
    served = _GROUPS.get(target["type"], ())
    given = value_at(link, "properties", "groupIds")
    groups = [str(it).lower() for it in given] if isinstance(given, list) else []
    if len(groups) != 1 or groups[0] not in (it.lower() for it in served):
        right = " or ".join(served) or "nothing: it takes no private endpoints"
        draft.wrong(f"{where}.properties.groupIds", f"must be one of a {target['type']}: {right}")


def _is(world: World, resource_id: Any, kind: str) -> bool:  # noqa: ANN401 - JSON
    found = world.stored(str(resource_id))
    return found is not None and found["type"] == kind


def _build_endpoint(world: World, draft: Draft) -> dict[str, Any]:
    document = keep()(world, draft)
    for name in _LISTS:
        for it in document["properties"].get(name) or []:
            it["properties"]["provisioningState"] = "Succeeded"
            status = "Approved" if name == _LISTS[0] else "Pending"
            it["properties"].setdefault(
                "privateLinkServiceConnectionState", {"status": status, "description": ""}
            )
            _show_on_target(world, draft, it["properties"])
    return document


def _show_on_target(world: World, draft: Draft, link: dict[str, Any]) -> None:
    target = world.stored(link["privateLinkServiceId"])
    assert target is not None
    kept = [it for it in _connections(target) if it["properties"]["privateEndpoint"]["id"] != draft.id]
    state = link["privateLinkServiceConnectionState"]
    shown = {
        "id": f"{target['id']}/privateEndpointConnections/{draft.name}",
        "name": draft.name,
        "type": f"{target['type']}/privateEndpointConnections",
        "properties": {"privateEndpoint": {"id": draft.id}, "privateLinkServiceConnectionState": state},
    }
    target["properties"]["privateEndpointConnections"] = [*kept, shown]
    world.store.put("arm", target["id"].lower(), target)


def _connections(target: Document) -> list[dict[str, Any]]:
    return list(target["properties"].get("privateEndpointConnections") or [])


def _endpoint_removed(world: World, document: Document) -> None:
    for name in _LISTS:
        for it in document["properties"].get(name) or []:
            target = world.stored(it["properties"]["privateLinkServiceId"])
            if target is not None:
                kept = [
                    it
                    for it in _connections(target)
                    if it["properties"]["privateEndpoint"]["id"] != document["id"]
                ]
                target["properties"]["privateEndpointConnections"] = kept
                world.store.put("arm", target["id"].lower(), target)


def _check_zone_group(world: World, draft: Draft) -> None:
    configs = draft.entries("properties", "privateDnsZoneConfigs")
    if not configs:
        draft.wrong("properties.privateDnsZoneConfigs", "must name a private DNS zone")
    for where, it in configs:
        zone = value_at(it, "properties", "privateDnsZoneId")
        if not _is(world, zone, _ZONE):
            draft.wrong(f"{where}.properties.privateDnsZoneId", f"there is no private DNS zone {zone}")


def _check_network(_world: World, draft: Draft) -> None:
    given = draft.at("properties", "addressSpace", "addressPrefixes")
    prefixes = given if isinstance(given, list) else []
    if not prefixes:
        draft.wrong("properties.addressSpace.addressPrefixes", "must have an address range")
    for n, it in enumerate(prefixes):
        _network(draft, f"properties.addressSpace.addressPrefixes[{n}]", it)
    if draft.at("properties", "subnets"):
        draft.wrong(
            "properties.subnets", "inside a network are not served by the local cloud: put each on its own"
        )


def _check_subnet(world: World, draft: Draft) -> None:
    several = draft.at("properties", "addressPrefixes")
    given = several if isinstance(several, list) else [draft.at("properties", "addressPrefix")]
    above = world.stored("/".join(draft.id.split("/")[:9])) or {"properties": {}}
    space = value_at(above, "properties", "addressSpace", "addressPrefixes") or []
    ranges = [ipaddress.ip_network(it) for it in space]
    for it in given:
        found = _network(draft, "properties.addressPrefix", it)
        if found and not any(_inside(found, its) for its in ranges):
            draft.wrong("properties.addressPrefix", f"{it} is not within the network's {', '.join(space)}")


_Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def _inside(inner: _Range, outer: _Range) -> bool:
    return inner.version == outer.version and outer.supernet_of(inner)  # type: ignore[arg-type] # same version


def _network(draft: Draft, where: str, text: Any) -> _Range | None:  # noqa: ANN401 - JSON
    try:
        return ipaddress.ip_network(str(text))
    except ValueError:
        draft.wrong(where, f"must be an address range such as 10.0.0.0/16, not {text!r}")
        return None


PRIVATE_ENDPOINT = ResourceType(
    type=_ENDPOINT,
    path=f"{GROUP}/providers/{_ENDPOINT}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_ENDPOINT}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "PrivateEndpoint"),
    name=_NAME,
    build=_build_endpoint,
    check=_check_endpoint,
    removed=_endpoint_removed,
)
ZONE_GROUP = ResourceType(
    type=f"{_ENDPOINT}/privateDnsZoneGroups",
    path=f"{GROUP}/providers/{_ENDPOINT}/{{endpoint}}/privateDnsZoneGroups/{{name}}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "PrivateDnsZoneGroup"),
    name=_NAME,
    build=keep(),
    check=_check_zone_group,
    tagged=False,
)
PRIVATE_ZONE = ResourceType(
    type=_ZONE,
    path=f"{GROUP}/providers/{_ZONE}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_ZONE}",
    versions=("2024-06-01", "2020-06-01", "2018-09-01"),
    shape=TRACKED,
    name=NameRule(re.compile(r"(?=.{1,253}$)[\w-]{1,63}(\.[\w-]{1,63})+"), "the form of a domain name"),
    build=keep(),
)
VIRTUAL_NETWORK = ResourceType(
    type=_NETWORK,
    path=f"{GROUP}/providers/{_NETWORK}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_NETWORK}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "VirtualNetwork"),
    name=_NAME,
    build=keep(),
    check=_check_network,
)
SUBNET = ResourceType(
    type=_SUBNET,
    path=f"{GROUP}/providers/{_NETWORK}/{{network}}/subnets/{{name}}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "Subnet"),
    name=_NAME,
    build=keep(),
    check=_check_subnet,
    tagged=False,
)
