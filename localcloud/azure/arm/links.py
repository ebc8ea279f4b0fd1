"""The hubs linked to a provisioning service (`properties.iotHubs`).

By managed identity (API 2026-11-01, authenticationType SystemAssigned) the hub must exist and the service's
identity must hold roles on it that may write devices and twins. That DPS needs RegistryWrite and
ServiceConnect is published for connection strings
(learn.microsoft.com/azure/iot-dps/how-to-manage-linked-iot-hubs); when exactly the service checks a role is
not, so the local cloud takes the safe side and refuses the link at once.
"""

from typing import Any

from localcloud.azure.arm import keys
from localcloud.azure.arm.identity import acting
from localcloud.azure.arm.resources import Draft, World
from localcloud.azure.arm.roles import may
from localcloud.store import Document

_MASK = "****"
_NEEDED = {"RegistryWrite", "ServiceConnect"}
_NEEDED_ACTIONS = ("Microsoft.Devices/IotHubs/devices/write", "Microsoft.Devices/IotHubs/twins/write")
_ROLES = "'IoT Hub Registry Contributor' and 'IoT Hub Twin Contributor' (or 'IoT Hub Data Contributor')"


def check_links(world: World, draft: Draft) -> None:
    """Add a fault for each linked hub that the service could not reach."""
    entries = [it for it in _entries(draft) if isinstance(it, dict)]
    hosts = [host_of(it) for it in entries]
    for n, (entry, host) in enumerate(zip(entries, hosts, strict=True)):
        where = f"properties.iotHubs[{n}]"
        if host and host in hosts[:n]:
            draft.wrong(where, f"links {host} a second time")
        weight = entry.get("allocationWeight")
        if isinstance(weight, int) and not 1 <= weight <= 1000:
            draft.wrong(f"{where}.allocationWeight", f"must be 1 to 1000, not {weight}")
        if not _is_kept(draft, entry):
            _check_reach(world, draft, entry, where)


def linked(_world: World, draft: Draft) -> list[dict[str, Any]]:
    """The entries as GET shows them: with the host as `name`, keys masked."""
    return [_shown(it) for it in _entries(draft)]


def host_of(entry: dict[str, Any]) -> str:
    """The hub's host, lower case, "" when the entry names none."""
    named = entry.get("hostName") or _parts(entry).get("HostName") or ""
    return str(named).lower()


def _entries(draft: Draft) -> list[dict[str, Any]]:
    found = draft.properties.get("iotHubs")
    return found if isinstance(found, list) else []


def _parts(entry: dict[str, Any]) -> dict[str, str]:
    text = str(entry.get("connectionString") or "")
    return {key: value for key, _, value in (it.partition("=") for it in text.split(";"))}


def _kind(entry: dict[str, Any]) -> str:
    return str(entry.get("authenticationType") or "KeyBased")


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    shown = {"applyAllocationPolicy": True, "allocationWeight": 1, **entry, "name": host_of(entry)}
    if "connectionString" in entry:
        parts = {**_parts(entry), "SharedAccessKey": _MASK}
        shown["connectionString"] = ";".join(f"{key}={value}" for key, value in parts.items())
    return shown


def _check_reach(world: World, draft: Draft, entry: dict[str, Any], where: str) -> None:
    field = "connectionString" if _kind(entry) == "KeyBased" else "hostName"
    host = host_of(entry)
    hub = world.directory.hub_by_host(host) if host else None
    if not entry.get(field):
        draft.wrong(f"{where}.{field}", f"is required for a {_kind(entry)} link")
    elif hub is None:
        draft.wrong(f"{where}.{field}", f"there is no IoT hub {host}")
    else:
        _CHECKS.get(_kind(entry), _refuse_kind)(world, draft, entry, where, hub)


def _check_identity(world: World, draft: Draft, entry: dict[str, Any], where: str, hub: Document) -> None:
    user = entry.get("selectedUserAssignedIdentityResourceId") if _kind(entry) == "UserAssigned" else None
    principal = acting(world, draft, user)
    if principal is None:
        needed = f"the identity {user}" if user else "identity.type SystemAssigned"
        draft.wrong(f"{where}.authenticationType", f"needs {needed} on the service")
        return
    lacking = [it for it in _NEEDED_ACTIONS if not may(world, principal, it, hub["id"])]
    if lacking:
        who = f"the service's identity {principal or '(which this request makes)'}"
        wrong = f"{who} lacks {' and '.join(lacking)} on {host_of(entry)}"
        draft.wrong(where, f"{wrong}: assign it {_ROLES} there or above first")


def _check_key(world: World, draft: Draft, entry: dict[str, Any], where: str, hub: Document) -> None:
    parts = _parts(entry)
    if hub["properties"].get("disableLocalAuth"):
        words = "takes no keys (disableLocalAuth): link it by SystemAssigned"
        draft.wrong(where, f"{host_of(entry)} {words}")
        return
    named, sent = parts.get("SharedAccessKeyName"), parts.get("SharedAccessKey")
    known = [it for it in keys.policies(world, hub["id"]) if it["keyName"] == named]
    if not any(sent in (it["primaryKey"], it["secondaryKey"]) for it in known):
        draft.wrong(f"{where}.connectionString", f"is of no shared access policy of {host_of(entry)}")
    elif not {part.strip() for part in known[0]["rights"].split(",")} >= _NEEDED:
        draft.wrong(f"{where}.connectionString", f"its policy needs {' and '.join(sorted(_NEEDED))}")


def _refuse_kind(_world: World, draft: Draft, entry: dict[str, Any], where: str, _hub: Document) -> None:
    draft.wrong(f"{where}.authenticationType", f"'{_kind(entry)}' is not served by the local cloud")


def _is_kept(draft: Draft, entry: dict[str, Any]) -> bool:
    """A link that stays is not checked again, so that others can be taken away after their hub or role.

    A key comes back masked when it is to stay.
    """
    if _kind(entry) == "KeyBased" and _parts(entry).get("SharedAccessKey") != _MASK:
        return False
    before = draft.was("properties", "iotHubs") or []
    return any(it["name"] == host_of(entry) and _kind(it) == _kind(entry) for it in before)


_CHECKS = {"KeyBased": _check_key, "SystemAssigned": _check_identity, "UserAssigned": _check_identity}
