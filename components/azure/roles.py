"""Built-in roles, and their assignment at the narrowest scope that serves.

Ids: "Azure built-in roles" for Internet of Things, Analytics, Integration and Storage,
learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

import uuid
from functools import partial
from typing import Final

import pulumi
from pulumi_azure_native import authorization

EVENT_HUBS_DATA_SENDER: Final = "2b629674-e913-4c01-ae53-ef4638d8f975"
SERVICE_BUS_DATA_SENDER: Final = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"
STORAGE_BLOB_DATA_CONTRIBUTOR: Final = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
STORAGE_BLOB_DATA_OWNER: Final = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
STORAGE_BLOB_DATA_READER: Final = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
IOT_HUB_REGISTRY_CONTRIBUTOR: Final = "4ea46cd5-c1b2-4a8e-910b-273211f9ce47"
IOT_HUB_TWIN_CONTRIBUTOR: Final = "494bdba2-168f-4f31-a0a1-191d2f7c028c"
DEVICE_REGISTRY_CONTRIBUTOR: Final = "a5c3590a-3a1a-4cd4-9648-ea0a32b15137"
CONTRIBUTOR: Final = "b24988ac-6180-42a0-ab88-20f7382dd24c"


def assign(
    name: str,
    role: str,
    *,
    to: pulumi.Input[str],
    on: pulumi.Input[str],
    key: tuple[str, ...],
    opts: pulumi.ResourceOptions,
) -> "authorization.RoleAssignment":
    """Give a managed identity (`to`, its principal id) a role on a resource (`on`, its ARM id).

    `key` names the assignment: the same key is the same assignment, so that a run which was interrupted finds
    it again.
    """
    scope = pulumi.Output.from_input(on)
    return authorization.RoleAssignment(
        name,
        scope=scope,
        principal_id=to,
        principal_type="ServicePrincipal",
        role_definition_id=scope.apply(partial(_definition, role)),
        role_assignment_name=assignment_name(*key),
        # A new identity takes the same assignment's name.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True)),
    )


def assignment_name(*key: str) -> str:
    """The GUID that names a role assignment: the same for the same key."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("muster", *key))))


def _definition(role: str, scope: str) -> str:
    """The full id of a built-in role in the subscription that `scope` (an ARM id) is in, as ARM gives it
    back."""
    subscription = "/".join(scope.split("/")[:3])
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
