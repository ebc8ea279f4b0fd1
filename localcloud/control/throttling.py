"""Azure's published rate limits, and whether an operation is within them. No IO; the time is given.

IoT Hub: "IoT Hub quotas and throttling" (learn.microsoft.com/azure/iot-hub/
iot-hub-devguide-quotas-throttling), by edition and units. Limits a second are "applied in minute ranges"
there, so all are counted over a minute here. The service lets bursts through and queues before it refuses;
how much is not published, so nothing above a limit passes here. DPS: azure-docs/includes/iot-dps-limits.md of
2024-03-06: 1,000 operations and 1,000 device registrations a minute and service, 5 polls in 10 seconds and
device.
"""

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

SLOTS = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in a time."""

    count: int
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A hub's limit a minute: `per_unit` for each unit, `floor` at least."""

    per_unit: int
    floor: int = 0

    def of(self, units: int) -> Limit:
        """With so many units."""
        return Limit(max(self.floor, self.per_unit * units))


# Free, B1 and S1; B2 and S2; B3 and S3. Direct methods count kilobytes (a megabyte as 1,000), metered by 4.
_HUB: dict[str, tuple[Rate, Rate, Rate]] = {
    "identity": (Rate(100), Rate(100), Rate(5000)),
    "connections": (Rate(720, 6000), Rate(7200), Rate(360_000)),
    "telemetry": (Rate(720, 6000), Rate(7200), Rate(360_000)),
    "cloud-to-device-sends": (Rate(100), Rate(100), Rate(5000)),
    "cloud-to-device-receives": (Rate(1000), Rate(1000), Rate(50_000)),
    "file-uploads": (Rate(100), Rate(100), Rate(5000)),
    "method-kilobytes": (Rate(9600), Rate(28_800), Rate(1_440_000)),
    "queries": (Rate(20), Rate(20), Rate(1000)),
    "twin-reads": (Rate(0, 6000), Rate(600, 6000), Rate(30_000)),
    "twin-updates": (Rate(0, 3000), Rate(300, 3000), Rate(15_000)),
    "jobs": (Rate(100), Rate(100), Rate(5000)),
    "configurations": (Rate(20), Rate(20), Rate(20)),
}
_COLUMN = {"F1": 0, "B1": 0, "S1": 0, "B2": 1, "S2": 1, "B3": 2, "S3": 2}
DPS = {"operations": Limit(1000), "registrations": Limit(1000), "polls": Limit(5, 10.0)}


def hub_limit(operation: str, edition: str, units: int) -> Limit:
    """A hub's limit. Raises KeyError for an operation that has none; an unknown edition is held to S1's."""
    return _HUB[operation][_COLUMN.get(edition.upper(), 0)].of(max(units, 1))


@dataclass(slots=True)
class _Window:
    """What was let through lately, in slots of a sixtieth of the limit's time."""

    slots: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0

    def forget(self, before: int) -> None:
        while self.slots and self.slots[0][0] <= before:
            self.total -= self.slots.popleft()[1]

    def add(self, slot: int, cost: int) -> None:
        self.total += cost
        if self.slots and self.slots[-1][0] == slot:
            cost += self.slots.pop()[1]
        self.slots.append((slot, cost))

    def free_at(self, needed: int) -> int:
        """The slot whose passing makes room for `needed` more."""
        for slot, count in self.slots:
            needed -= count
            if needed <= 0:
                return slot
        return self.slots[-1][0]


class Throttle:
    """Counts what passes, by key; a client that keeps to the limit in every window is never refused."""

    def __init__(self) -> None:
        self._windows: dict[Hashable, tuple[_Window, float]] = {}

    def wait_seconds(self, key: Hashable, limit: Limit, now: float, cost: int = 1) -> float:
        """0 when it passes (and is counted); else how long until it would. A `cost` is at most the limit."""
        width = limit.seconds / SLOTS
        slot, cost = math.floor(now / width), min(cost, limit.count)
        window = self._windows.setdefault(key, (_Window(), 0.0))[0]
        window.forget(slot - SLOTS)
        missing = window.total + cost - limit.count
        if missing <= 0:
            window.add(slot, cost)
            self._windows[key] = (window, now + limit.seconds)
            return 0.0
        return (window.free_at(missing) + SLOTS) * width - now

    def forget_quiet(self, now: float) -> None:
        """Drop what no longer counts; call it now and then."""
        for key in [key for key, (_, until) in self._windows.items() if until < now]:
            del self._windows[key]
