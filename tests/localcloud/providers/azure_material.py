"""What declarations of azure-native's types have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
GROUP = "azure-native:resources:ResourceGroup"
HUB = "azure-native:iothub:IotHubResource"
DPS = "azure-native:deviceprovisioningservices:IotDpsResource"
ROLE = "azure-native:authorization:RoleAssignment"
SKU = {"name": "S1", "capacity": 1}
ROLE_NAME = "11111111-2222-3333-4444-555555555555"
TEXT = {
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    "hash": "sha",
    "text": "hello",
}
"""An asset as the engine sends it."""


@dataclass(frozen=True)
class Case:
    """`fixed` is a change that only a replacement makes."""

    token: str
    inputs: dict[str, Any]
    change: dict[str, Any]
    fixed: dict[str, Any] = field(default_factory=dict)


def case(token: str, change: dict[str, Any], /, fixed: dict[str, Any] | None = None, **inputs: Any) -> Case:
    """A case whose resource is in the group `live`."""
    tags = {"tags": {"a": "b"}} if "tags" in change else {}
    return Case(f"azure-native:{token}", {"resourceGroupName": "live", **tags, **inputs}, change, fixed or {})
