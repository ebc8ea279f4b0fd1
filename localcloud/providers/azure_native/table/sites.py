"""Microsoft.Web: function apps, their plans and their host keys."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.providers.azure_native.entries import (
    GROUP_NAME,
    GROUP_PATH,
    LOCATED,
    Function,
    ResourceType,
    named,
)

_API, _MODELS = "2025-05-01", "azure.mgmt.web"
_WEB = f"{GROUP_PATH}/providers/Microsoft.Web"

TYPES = (
    ResourceType(
        "azure-native:web:AppServicePlan",
        _API,
        f"{_WEB}/serverfarms/{{name}}",
        GROUP_NAME | {"name": named(r"[A-Za-z0-9-]{1,60}", "1 to 60 letters, digits and hyphens")},
        Published(_MODELS, "AppServicePlan"),
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:web:WebApp",
        _API,
        f"{_WEB}/sites/{{name}}",
        GROUP_NAME
        | {
            "name": named(
                r"[A-Za-z0-9]([A-Za-z0-9-]{0,58}[A-Za-z0-9])?",
                "1 to 60 letters, digits and hyphens, no hyphen first or last",
            )
        },
        Published(_MODELS, "Site"),
        fixed=LOCATED | {"kind"},
        delete_query={"deleteEmptyServerFarm": "false"},
    ),
)

FUNCTIONS = (
    Function("azure-native:web:listWebAppHostKeys", _API, f"{_WEB}/sites/{{name}}/host/default/listkeys"),
)
