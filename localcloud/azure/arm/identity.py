"""Managed identities: system-assigned ones of resources, user-assigned ones as resources of their own
(Microsoft.ManagedIdentity/userAssignedIdentities, API 2023-01-31), and which principals exist.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.arm.written import TRACKED

_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


def check_identity(world: World, draft: Draft) -> None:
    """Add a fault for each identity that cannot be given."""
    kind = str(draft.at("identity", "type") or "None")
    given = draft.at("identity", "userAssignedIdentities") or {}
    names = list(given) if isinstance(given, dict) else []
    if "UserAssigned" in kind and not names:
        draft.wrong("identity.userAssignedIdentities", f"is required for identity.type {kind}")
    if names and "UserAssigned" not in kind:
        draft.wrong("identity.type", f"is {kind}, but userAssignedIdentities are given")
    for name in names:
        if _user_identity(world, name) is None:
            draft.wrong(f"identity.userAssignedIdentities.{name}", "there is no such user-assigned identity")


def assigned(world: World, draft: Draft) -> dict[str, Any] | None:
    """The document's `identity`; a system-assigned principal is made with it, and kept as long as it stays
    assigned.
    """
    kind = str(draft.at("identity", "type") or "None")
    if kind == "None":
        return None
    identity: dict[str, Any] = {"type": kind, "tenantId": world.owner.tenant_id}
    if "SystemAssigned" in kind:
        identity["principalId"] = draft.was("identity", "principalId") or str(uuid.uuid4())
    names = draft.at("identity", "userAssignedIdentities") or {}
    if names:
        identity["userAssignedIdentities"] = {name: _shown(world, name) for name in names}
    return identity


def _user_identity(world: World, resource_id: str) -> Mapping[str, Any] | None:
    found = world.stored(resource_id)
    return found if found is not None and found["type"] == _TYPE else None


def _shown(world: World, name: str) -> dict[str, str]:
    found = _user_identity(world, name)
    return {key: found["properties"][key] for key in ("principalId", "clientId")} if found else {}


def principals_of(document: Mapping[str, Any] | None) -> set[str]:
    """The principals of a resource: of its own identity, and of the user-assigned ones that it has."""
    identity = (document or {}).get("identity") or {}
    users = (identity.get("userAssignedIdentities") or {}).values()
    found = [identity.get("principalId"), *(it.get("principalId") for it in users)]
    return {it for it in found if it}


def principal_of(document: Mapping[str, Any] | None, user_assigned: str | None) -> str | None:
    """The principal that a resource acts as: its own, or the user-assigned one that is named."""
    identity = (document or {}).get("identity") or {}
    users = {name.lower(): it for name, it in (identity.get("userAssignedIdentities") or {}).items()}
    acting = users.get(user_assigned.lower(), {}) if user_assigned else identity
    found: str | None = acting.get("principalId")
    return found


def acting(world: World, draft: Draft, user_assigned: str | None) -> str | None:
    """The principal that a resource under way will act as; "" when this request makes it, None for none."""
    if not user_assigned:
        system = "SystemAssigned" in str(draft.at("identity", "type"))
        return (principal_of(draft.before, None) or "") if system else None
    names = draft.at("identity", "userAssignedIdentities") or {}
    if user_assigned.lower() not in (str(it).lower() for it in names):
        return None
    found = _user_identity(world, user_assigned)
    return str(found["properties"]["principalId"]) if found else None


def principal_exists(world: World, principal_id: str) -> bool:
    """Whether the id is of a resource's identity, of a user-assigned one, or of the local application."""
    wanted = principal_id.lower()
    if wanted == world.owner.object_id:
        return True
    return any(wanted in _principals(document) for _, document in world.store.list("arm"))


def _principals(document: Mapping[str, Any]) -> set[str]:
    own = {document["properties"]["principalId"]} if document["type"] == _TYPE else set()
    return own | principals_of(document)


def _build(world: World, draft: Draft) -> dict[str, Any]:
    given: dict[str, Any] = {key: draft.body[key] for key in ("location", "tags") if key in draft.body}
    made = {it: draft.was("properties", it) or str(uuid.uuid4()) for it in ("principalId", "clientId")}
    return {**given, "properties": {**made, "tenantId": world.owner.tenant_id}}


USER_ASSIGNED_IDENTITY = ResourceType(
    type=_TYPE,
    path=f"{GROUP}/providers/{_TYPE}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_TYPE}",
    versions=("2024-11-30", "2023-01-31", "2018-11-30"),
    shape=TRACKED,
    name=NameRule(re.compile(r"[A-Za-z0-9][-\w]{2,127}"), "3 to 128 letters, digits, - and _"),
    build=_build,
    etag=False,
)
