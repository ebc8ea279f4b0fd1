"""System-assigned managed identities of resources, and which principals exist."""

import uuid
from typing import Any

from localcloud.azure.arm.resources import Draft, World


def check_identity(draft: Draft) -> None:
    """Add a fault for an identity that the local cloud cannot give."""
    kind = str(draft.at("identity", "type") or "None")
    if kind.replace(" ", "") in ("UserAssigned", "SystemAssigned,UserAssigned"):
        draft.wrong("identity.type", f"'{kind}' is not served by the local cloud; use SystemAssigned")


def assigned(world: World, draft: Draft) -> dict[str, Any] | None:
    """The document's `identity`: a principal is made with the identity and kept as long as it stays
    assigned.
    """
    if draft.at("identity", "type") != "SystemAssigned":
        return None
    return {
        "type": "SystemAssigned",
        "principalId": draft.was("identity", "principalId") or str(uuid.uuid4()),
        "tenantId": world.owner.tenant_id,
    }


def principal_exists(world: World, principal_id: str) -> bool:
    """Whether the id is of a resource's identity or of the local application."""
    if principal_id.lower() == world.owner.object_id:
        return True
    documents = (document for _, document in world.store.list("arm"))
    return any((it.get("identity") or {}).get("principalId") == principal_id.lower() for it in documents)
