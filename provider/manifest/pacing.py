"""Calls of one provisioning service at the rate it allows, however many threads and manifests make them.

The limit is 1,000 operations a minute and service (MicrosoftDocs/azure-docs, includes/iot-dps-limits.md of
2024-03-06, part of "Azure subscription and service limits, quotas, and constraints"; as of 2021-06-15 the
same file said that each API call is one operation). Microsoft may have raised it for a service:
MUSTER_DPS_OPERATIONS_PER_MINUTE says so, 0 sets no pace. A 429 holds all calls for its Retry-After and slows
the pace; while none comes, the pace recovers."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from provider.clients.errors import ConfigurationError, ServiceError
from provider.clients.retry import Clock, Policy

PER_MINUTE: Final = 1000
VARIABLE: Final = "MUSTER_DPS_OPERATIONS_PER_MINUTE"
THROTTLED: Final = 429
_THROTTLED = ("Throttl", "TooManyRequests")  # of AWS IoT, whose status is 400
_MARGIN = 0.99  # a service's minute is not ours: the last hundredth would only earn refusals
_BACKLOG_SECONDS = 5.0  # what a stall may be caught up with, within the window's limit
_WINDOW_SECONDS = 60.0
_SLOWER, _FASTER, _SLOWEST = 0.9, 0.002, 0.1
_GIVE_UP = 50

T = TypeVar("T")


class Pacer:
    """Lets calls through one by one, evenly, and never more than allowed in any minute. Thread-safe."""

    def __init__(self, clock: Clock, per_minute: float = PER_MINUTE) -> None:
        self._clock = clock
        allowed = max(1, int(per_minute * _MARGIN))
        self._interval = _WINDOW_SECONDS / allowed if per_minute else 0.0
        self._made: deque[float] = deque([-math.inf], maxlen=allowed if per_minute else 1)
        self._next = clock.now()
        self._held = 0.0
        self._factor = 1.0
        self._lock = threading.Lock()
        self.calls = 0

    def call(self, call: Callable[[], T]) -> T:
        """Make a call when its turn comes; a throttled one was not done, so it is made again.

        Raises what the call raises, and CancelledError before anything was sent.
        """
        for attempt in range(1, _GIVE_UP):
            self._turn()
            try:
                return call()
            except ServiceError as error:
                if error.status != THROTTLED and not error.code.startswith(_THROTTLED):
                    raise
                self._throttled(error.retry_after_seconds, attempt)
        self._turn()
        return call()

    def _turn(self) -> None:
        with self._lock:
            now = self._clock.now()
            start = max(self._next, self._held, now - _BACKLOG_SECONDS)
            if self._interval and len(self._made) == self._made.maxlen:
                start = max(start, self._made[0] + _WINDOW_SECONDS)
            self._made.append(max(start, now))
            self._next = start + self._interval / self._factor
            self._factor = min(1.0, self._factor + _FASTER)
            self.calls += 1
        self._clock.sleep(max(0.0, start - now))

    def _throttled(self, retry_after_seconds: float | None, attempt: int) -> None:
        wait = Policy().wait_seconds(attempt) if retry_after_seconds is None else retry_after_seconds
        with self._lock:
            until = self._clock.now() + wait
            if until > self._held + 1.0:  # refusals of one moment are one sign
                self._factor = max(_SLOWEST, self._factor * _SLOWER)
            self._held = max(self._held, until)


def per_minute(environment: Mapping[str, str]) -> float:
    """The pace that the environment asks for. Raises ConfigurationError."""
    text = environment.get(VARIABLE) or str(PER_MINUTE)
    if not (text.isascii() and text.isdecimal()):
        raise ConfigurationError(
            f"{VARIABLE} is {text[:40]}; the operations a minute that the service allows would be right, "
            f"such as {PER_MINUTE}, or 0 for as fast as it answers"
        )
    return float(text)
