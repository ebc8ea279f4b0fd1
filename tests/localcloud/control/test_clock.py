"""The clock moves forward only, in all its spellings at once."""

import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.clock import LONGEST_SECONDS, Clock


def test_starts_at_the_walls_time() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert abs(clock.monotonic() - time.monotonic()) < 5
    assert clock.now().utcoffset() == timedelta(0)


def test_all_spellings_move_together() -> None:
    clock = Clock()
    before, tick = clock.now(), clock.monotonic()
    clock.advance(86400)
    clock.advance(0.5)
    assert timedelta(seconds=86400.5) <= clock.now() - before < timedelta(seconds=86405)
    assert 86400.5 <= clock.monotonic() - tick < 86405
    assert clock.moved_seconds == 86400.5


def test_text_is_iso_8601_with_z() -> None:
    text = Clock().text()
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000000Z")
    assert datetime.fromisoformat(text).tzinfo is not None


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, math.inf, LONGEST_SECONDS + 1])
def test_refused_moves_change_nothing(seconds: float) -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="a clock moves"):
        clock.advance(seconds)
    assert clock.moved_seconds == 0
