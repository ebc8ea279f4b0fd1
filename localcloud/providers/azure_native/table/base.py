"""Resource groups, identities and roles."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.azure.arm.written import USER_ASSIGNED_IDENTITY
from localcloud.providers.azure_native.entries import (
    GROUP_NAME,
    GROUP_PATH,
    LOCATED,
    SCOPE,
    ResourceType,
    named,
)

_AUTHORIZATION = "azure.mgmt.authorization.v2022_04_01"

TYPES = (
    ResourceType(
        "azure-native:resources:ResourceGroup",
        "2024-03-01",
        GROUP_PATH,
        GROUP_NAME,
        Published("azure.mgmt.resource.resources", "ResourceGroup"),
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:authorization:RoleAssignment",
        "2022-04-01",
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        {
            "scope": SCOPE,
            "roleAssignmentName": named(r"(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", "a GUID"),
        },
        Published(_AUTHORIZATION, "RoleAssignmentCreateParameters"),
        Published(_AUTHORIZATION, "RoleAssignment"),
        spanning=frozenset({"scope"}),
        auto_name="uuid",
        fixed=frozenset({"principalId"}),
    ),
    ResourceType(
        "azure-native:managedidentity:UserAssignedIdentity",
        "2023-01-31",
        f"{GROUP_PATH}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{resourceName}}",
        GROUP_NAME
        | {
            "resourceName": named(
                r"[A-Za-z0-9][-\w]{2,127}", "3 to 128 letters, digits, - and _, a letter or digit first"
            )
        },
        USER_ASSIGNED_IDENTITY,
        fixed=LOCATED,
    ),
)
