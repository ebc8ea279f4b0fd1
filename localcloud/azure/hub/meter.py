"""How many messages a hub has taken today: the daily quota of its edition and units.

Counted are device-to-cloud messages, by their size; the service counts other operations, too. The count
outlives a restart as counter "{hub host}/messages/{day}". Days are UTC's.
"""

from dataclasses import dataclass
from typing import Protocol

from localcloud.azure.hub.quotas import UNLIMITED, Quotas, metered, quotas
from localcloud.clock import Clock
from localcloud.counters import Counters
from localcloud.store import Document

FRESH_SECONDS = 5.0


class _Hubs(Protocol):
    def hub_by_host(self, host: str) -> Document | None:
        """The hub with this host name."""


@dataclass(slots=True)
class _Day:
    """What is known of a hub until `until`: the day's counter, its count, and what is allowed."""

    until: float
    counter: str
    count: int
    allowed: Quotas


class Meter:
    """Asked for every message, so it reads the hub's edition only every few seconds."""

    def __init__(self, hubs: _Hubs, counters: Counters, clock: Clock) -> None:
        self._hubs = hubs
        self._counters = counters
        self._clock = clock
        self._days: dict[str, _Day] = {}

    def take(self, host: str, size_bytes: int) -> bool:
        """Count a message; False when the quota is used up."""
        day = self._days.get(host)
        if day is None or day.until < self._clock.monotonic():
            day = self._days[host] = self._today(host)
        allowed = day.allowed
        if allowed.daily_messages == UNLIMITED:
            return True
        wanted = metered(size_bytes, allowed.meter_bytes)
        if day.count + wanted > allowed.daily_messages:
            return False
        day.count += wanted
        self._counters.add(day.counter, wanted)
        return True

    def _today(self, host: str) -> _Day:
        counter = f"{host}/messages/{self._clock.now():%Y-%m-%d}"
        allowed = quotas(self._hubs.hub_by_host(host))
        count = 0 if allowed.daily_messages == UNLIMITED else self._counters.value(counter)
        return _Day(self._clock.monotonic() + FRESH_SECONDS, counter, count, allowed)
