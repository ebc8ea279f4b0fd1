"""One connection a client id [MQTT 3.1.4-2]: the newer one takes the seat, and the older one is closed.

Two devices with one identity throw each other out for ever (1,726 takeovers in 32 s were measured with the
SDK's reconnection), so takeovers of a seat are limited: after `LIMIT` within `WINDOW_SECONDS` newcomers are
turned away, each time for longer.
"""

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

LIMIT = 5
WINDOW_SECONDS = 10.0
FIRST_BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 60.0


class Holder(Protocol):
    """Who can sit in a seat, and be made to leave it."""

    def close(self, reason: str) -> None:
        """End the connection."""


H = TypeVar("H", bound=Holder)


class TooManyTakeovers(Exception):  # noqa: N818 - a decision, not a fault
    """The seat changed hands too often; try again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"taken over too often; next attempt in {seconds:.0f} s")
        self.seconds = seconds


class _History:
    """Takeovers of one seat: when they happened, and how long newcomers are turned away."""

    __slots__ = ("backoff", "blocked_until", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.blocked_until = 0.0
        self.backoff = FIRST_BACKOFF_SECONDS


class Seats(Generic[H]):
    """Who is connected, by a key of the caller's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._holders: dict[str, H] = {}
        self._ends: dict[str, float] = {}
        self._histories: dict[str, _History] = {}

    def take(self, key: str, holder: H, seconds: float | None = None) -> None:
        """Sit down, for at most `seconds`; who sat there is closed. Raises TooManyTakeovers."""
        before = self._holders.get(key)
        if before is not None:
            self._count_takeover(key)
            before.close("taken over by a newer connection of the same client")
        self._holders[key] = holder
        self._ends.pop(key, None)
        if seconds is not None:
            self._ends[key] = self._clock() + seconds

    def leave(self, key: str, holder: H) -> bool:
        """Get up; False when somebody else sits there by now."""
        if self._holders.get(key) is not holder:
            return False
        del self._holders[key]
        self._ends.pop(key, None)
        return True

    def holder(self, key: str) -> H | None:
        """Who sits there."""
        return self._holders.get(key)

    def forget_quiet(self) -> None:
        """Close holders whose time is over and drop histories that no longer matter; call it now and then."""
        now = self._clock()
        for key in [key for key, end in self._ends.items() if end <= now]:
            del self._ends[key]
            self._holders[key].close("its credential has expired")
        for key, history in list(self._histories.items()):
            if history.times[-1] < now - LONGEST_BACKOFF_SECONDS and history.blocked_until < now:
                del self._histories[key]

    def _count_takeover(self, key: str) -> None:
        now = self._clock()
        history = self._histories.setdefault(key, _History())
        if now < history.blocked_until:
            raise TooManyTakeovers(history.blocked_until - now)
        history.times = [moment for moment in history.times if moment > now - WINDOW_SECONDS]
        history.times.append(now)
        if len(history.times) > LIMIT:
            wait, history.backoff = history.backoff, min(history.backoff * 2, LONGEST_BACKOFF_SECONDS)
            history.blocked_until = now + wait
            raise TooManyTakeovers(wait)
