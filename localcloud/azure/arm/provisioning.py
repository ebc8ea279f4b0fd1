"""Microsoft.Devices/provisioningServices (API 2026-11-01)."""

import re
import secrets
from typing import Any

from localcloud.azure.arm import keys, links
from localcloud.azure.arm.identity import assigned, check_identity
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.names import check_availability
from localcloud.azure.arm.registry_links import kept_links
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.store import Document

ZONE = "azure-devices-provisioning.net"
VERSIONS = (
    "2026-11-01",
    "2025-02-01-preview",
    "2023-03-01-preview",
    "2022-12-12",
    "2022-02-05",
    "2021-10-15",
    "2020-03-01",
)
_RIGHTS = (
    "ServiceConfig",
    "EnrollmentRead",
    "EnrollmentWrite",
    "DeviceConnect",
    "RegistrationStatusRead",
    "RegistrationStatusWrite",
)
_POLICIES = {"provisioningserviceowner": ", ".join(_RIGHTS)}
_NOT_KEPT = frozenset({"authorizationPolicies", "state", "provisioningState", "iotHubs"})
_NAME = NameRule(
    re.compile(r"(?!-)[a-zA-Z0-9-]{2,63}[a-zA-Z0-9]"),
    "3 to 64 letters, digits and hyphens, no hyphen at either end",
)


def _check(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    keys.check_keys(draft)
    links.check_links(world, draft)
    units = draft.at("sku", "capacity")
    if isinstance(units, int) and units != 1:
        draft.wrong("sku.capacity", f"must be 1, not {units}")


def _build(world: World, draft: Draft) -> dict[str, Any]:
    keys.keep_policies(world, draft, _POLICIES)
    document: dict[str, Any] = {key: draft.body[key] for key in ("location", "tags") if key in draft.body}
    document["sku"] = {"name": draft.at("sku", "name") or "S1", "tier": "Standard", "capacity": 1}
    identity = assigned(world, draft)
    if identity is not None:
        document["identity"] = identity
    given = {key: value for key, value in draft.properties.items() if key not in _NOT_KEPT}
    defaults = {"allocationPolicy": "Hashed", "publicNetworkAccess": "Enabled", "enableDataResidency": False}
    return {**document, "properties": {**defaults, **given, **_computed(world, draft)}}


def _computed(world: World, draft: Draft) -> dict[str, Any]:
    return {
        "state": "Active",
        "provisioningState": "Succeeded",
        "iotHubs": links.linked(world, draft),
        "serviceOperationsHostName": f"{draft.name}.{ZONE}",
        "deviceProvisioningHostName": f"global.{ZONE}",
        **kept_links(draft),
        "idScope": draft.was("properties", "idScope") or f"0ne{secrets.token_hex(4).upper()}",
    }


def _removed(world: World, document: Document) -> None:
    """A service takes its enrollments and registrations with it; the devices stay in their hubs."""
    name = document["name"].lower()
    for group in world.provisioning.list_groups(name):
        world.provisioning.delete_group(name, group["enrollmentGroupId"])


PROVISIONING_SERVICE = ResourceType(
    type="Microsoft.Devices/provisioningServices",
    path=f"{GROUP}/providers/Microsoft.Devices/provisioningServices/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/Microsoft.Devices/provisioningServices",
    versions=VERSIONS,
    shape=Published("azure.mgmt.iothubprovisioningservices", "ProvisioningServiceDescription"),
    name=_NAME,
    build=_build,
    check=_check,
    removed=_removed,
    zone=ZONE,
    actions={"listkeys": keys.list_keys, "keys/{key}/listkeys": keys.list_key},
    subscription_actions={
        f"{SUBSCRIPTION}/providers/Microsoft.Devices/checkProvisioningServiceNameAvailability": (
            check_availability(_NAME, lambda world, name: world.directory.dps_by_name(name))
        )
    },
)
