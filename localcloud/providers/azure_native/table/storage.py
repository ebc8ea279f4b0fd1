"""Microsoft.Storage: accounts and containers. The blob itself is `blob.BlobResource`: ARM has none."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.azure.shapes import Choice, MapOf, Member, Scalar, Shape
from localcloud.providers.azure_native.entries import GROUP_NAME, GROUP_PATH, ResourceType, named

API = "2024-01-01"
_MODELS = "azure.mgmt.storage"
ACCOUNT = f"{GROUP_PATH}/providers/Microsoft.Storage/storageAccounts/{{accountName}}"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/{{containerName}}"
ACCOUNT_NAMES = GROUP_NAME | {
    "accountName": named(r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits")
}
CONTAINER_NAMES = ACCOUNT_NAMES | {
    "containerName": named(
        r"(\$root|\$web|\$logs|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9])",
        "3 to 63 lower-case letters, digits and single hyphens, no hyphen first or last",
    )
}
_BLOB = Shape(
    "Blob",
    {
        "accessTier": Member(Choice(("Hot", "Cool", "Archive"))),
        "contentMd5": Member(Scalar("str")),
        "contentType": Member(Scalar("str")),
        "metadata": Member(MapOf(Scalar("str"))),
        "source": Member(Scalar("any")),
        "type": Member(Choice(("Block", "Append"))),
        "name": Member(Scalar("str"), read_only=True),
        "url": Member(Scalar("str"), read_only=True),
    },
)
"""pulumi-azure-native's own resource: `getBlobSchema` of provider/pkg/resources/customresources."""
BLOB = "azure-native:storage:Blob"

TYPES = (
    ResourceType(
        "azure-native:storage:StorageAccount",
        API,
        ACCOUNT,
        ACCOUNT_NAMES,
        Published(_MODELS, "StorageAccountCreateParameters"),
        Published(_MODELS, "StorageAccount"),
        fixed=frozenset({"location", "isHnsEnabled"}),
        absent=frozenset(
            {
                "allowCrossTenantDelegationSas",
                "allowSharedKeyAccessForServices",
                "azureFilesIdentityBasedAuthentication.smbOAuthSettings",
                "dataCollaborationPolicyProperties",
                "dualStackEndpointPreference",
                "geoPriorityReplicationStatus",
                "networkRuleSet.ipv6Rules",
                "placement",
                "sasPolicy.requireUserBoundUserDelegationSas",
                "sasPolicy.requireUserBoundUserDelegationSasAction",
                "turboTier",
                "zones",
            }
        ),
        renamed={
            f"networkRuleSet.{rules}[].ipAddressOrRange": "iPAddressOrRange"
            for rules in ("ipRules", "ipv6Rules")
        },
    ),
    ResourceType(
        "azure-native:storage:BlobContainer",
        API,
        CONTAINER,
        CONTAINER_NAMES,
        Published(_MODELS, "BlobContainer"),
        absent=frozenset({"blobAccessPointConfiguration"}),
    ),
    ResourceType(
        BLOB,
        API,
        f"{CONTAINER}/blobs/{{blobName}}",
        CONTAINER_NAMES | {"blobName": named(r".{1,1024}", "1 to 1024 characters")},
        _BLOB,
        spanning=frozenset({"blobName"}),
        auto_name="copy",
        fixed=frozenset({"contentMd5", "source", "type"}),
        unread=frozenset({"source"}),
    ),
)
