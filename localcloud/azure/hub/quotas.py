"""What a hub of an edition may hold and carry. Pure.

"IoT Hub quotas and throttling" (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-quotas-throttling);
messages a day are on the prices page.

A hub document without a sku, as tests make them, has no limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MODULES_PER_DEVICE = 50
QUEUE_DEPTH = 50
UNLIMITED = 2**63


@dataclass(frozen=True, slots=True)
class Quotas:
    """`identities` counts devices and modules; a message counts once for each `meter_bytes` of it."""

    identities: int = UNLIMITED
    configurations: int = UNLIMITED
    deployments: int = UNLIMITED
    daily_messages: int = UNLIMITED
    meter_bytes: int = 4096


# Of one unit. Free hubs: 500 devices, 8,000 messages of half a kilobyte a day.
_FREE = Quotas(500, 20, 10, 8_000, 512)
_DAILY_MESSAGES = {"1": 400_000, "2": 6_000_000, "3": 300_000_000}
_UNLIMITED = Quotas()


def quotas(hub: Mapping[str, Any] | None) -> Quotas:
    """The quotas of a hub by its ARM document."""
    sku = (hub or {}).get("sku") or {}
    name = str(sku.get("name", ""))
    if name == "F1":
        return _FREE
    if name[-1:] not in _DAILY_MESSAGES:
        return _UNLIMITED
    daily = _DAILY_MESSAGES[name[-1]] * int(sku.get("capacity") or 1)
    return Quotas(1_000_000, 100, 100, daily, 4096)


def metered(size_bytes: int, meter_bytes: int) -> int:
    """How many messages one of this size counts for."""
    return max(1, -(-size_bytes // meter_bytes))
