"""When a device asks for its next certificate, and what comes of it: a state machine without IO.

A renewal takes the place of the hub's connection. `Renewals` gives commands as `agent.machine` does; what
follows for the connection is decided there.

Invariants, for any order of events:

1. At most one renewal is under way, and events of another one change nothing.
2. Between two certificates at least `PAUSE_SECONDS` pass, however short their lives are.
3. A failed renewal leads to exactly one RENEWAL timer, its delay at most the cap of its back-off.
4. A renewal that gives no answer within `ANSWER_SECONDS` has failed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from agent.assignment import Assignment, Validity
from agent.backoff import REFUSED, UNAVAILABLE
from agent.commands import Command, GiveUpRenewal, Record, Renew, SetAlarm, SetTimer
from agent.events import RenewalFailed, Renewed, Timer

ANSWER_SECONDS = 90.0
"""Longest wait for an answer; DPS may ask to wait some tens of seconds inside it."""

PAUSE_SECONDS = 60.0
"""Shortest time from one certificate to the next."""

_REMAINING = 0.20
"""Microsoft's page on certificate renewal for IoT Hub names 80 percent of the life as the time to renew."""

_SPREAD = 0.05
"""Certificates issued in one hour shall not be renewed in one hour: some are renewed this much earlier."""


class Renewals:
    """The renewals of one device. `before`: how long before the end, None for a part of the life."""

    def __init__(self, before: timedelta | None, uniform: Callable[[], float]) -> None:
        self._before = before
        self._uniform = uniform
        self._number = 0
        self._failures = 0
        self._under_way = False
        self._issued_at: float | None = None

    def hold(self, certificate: Validity, at: float, *, fresh: bool) -> list[Command]:
        """The device has this certificate: fresh, or still from its last run."""
        self._failures = 0
        if fresh:
            self._issued_at = at
        return [SetAlarm(self._due(certificate))]

    def due(self, at: float) -> list[Command]:
        """The RENEWAL timer fired: time to renew, or the answer did not come."""
        if self._under_way:
            reason = f"no answer within {ANSWER_SECONDS:g} seconds"
            return [GiveUpRenewal(), *self.failed(RenewalFailed(self._number, reason, refused=False))]
        rest = 0.0 if self._issued_at is None else self._issued_at + PAUSE_SECONDS - at
        if rest > 0:
            return [SetTimer(Timer.RENEWAL, rest)]
        self._under_way = True
        self._number += 1
        asking = Record("renewing", {"attempt": self._failures + 1})
        return [asking, Renew(self._number), SetTimer(Timer.RENEWAL, ANSWER_SECONDS)]

    def done(self, event: Renewed) -> Assignment | None:
        """The assignment that came with the new certificate; None when the event is a late one."""
        if not self._is_current(event):
            return None
        self._under_way = False
        return event.assignment

    def failed(self, event: RenewalFailed) -> list[Command]:
        """Try again later; the certificate in use still holds."""
        if not self._is_current(event):
            return []
        self._under_way = False
        seconds = (REFUSED if event.refused else UNAVAILABLE).delay(self._failures, self._uniform)
        self._failures += 1
        told = {"reason": event.reason, "refused": event.refused, "inSeconds": round(seconds, 3)}
        return [Record("renewal-failed", told, "warning"), SetTimer(Timer.RENEWAL, seconds)]

    @property
    def under_way(self) -> bool:
        """Whether an answer is waited for."""
        return self._under_way

    def _is_current(self, event: Renewed | RenewalFailed) -> bool:
        return self._under_way and event.renewal == self._number

    def _due(self, certificate: Validity) -> datetime:
        if self._before is not None:
            return certificate.until - self._before
        life = certificate.until - certificate.since
        return certificate.until - life * (_REMAINING + _SPREAD * self._uniform())
