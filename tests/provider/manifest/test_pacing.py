"""The pace: at the documented limit and not above it, slower after a 429, and as the environment says."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from localcloud.control.throttling import DPS, Throttle
from provider.clients.errors import CancelledError, ConfigurationError, ServiceError
from provider.manifest.pacing import Pacer, per_minute


def throttled(retry_after_seconds: float | None = None) -> ServiceError:
    return ServiceError("slow down", 429, "429001", "t", retry_after_seconds)


def test_calls_come_evenly_and_at_least_at_95_percent_of_the_limit(clock: Any) -> None:
    pacer = Pacer(clock)
    times = []
    for _ in range(3000):
        pacer.call(lambda: times.append(clock.now()))
    seconds = times[-1] - times[0]
    assert 0.95 * 1000 <= 2999 / seconds * 60 <= 1000
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.1


def test_the_documented_limit_is_kept_in_every_window(clock: Any) -> None:
    pacer, throttle = Pacer(clock), Throttle()
    counted = partial(throttle.wait_seconds, "dps", DPS["operations"])
    waits = [pacer.call(lambda: counted(clock.now())) for _ in range(3000)]
    assert sum(wait > 0 for wait in waits) <= 2


def test_a_stall_is_caught_up_with_a_little_and_within_the_limit(clock: Any) -> None:
    pacer, throttle = Pacer(clock), Throttle()
    pacer.call(lambda: None)
    clock.seconds += 60
    before = clock.now()
    for _ in range(200):
        pacer.call(lambda: None)
    assert clock.now() - before > 6
    counted = partial(throttle.wait_seconds, "dps", DPS["operations"])
    waits = []
    for number in range(3000):
        clock.seconds += 4 if number % 500 == 0 else 0
        waits.append(pacer.call(lambda: counted(clock.now())))
    assert sum(wait > 0 for wait in waits) <= 2


def test_a_429_holds_all_calls_and_slows_them(clock: Any) -> None:
    pacer = Pacer(clock)
    answers: list[Any] = [throttled(7.0), None]

    def call() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    before = clock.now()
    pacer.call(call)
    assert clock.now() - before >= 7.0
    start = clock.now()
    for _ in range(20):
        pacer.call(lambda: None)
    assert clock.now() - start > 20 * 60 / 1000 * 1.05
    for _ in range(200):
        pacer.call(lambda: None)
    start = clock.now()
    for _ in range(100):
        pacer.call(lambda: None)
    assert clock.now() - start < 100 * 60 / 1000 * 1.03, "the pace recovers"


def test_a_429_without_retry_after_waits_longer_each_time(clock: Any) -> None:
    answers: list[Any] = [throttled(), throttled(), throttled(), None]

    def call() -> str:
        if (error := answers.pop(0)) is not None:
            raise error
        return "done"

    before = clock.now()
    assert Pacer(clock, 0).call(call) == "done"
    assert clock.now() - before > 1.5


def test_without_a_pace_nothing_waits_and_a_cancelled_call_is_not_made(clock: Any) -> None:
    pacer, made = Pacer(clock, 0), []
    before = clock.now()
    for _ in range(100):
        pacer.call(lambda: made.append(1))
    assert clock.now() == before
    clock.cancel()
    with pytest.raises(CancelledError):
        pacer.call(lambda: made.append(1))
    assert len(made) == 100


def test_the_environment_may_raise_the_limit() -> None:
    assert per_minute({}) == 1000
    assert per_minute({"MUSTER_DPS_OPERATIONS_PER_MINUTE": "5000"}) == 5000
    for wrong in ("fast", "-1", "1.5", "٣"):
        with pytest.raises(ConfigurationError, match="1000, or 0"):
            per_minute({"MUSTER_DPS_OPERATIONS_PER_MINUTE": wrong})
