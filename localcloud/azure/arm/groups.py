"""Microsoft.Resources/resourceGroups (API 2025-04-01)."""

import re
from typing import Any

from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World


def _build(_world: World, draft: Draft) -> dict[str, Any]:
    kept = {key: value for key, value in draft.body.items() if key in ("location", "tags", "managedBy")}
    return {**kept, "properties": {"provisioningState": "Succeeded"}}


RESOURCE_GROUP = ResourceType(
    type="Microsoft.Resources/resourceGroups",
    path=GROUP.replace("{group}", "{name}"),
    listed_below=f"{SUBSCRIPTION}/resourceGroups",
    versions=("2025-04-01", "2024-11-01", "2024-03-01", "2023-07-01", "2022-09-01", "2021-04-01"),
    shape=Published("azure.mgmt.resource.resources", "ResourceGroup"),
    name=NameRule(
        re.compile(r"[-\w._()]{0,89}[-\w_()]"),
        "1 to 90 letters, digits, underscores, hyphens, periods and parentheses, no period at the end",
    ),
    build=_build,
    etag=False,
)
