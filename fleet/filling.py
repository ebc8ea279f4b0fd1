"""What a description may leave out, filled in before it is read: names, places, what a standby shares.

`filled_in` tells the paths that nobody wrote, so that a fault there can be told by its origin.
"""

from __future__ import annotations

import copy
from typing import Any

from fleet import names
from fleet.errors import Path

UNPROTECTED_STACKS = frozenset({"local", "dev"})
"""Stacks that come and go; everywhere else Pulumi refuses to delete a hub unless the description says so."""

_AZURE_NAMES = {
    "resourceGroup": names.resource_group_name,
    "provisioningService": names.provisioning_service_name,
    "storageAccount": names.storage_account_name,
    "eventHubNamespace": names.event_hub_namespace_name,
    "serviceBusNamespace": names.service_bus_namespace_name,
}
_OWN_NAMES = {
    "registry": ("namespace", names.registry_name),
    "functionApp": ("name", names.function_app_name),
}
"""Parts of azure that have a name of their own if they are there at all."""

_STANDBY_OWN = frozenset({"name", "location", "network", "standbyFor"})
"""What a standby hub does not take over."""

_WITH_CLOUDS = ("groups", "enrollments", "manifests")
_CLOUDS = ("azure",)
"""Where a fleet is that does not say so."""

FLEET_NAME: Path = ("name",)
"""What names in the clouds are made from."""

Added = dict[Path, Path | None]
"""Paths that nobody wrote; each with the path that the value was taken from, if it stands elsewhere."""


def filled_in(
    value: object, stack: str, location: str | None, region: str | None = None
) -> tuple[object, Added]:
    """The description with what it may leave out added, and the paths of that. `value` stays as it is."""
    if not isinstance(value, dict):
        return value, {}
    added: Added = {}
    full = copy.copy(value)
    _default(full, (), "protect", stack not in UNPROTECTED_STACKS, added)
    if isinstance(full.get("azure"), dict):
        full["azure"] = _azure(full["azure"], full.get("name"), stack, location, added)
    if isinstance(full.get("aws"), dict):
        full["aws"] = _aws(full["aws"], full.get("name"), stack, region, added)
    for part in _WITH_CLOUDS:
        if isinstance(full.get(part), dict):
            entries = full[part].items()
            clouds = full.get("clouds", _CLOUDS)
            full[part] = {key: _on_clouds(entry, (part, str(key)), clouds, added) for key, entry in entries}
    return full, added


def _aws(
    given: dict[str, Any], fleet: object, stack: str, region: str | None, added: Added
) -> dict[str, Any]:
    aws = copy.copy(given)
    if region is not None:
        _default(aws, ("aws",), "region", region, added)
    if "credentials" in aws and isinstance(fleet, str):
        name = names.role_alias_name(fleet, stack)
        _part(aws, ("aws",), "credentials", "roleAlias", name, added, FLEET_NAME)
    return aws


def _on_clouds(given: object, path: Path, clouds: object, added: Added) -> object:
    """A group, an enrollment or a manifest: it is where the fleet is, unless it says otherwise."""
    if not isinstance(given, dict):
        return given
    entry = copy.copy(given)
    _default(entry, path, "clouds", clouds, added, ("clouds",))
    if isinstance(entry["clouds"], list | tuple) and "aws" in entry["clouds"]:
        _default(entry, path, "aws", {}, added)
    return entry


def _azure(
    given: dict[str, Any], fleet: object, stack: str, location: str | None, added: Added
) -> dict[str, Any]:
    azure = copy.copy(given)
    if location is not None:
        _default(azure, ("azure",), "location", location, added)
    _part(azure, ("azure",), "diagnostics", "enabled", stack not in UNPROTECTED_STACKS, added)
    if isinstance(azure.get("hubs"), dict):
        azure["hubs"] = _hubs(azure["hubs"], azure.get("location"), added)
    if isinstance(fleet, str):
        _names(azure, fleet, stack, added)
    return azure


def _names(azure: dict[str, Any], fleet: str, stack: str, added: Added) -> None:
    for key, name in _AZURE_NAMES.items():
        _default(azure, ("azure",), key, name(fleet, stack), added, FLEET_NAME)
    for part, (key, name) in _OWN_NAMES.items():
        if part in azure:
            _part(azure, ("azure",), part, key, name(fleet, stack), added, FLEET_NAME)
    if isinstance(azure.get("hubs"), dict):
        for key, hub in azure["hubs"].items():
            if isinstance(key, str) and isinstance(hub, dict):
                name_of_hub = names.hub_name(fleet, stack, key)
                _default(hub, ("azure", "hubs", key), "name", name_of_hub, added, FLEET_NAME)


def _hubs(given: dict[Any, Any], location: object, added: Added) -> dict[Any, Any]:
    """The hubs: a standby takes over what it does not say, then each gets what is left to fill in."""
    hubs = {}
    for key, own in given.items():
        hub = copy.copy(own)
        if isinstance(hub, dict):
            path = ("azure", "hubs", str(key))
            for taken, value in _taken_over(hub, given).items():
                _default(hub, path, taken, value, added, ("azure", "hubs", hub["standbyFor"], taken))
            _default(hub, path, "partitions", 2 if hub.get("sku") == "F1" else 4, added)
            if location is not None:
                _default(hub, path, "location", location, added, ("azure", "location"))
        hubs[key] = hub
    return hubs


def _taken_over(hub: dict[str, Any], hubs: dict[Any, Any]) -> dict[str, Any]:
    primary = hubs.get(hub["standbyFor"]) if isinstance(hub.get("standbyFor"), str) else None
    if not isinstance(primary, dict):
        return {}
    return {key: value for key, value in primary.items() if key not in _STANDBY_OWN}


def _part(
    into: dict[str, Any],
    path: Path,
    part: str,
    key: str,
    value: object,
    added: Added,
    origin: Path | None = None,
) -> None:
    """Fill in a key of a part of `into`, which is there afterwards unless it is no mapping."""
    _default(into, path, part, {}, added)
    if isinstance(into[part], dict):
        into[part] = copy.copy(into[part])
        _default(into[part], (*path, part), key, value, added, origin)


def _default(
    into: dict[str, Any], path: Path, key: str, value: object, added: Added, origin: Path | None = None
) -> None:
    if key not in into:
        into[key] = value
        added[(*path, key)] = origin
