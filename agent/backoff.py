"""How long to wait before the next attempt: exponential growth to a cap, with full jitter.

Full jitter draws the whole delay between zero and the ceiling. It spreads a fleet that lost its hub at one
moment better than a fixed delay plus a little noise does (AWS Architecture Blog, "Exponential Backoff And
Jitter", 2015).
"""

from collections.abc import Callable
from dataclasses import dataclass

_LARGEST_EXPONENT = 32
"""Enough to reach any cap in use; keeps 2 ** attempt a small number after years offline."""


@dataclass(frozen=True)
class Backoff:
    """Delays of one kind: the first is drawn below `base_seconds`, none is longer than `cap_seconds`."""

    base_seconds: float
    cap_seconds: float

    def ceiling(self, attempt: int) -> float:
        """Longest delay in seconds after `attempt` failures in a row before this one (0 = first failure)."""
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt, _LARGEST_EXPONENT))

    def delay(self, attempt: int, uniform: Callable[[], float]) -> float:
        """A delay in seconds; `uniform` returns a number in [0, 1), so that a test can choose it."""
        return uniform() * self.ceiling(attempt)


UNAVAILABLE = Backoff(base_seconds=1, cap_seconds=60)
"""The network or the service failed: back within a minute of its return."""

REFUSED = Backoff(base_seconds=30, cap_seconds=3600)
"""The service said no: a person has to act first, so a fleet in this state must cost next to nothing."""
