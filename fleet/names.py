"""What resources are called in Azure when the description does not say, and whether Pulumi guards them.

Hubs and provisioning services share one name space with the whole world, so the stack is part of every
name: two stacks of one fleet never collide.
"""

from __future__ import annotations

import copy
from typing import Any

from fleet.errors import Path

UNPROTECTED_STACKS = frozenset({"local", "dev"})
"""Stacks that come and go; everywhere else Pulumi refuses to delete a hub unless the description says so."""


def hub_name(fleet: str, stack: str, hub: str) -> str:
    """The default name of a hub in Azure: `coldchain-prod-eu-1`."""
    return f"{resource_group_name(fleet, stack)}-{hub}"


def provisioning_service_name(fleet: str, stack: str) -> str:
    """The default name of the Device Provisioning Service in Azure: `coldchain-prod`."""
    return resource_group_name(fleet, stack)


def resource_group_name(fleet: str, stack: str) -> str:
    """The default name of the resource group: `coldchain-prod`. Lower case: Azure ignores case."""
    return f"{fleet}-{stack}".lower()


def filled_in(value: object, stack: str, location: str | None) -> tuple[object, frozenset[Path]]:
    """The description with what it may leave out added, and the paths of that. `value` stays as it is."""
    if not isinstance(value, dict):
        return value, frozenset()
    full, added = copy.copy(value), set[Path]()
    _default(full, (), "protect", stack not in UNPROTECTED_STACKS, added)
    if isinstance(full.get("azure"), dict):
        full["azure"] = _azure(full["azure"], full.get("name"), stack, location, added)
    return full, frozenset(added)


def _azure(
    given: dict[str, Any], fleet: object, stack: str, location: str | None, added: set[Path]
) -> dict[str, Any]:
    azure = copy.copy(given)
    if location is not None:
        _default(azure, ("azure",), "location", location, added)
    if not isinstance(fleet, str):
        return azure
    _default(azure, ("azure",), "resourceGroup", resource_group_name(fleet, stack), added)
    _default(azure, ("azure",), "provisioningService", provisioning_service_name(fleet, stack), added)
    if isinstance(azure.get("hubs"), dict):
        azure["hubs"] = {
            key: _hub(key, hub, hub_name(fleet, stack, key), added) if isinstance(key, str) else hub
            for key, hub in azure["hubs"].items()
        }
    return azure


def _hub(key: str, given: object, name: str, added: set[Path]) -> object:
    if not isinstance(given, dict):
        return given
    hub = copy.copy(given)
    _default(hub, ("azure", "hubs", key), "name", name, added)
    return hub


def _default(into: dict[str, Any], path: Path, key: str, value: object, added: set[Path]) -> None:
    if key not in into:
        into[key] = value
        added.add((*path, key))
