"""The one clock of the local cloud: the wall's time, and what a test has moved it forward by.

Certificate validity, signature and token expiry, retries and policies read it. What belongs to a real socket
does not (keep-alive, handshakes): a client's silence is not made longer by moving the clock.
"""

import math
import time
from datetime import UTC, datetime, timedelta

LONGEST_SECONDS = 100 * 365 * 86400.0


class Clock:
    """Now, in several spellings. Each process has one, given to whoever needs the time."""

    def __init__(self) -> None:
        self._moved_seconds = 0.0

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._moved_seconds)

    def monotonic(self) -> float:
        """Seconds since some moment; moves with the clock and never back."""
        return time.monotonic() + self._moved_seconds

    def text(self) -> str:
        """The time as the services write it: ISO 8601, UTC, microseconds, Z."""
        return self.now().isoformat(timespec="microseconds")[:-6] + "Z"

    @property
    def moved_seconds(self) -> float:
        """How far it is ahead of the wall."""
        return self._moved_seconds

    def advance(self, seconds: float) -> None:
        """Move it forward. Raises ValueError for going back, and for more than a hundred years in all."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"a clock moves forward by 0 seconds or more, not by {seconds}")
        if self._moved_seconds + seconds > LONGEST_SECONDS:
            raise ValueError(f"a clock moves at most {LONGEST_SECONDS:.0f} seconds ahead in all")
        self._moved_seconds += seconds
