"""The delays grow to a cap and spread over the whole range below it."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import REFUSED, UNAVAILABLE, Backoff


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(0, 1.0), (1, 2.0), (5, 32.0), (6, 60.0), (7, 60.0), (10**9, 60.0)]
)
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, ceiling: float) -> None:
    assert UNAVAILABLE.ceiling(attempt) == ceiling


def test_a_refusal_waits_longer_than_a_failure() -> None:
    assert REFUSED.ceiling(0) > UNAVAILABLE.ceiling(0)
    assert REFUSED.cap_seconds > UNAVAILABLE.cap_seconds


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_no_delay_is_negative_or_above_its_ceiling(attempt: int, drawn: float) -> None:
    backoff = Backoff(base_seconds=2, cap_seconds=300)
    assert 0 <= backoff.delay(attempt, lambda: drawn) <= backoff.ceiling(attempt) <= 300


def test_delays_of_a_fleet_spread_evenly_from_zero_to_the_ceiling() -> None:
    uniform = random.Random(7).random
    delays = [UNAVAILABLE.delay(6, uniform) for _ in range(20_000)]
    assert statistics.mean(delays) == pytest.approx(30, rel=0.03)
    assert [round(point) for point in statistics.quantiles(delays, n=4)] == pytest.approx([15, 30, 45], abs=1)
