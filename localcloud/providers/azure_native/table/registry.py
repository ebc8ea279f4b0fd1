"""Microsoft.DeviceRegistry: namespaces, their credential (the root of what they issue) and its policies."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.providers.azure_native.entries import GROUP_NAME, GROUP_PATH, LOCATED, ResourceType, named

_MODELS = "azure.mgmt.deviceregistry"
_NAMESPACE = f"{GROUP_PATH}/providers/Microsoft.DeviceRegistry/namespaces/{{namespaceName}}"
_NAMES = GROUP_NAME | {
    "namespaceName": named(
        r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]", "3 to 64 lower-case letters, digits and hyphens"
    )
}

TYPES = (
    ResourceType(
        "azure-native:deviceregistry:Namespace",
        "2025-07-01-preview",
        _NAMESPACE,
        _NAMES,
        Published(_MODELS, "Namespace"),
        flattened=True,
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:deviceregistry:Credential",
        "2025-11-01-preview",
        f"{_NAMESPACE}/credentials/default",
        _NAMES,
        Published(_MODELS, "Credential"),
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:deviceregistry:Policy",
        "2025-11-01-preview",
        f"{_NAMESPACE}/credentials/default/policies/{{policyName}}",
        _NAMES
        | {
            "policyName": named(
                r"[0-9a-zA-Z][a-zA-Z0-9-]{2,62}", "3 to 63 letters, digits and hyphens, no hyphen first"
            )
        },
        Published(_MODELS, "Policy", tracked=True),
        fixed=LOCATED,
        absent=frozenset({"properties.certificate.certificateAuthorityConfiguration.bringYourOwnRoot"}),
    ),
)
