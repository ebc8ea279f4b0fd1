"""Try again, but not for ever: what is worth it, how long to wait, and when the time is over.

429 and 5xx answers and lost connections are retried when the request can be repeated safely, after the
service's Retry-After (seconds or an HTTP date, RFC 9110 §10.2.3) or an exponential backoff with full
jitter."""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from provider.clients.errors import CancelledError, DeadlineError, UnreachableError, where

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
DEFAULT_SECONDS = 300.0
"""How long one operation of the engine may take when its `customTimeouts` say nothing."""

_deadline: contextvars.ContextVar[float | None] = contextvars.ContextVar("deadline", default=None)


class Clock:
    """Time, and waiting that a cancellation ends. Tests give one of their own."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def today(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait. Raises CancelledError as soon as the engine cancels."""
        if self._cancelled.wait(seconds):
            raise CancelledError(
                "cancelled by the engine while waiting for the service; `pulumi up` goes on from here"
            )

    def cancel(self) -> None:
        """Wake everyone who sleeps, for good."""
        self._cancelled.set()


@dataclass(frozen=True)
class Policy:
    """How often and how patiently. Waits double from `first_seconds` up to `longest_seconds`, with full
    jitter.
    """

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 20.0

    def wait_seconds(self, attempt: int, jitter: Callable[[], float] = random.random) -> float:
        """The wait after attempt number `attempt` (from 1), when the service names none."""
        ceiling = min(self.longest_seconds, self.first_seconds * 2.0 ** (attempt - 1))
        return ceiling * (0.5 + jitter() / 2)


@contextmanager
def deadline(seconds: float, clock: Clock) -> Iterator[None]:
    """Within the block no client waits longer than this, however many calls it makes."""
    token = _deadline.set(clock.now() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining_seconds(clock: Clock) -> float:
    """What is left of the current deadline, or DEFAULT_SECONDS when none is set."""
    ends = _deadline.get()
    return DEFAULT_SECONDS if ends is None else ends - clock.now()


def pause(seconds: float, clock: Clock, waiting_for: str) -> None:
    """Wait, if the deadline allows it. Raises DeadlineError at once when it does not."""
    left = remaining_seconds(clock)
    if seconds > left:
        raise DeadlineError(
            f"{waiting_for}: it would take another {seconds:.0f} s, and only {max(left, 0):.0f} s are left; "
            "run it again later, or allow more with the resource option customTimeouts"
        )
    clock.sleep(seconds)


def send(
    attempt: Callable[[], httpx.Response], *, repeatable: bool, clock: Clock, policy: Policy = Policy()
) -> httpx.Response:
    """Send until there is an answer worth having; the last answer is returned, whatever its status.

    Raises UnreachableError when there was none, DeadlineError, CancelledError.
    """
    for number in range(1, policy.attempts + 1):
        last = number == policy.attempts or not repeatable
        outcome = _once(attempt, last=last)
        if isinstance(outcome, httpx.Response) and (last or outcome.status_code not in RETRIED_STATUSES):
            return outcome
        _wait(outcome, number, clock, policy)
    raise AssertionError("the last attempt returns or raises")


def retry_after_seconds(response: httpx.Response, clock: Clock) -> float | None:
    """What the service asks us to wait, or None."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.today()).total_seconds())
    except (ValueError, TypeError):
        return None


def _once(attempt: Callable[[], httpx.Response], *, last: bool) -> httpx.Response | httpx.TransportError:
    try:
        return attempt()
    except httpx.TransportError as error:
        if last or isinstance(error, httpx.UnsupportedProtocol):
            raise UnreachableError(_unreachable(error)) from error
        return error


def _wait(outcome: httpx.Response | httpx.TransportError, number: int, clock: Clock, policy: Policy) -> None:
    asked = retry_after_seconds(outcome, clock) if isinstance(outcome, httpx.Response) else None
    seconds = policy.wait_seconds(number) if asked is None else asked
    said = str(outcome.status_code) if isinstance(outcome, httpx.Response) else type(outcome).__name__
    pause(seconds, clock, f"{where(outcome.request)} ({said}, attempt {number})")


def _unreachable(error: httpx.TransportError) -> str:
    text = str(error) or type(error).__name__
    advice = (
        "is the network up, and MUSTER_PROXY right? On the local stack: does the local cloud run (`make up`)?"
    )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        advice = "its certificate is not trusted; behind a proxy that opens TLS, MUSTER_CA_FILE names its CA"
    return f"{where(error.request)} cannot be reached ({text}): {advice}"
