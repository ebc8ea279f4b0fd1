"""Renewals: when they are due, that they come one at a time and not in a row, and what follows a failure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.assignment import Assignment, Validity
from agent.backoff import REFUSED, UNAVAILABLE
from agent.commands import Command, GiveUpRenewal, Renew, SetAlarm, SetTimer
from agent.events import RenewalFailed, Renewed, Timer
from agent.renewal import ANSWER_SECONDS, PAUSE_SECONDS, Renewals

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = Validity(START, START + timedelta(days=30))
PLACE = Assignment("eu-1", "reefer-1", MONTH)


def _renewals(before: timedelta | None = None, drawn: float = 0.0) -> Renewals:
    return Renewals(before, lambda: drawn)


def _kinds(commands: list[Command]) -> list[Any]:
    return [getattr(it, "event", type(it)) for it in commands]


@pytest.mark.parametrize(
    ("before", "drawn", "day"), [(None, 0.0, 24), (None, 0.8, 22.8), (timedelta(days=10), 0.5, 20)]
)
def test_due_at_four_fifths_of_its_life_or_so_long_before_its_end(
    before: timedelta | None, drawn: float, day: float
) -> None:
    (alarm,) = _renewals(before, drawn).hold(MONTH, 0.0, fresh=True)
    assert alarm == SetAlarm(START + timedelta(days=day))


def test_due_it_asks_once() -> None:
    renewals = _renewals()
    renewals.hold(MONTH, 0.0, fresh=False)
    assert _kinds(renewals.due(1.0)) == ["renewing", Renew, SetTimer]
    assert renewals.under_way
    assert renewals.done(Renewed(1, PLACE)) == PLACE
    assert renewals.done(Renewed(1, PLACE)) is None


def test_a_certificate_of_a_short_life_does_not_make_it_ask_without_end() -> None:
    renewals = _renewals(timedelta(days=40))
    renewals.hold(MONTH, 100.0, fresh=True)
    assert renewals.due(110.0) == [SetTimer(Timer.RENEWAL, PAUSE_SECONDS - 10)]
    assert _kinds(renewals.due(100.0 + PAUSE_SECONDS)) == ["renewing", Renew, SetTimer]


def test_failures_wait_longer_and_longer() -> None:
    renewals = _renewals(drawn=0.5)
    renewals.hold(MONTH, 0.0, fresh=False)
    for attempt in range(4):
        renewals.due(0.0)
        waits = renewals.failed(RenewalFailed(attempt + 1, "no route", refused=False))
        assert waits[-1] == SetTimer(Timer.RENEWAL, UNAVAILABLE.ceiling(attempt) / 2)
    renewals.due(0.0)
    refused = renewals.failed(RenewalFailed(5, "disabled", refused=True))
    assert refused[-1] == SetTimer(Timer.RENEWAL, REFUSED.ceiling(4) / 2)


def test_no_answer_is_a_failure_and_a_late_answer_nothing() -> None:
    renewals = _renewals()
    renewals.hold(MONTH, 0.0, fresh=False)
    renewals.due(0.0)
    assert _kinds(renewals.due(ANSWER_SECONDS)) == [GiveUpRenewal, "renewal-failed", SetTimer]
    assert not renewals.under_way
    assert renewals.done(Renewed(1, PLACE)) is None
    assert renewals.failed(RenewalFailed(1, "late", refused=False)) == []


numbers = st.integers(0, 6)
happenings = st.lists(
    st.one_of(
        st.just("due"),
        st.builds(Renewed, numbers, st.just(PLACE)),
        st.builds(RenewalFailed, numbers, st.just("why"), st.booleans()),
    ),
    max_size=40,
)


@given(happenings, st.floats(0, 1, exclude_max=True), st.floats(0, 200))
def test_invariants_hold_for_any_order_of_events(happened: list[Any], drawn: float, gap: float) -> None:
    renewals, at, under_way = _renewals(drawn=drawn), 0.0, 0
    renewals.hold(MONTH, at, fresh=True)
    last_issued = at
    for event in happened:
        at += gap
        match event:
            case "due":
                commands = renewals.due(at)
            case Renewed():
                commands = []
                if renewals.done(event) is not None:
                    assert event.renewal == under_way, "an event of another renewal changes nothing"
                    commands = renewals.hold(MONTH, at, fresh=True)
                    under_way, last_issued = 0, at
            case _:
                commands = renewals.failed(event)
        for command in commands:
            match command:
                case Renew():
                    assert not under_way, "one at a time"
                    assert at - last_issued >= PAUSE_SECONDS, "not in a row"
                    under_way = command.renewal
                case GiveUpRenewal():
                    assert under_way
                    under_way = 0
                case SetTimer():
                    assert command.timer is Timer.RENEWAL
                    assert 0 <= command.seconds <= REFUSED.cap_seconds
        if "renewal-failed" in _kinds(commands):
            under_way = 0
            assert [type(it) for it in commands].count(SetTimer) == 1
