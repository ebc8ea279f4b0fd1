"""Microsoft.Authorization/roleAssignments (API 2022-04-01), at any scope.

The local cloud has the built-in roles below and no roleDefinitions API. It enforces one thing with them: a
provisioning service may only be linked to a hub whose devices its identity may write (`links.py`).
"""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from azure.mgmt.authorization.v2022_04_01 import models

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.identity import principal_exists
from localcloud.azure.arm.models import shape_of
from localcloud.azure.arm.resources import Draft, NameRule, ResourceType, World, covers
from localcloud.azure.store import Document

# learn.microsoft.com/azure/role-based-access-control/built-in-roles/internet-of-things
DATA_ACTIONS = {
    "4fc6c259-987e-4a07-842e-c321cc9d413f": "Microsoft.Devices/IotHubs/*",  # IoT Hub Data Contributor
    "4ea46cd5-c1b2-4a8e-910b-273211f9ce47": "Microsoft.Devices/IotHubs/devices/*",  # … Registry Contributor
    "494bdba2-168f-4f31-a0a1-191d2f7c028c": "Microsoft.Devices/IotHubs/twins/*",  # … Twin Contributor
    "b447c946-2db7-41ec-983d-d8bf3b1c77e3": "Microsoft.Devices/IotHubs/*/read",  # … Data Reader
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
    now, who = datetime.now(UTC).isoformat(), world.owner.object_id
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
    shape=shape_of(models, "RoleAssignmentCreateParameters"),
    name=NameRule(_GUID, "the form of a GUID"),
    build=_build,
    check=_check,
    listed=_listed,
    tagged=False,
    etag=False,
)
