"""Microsoft.Authorization/roleAssignments (API 2022-04-01), at any scope.

The local cloud has the built-in roles below and no roleDefinitions API. It enforces with them what an
identity must be able to do: link a hub (`links.py`), send to an endpoint (`routing.py`), write blobs.
"""

import re
from fnmatch import fnmatchcase
from typing import Any

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.identity import principal_exists
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import Draft, NameRule, ResourceType, World, covers
from localcloud.store import Document

_POLICIES = "Microsoft.DeviceRegistry/namespaces/credentials/policies"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
# The data actions of built-in roles: learn.microsoft.com/azure/role-based-access-control/built-in-roles, page
# internet-of-things
DATA_ACTIONS = {
    "4fc6c259-987e-4a07-842e-c321cc9d413f": "Microsoft.Devices/IotHubs/*",  # IoT Hub Data Contributor
    "4ea46cd5-c1b2-4a8e-910b-273211f9ce47": "Microsoft.Devices/IotHubs/devices/*",  # … Registry Contributor
    "494bdba2-168f-4f31-a0a1-191d2f7c028c": "Microsoft.Devices/IotHubs/twins/*",  # … Twin Contributor
    "b447c946-2db7-41ec-983d-d8bf3b1c77e3": "Microsoft.Devices/IotHubs/*/read",  # … Data Reader
    # Azure Device Registry Contributor
    "a5c3590a-3a1a-4cd4-9648-ea0a32b15137": f"{_POLICIES}/issueCertificate/action",
    # …/built-in-roles/analytics, integration and storage
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Microsoft.EventHub/*/send/action",  # Event Hubs Data Sender
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": "Microsoft.EventHub/*/receive/action",  # … Data Receiver
    "f526a384-b230-433a-b45c-95f59c4a2dec": "Microsoft.EventHub/*",  # … Data Owner
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": "Microsoft.ServiceBus/*/send/action",  # Service Bus Data Sender
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": "Microsoft.ServiceBus/*/receive/action",  # … Data Receiver
    "090c5cfd-751d-490a-894a-3ce6f1109419": "Microsoft.ServiceBus/*",  # … Data Owner
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": f"{_BLOBS}/*",  # Storage Blob Data Contributor
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": f"{_BLOBS}/*",  # … Data Owner
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": f"{_BLOBS}/read",  # … Data Reader
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DEFINITION = re.compile(
    r"(?:/subscriptions/[^/]+)?/providers/Microsoft\.Authorization/roleDefinitions/(?P<role>[^/]+)",
    re.IGNORECASE,
)
_FIXED = ("principalId", "roleDefinitionId")


def may(world: World, principal_id: str, action: str, resource_id: str) -> bool:
    """Whether a principal may do a data action on a resource, by roles assigned there or above."""
    held = _roles_at(world, resource_id, principal_id)
    return any(fnmatchcase(action, DATA_ACTIONS[it]) for it in held & DATA_ACTIONS.keys())


def _roles_at(world: World, resource_id: str, principal_id: str) -> set[str]:
    wanted = resource_id.lower()
    return {
        it["properties"]["roleDefinitionId"].rpartition("/")[2].lower()
        for _, it in world.store.list("arm")
        if it["type"] == ROLE_ASSIGNMENT.type
        and it["properties"]["principalId"] == principal_id.lower()
        and covers(it["properties"]["scope"], wanted)
    }


def _listed(document: Document, scope: str, condition: str | None) -> bool:
    """At, above and below the scope; `$filter`: atScope() leaves out what is below, principalId eq '…'."""
    its, wanted = document["properties"]["scope"], (condition or "").strip()
    if not covers(its, scope) and (wanted == "atScope()" or not covers(scope, its)):
        return False
    if wanted in ("", "atScope()"):
        return True
    field, _, value = wanted.partition(" eq ")
    if field.strip() != "principalId":
        message = f"$filter '{wanted}' is not served by the local cloud; use principalId eq '…' or atScope()."
        raise ArmError(400, "InvalidFilter", message)
    return bool(document["properties"]["principalId"] == value.strip().strip("'").lower())


def _check(world: World, draft: Draft) -> None:
    definition, principal = draft.at("properties", "roleDefinitionId"), draft.at("properties", "principalId")
    found = _DEFINITION.fullmatch(str(definition))
    if definition is not None and not (found and _GUID.fullmatch(found["role"])):
        right = "/subscriptions/{id}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        draft.wrong("properties.roleDefinitionId", f"must be {right}, not {definition!r}")
    if principal is not None and not _GUID.fullmatch(str(principal)):
        draft.wrong("properties.principalId", f"must be a GUID, not {principal!r}")
    elif principal is not None and not principal_exists(world, str(principal)):
        draft.wrong("properties.principalId", f"PrincipalNotFound: the tenant has no principal {principal}")


def _build(world: World, draft: Draft) -> dict[str, Any]:
    scope = draft.id.rpartition("/providers/")[0]
    given = {**draft.properties, "principalId": draft.properties["principalId"].lower(), "scope": scope}
    _refuse_change(draft, given)
    _refuse_twin(world, draft, given)
    now, who = world.clock.now().isoformat(), world.owner.object_id
    dates = {"createdOn": draft.was("properties", "createdOn") or now, "updatedOn": now}
    known = {"principalType": "ServicePrincipal", "condition": None, "conditionVersion": None}
    return {"properties": {**known, **given, **dates, "createdBy": who, "updatedBy": who}}


def _refuse_change(draft: Draft, given: dict[str, Any]) -> None:
    if draft.before and any(str(draft.was("properties", it)).lower() != given[it].lower() for it in _FIXED):
        message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise ArmError(409, "RoleAssignmentUpdateNotPermitted", message)


def _refuse_twin(world: World, draft: Draft, given: dict[str, Any]) -> None:
    prefix = f"{given['scope']}/providers/{ROLE_ASSIGNMENT.type}/".lower()
    for key, other in world.store.list("arm", prefix):
        same = all(other["properties"][it].lower() == given[it].lower() for it in _FIXED)
        if same and key != draft.id.lower():
            message = f"The role assignment already exists. The ID of the existing one is {other['name']}."
            raise ArmError(409, "RoleAssignmentExists", message)


ROLE_ASSIGNMENT = ResourceType(
    type="Microsoft.Authorization/roleAssignments",
    path="{*scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
    versions=("2022-04-01", "2020-10-01-preview", "2020-08-01-preview", "2018-09-01-preview"),
    shape=Published("azure.mgmt.authorization.v2022_04_01", "RoleAssignmentCreateParameters"),
    name=NameRule(_GUID, "the form of a GUID"),
    build=_build,
    check=_check,
    listed=_listed,
    tagged=False,
    etag=False,
)
