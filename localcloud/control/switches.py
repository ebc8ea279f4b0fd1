"""What is switched on: the front and the MQTT sessions ask here when `active` is set."""

import math
from collections.abc import Callable
from typing import NamedTuple

from localcloud.calls import Call
from localcloud.clock import Clock
from localcloud.control import operations, throttling
from localcloud.control.faults import Fault, Faults
from localcloud.control.operations import Operation


class Edition(NamedTuple):
    """A hub's SKU name and units."""

    name: str
    units: int


class Switches:
    """Throttling and faults. All off at first, and after a restart."""

    def __init__(self, clock: Clock, edition: Callable[[str], Edition | None]) -> None:
        self.active = False
        self.clock = clock
        self.throttled = False
        self.bulk_counts_rows = False
        self.refused: dict[str, int] = {}
        self._edition = edition
        self._faults = Faults()
        self._throttle = throttling.Throttle()

    def throttle(self, enabled: bool, *, bulk_counts_rows: bool) -> None:
        """Switch throttling on or off; counting starts anew."""
        self.throttled, self.bulk_counts_rows = enabled, bulk_counts_rows
        self._throttle, self.refused = throttling.Throttle(), {}
        self._set_active()

    def set_faults(self, faults: list[Fault]) -> None:
        """In place of those before."""
        self._faults.set(faults)
        self._set_active()

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self._faults

    def call_waits(self, call: Call) -> int:
        """Seconds after which a throttled HTTPS request may come again; 0 when it passes."""
        if not self.throttled:
            return 0
        operation = operations.of_call(call, rows=self.bulk_counts_rows)
        return math.ceil(self.waits(operation)) if operation else 0

    def waits(self, operation: Operation) -> float:
        """Seconds until an operation would pass; 0 when it does now, and is counted."""
        limit = self._limit(operation)
        if not self.throttled or limit is None:
            return 0.0
        key = (operation.owner, operation.limit)
        seconds = self._throttle.wait_seconds(key, limit, self.clock.monotonic(), operation.cost)
        if seconds:
            self.refused[operation.limit] = self.refused.get(operation.limit, 0) + 1
        return seconds

    def tidy(self) -> None:
        """Forget what no longer counts; call it now and then."""
        self._throttle.forget_quiet(self.clock.monotonic())

    def _limit(self, operation: Operation) -> throttling.Limit | None:
        """None where there is nothing to hold to: a hub that does not exist."""
        if operation.limit in throttling.DPS:
            return throttling.DPS[operation.limit]
        edition = self._edition(operation.owner)
        return throttling.hub_limit(operation.limit, *edition) if edition else None

    def _set_active(self) -> None:
        self.active = self.throttled or bool(self._faults.armed)
