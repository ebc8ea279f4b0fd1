"""Waves: every device once, none early, a stop on failures, and a file that is read as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs.errors import ExistsError, UnreadableError
from certs.life import waves
from certs.life.waves import Plan, WaveError

DEVICES = [f"reefer-{number}" for number in range(200)]
Outcomes = dict[str, Literal["done", "failed"]]


def done(plan: Plan, failed: int = 0) -> Plan:
    outcomes: Outcomes = dict.fromkeys(plan.pending(), "done")
    outcomes.update(dict.fromkeys(plan.pending()[:failed], "failed"))
    return plan.report(outcomes)


def test_waves_of_one_ten_and_all() -> None:
    plan = waves.plan(DEVICES)
    assert [len(wave) for wave in plan.waves] == [2, 18, 180]
    assert sorted(each for wave in plan.waves for each in wave) == sorted(DEVICES)
    assert plan == waves.plan(reversed(DEVICES))
    assert plan.state == "planned"
    for number in (1, 2, 3):
        plan = plan.next()
        assert (plan.state, plan.opened, tuple(plan.pending())) == ("open", number, plan.waves[number - 1])
        with pytest.raises(WaveError, match=f"wave {number} is open: {len(plan.pending())} devices"):
            plan.next()
        plan = done(plan)
    assert plan.state == "finished"
    with pytest.raises(WaveError, match="no wave left"):
        plan.next()


def test_it_stops_and_goes_on_when_mended() -> None:
    plan = done(done(waves.plan(DEVICES, tolerated=10).next()).next(), failed=2)
    assert plan.state == "stopped"
    with pytest.raises(
        WaveError, match=r"stopped: 2 of 18 devices of wave 2 failed \(reefer-.*more than 10 %"
    ):
        plan.next()
    mended = plan.report({plan.failed(plan.waves[1])[0]: "done"})
    assert mended.state == "planned"
    assert mended.next().opened == 3


def test_a_stop_comes_in_the_middle_of_a_wave() -> None:
    plan = done(waves.plan(DEVICES, tolerated=10).next()).next()
    plan = plan.report(dict.fromkeys(plan.waves[1][:2], "failed"))
    assert plan.state == "stopped"
    assert len(plan.pending()) == 16


def test_reports_that_cannot_be_are_refused_whole() -> None:
    plan = done(waves.plan(DEVICES).next())
    first, later = plan.waves[0][0], plan.waves[1][0]
    with pytest.raises(WaveError) as caught:
        plan.report({first: "failed", later: "done", "nobody": "done"})
    assert str(caught.value).splitlines() == [
        f"{later!r} is in no wave that was opened",
        "'nobody' is in no wave that was opened",
        f"{first!r} was reported done before",
    ]


@pytest.mark.parametrize(
    ("devices", "shares", "tolerated", "told"),
    [
        ([], (100,), 1, "no devices"),
        (["a", "A"], (100,), 1, "is named twice"),
        (["a"], (10, 5, 100), 1, "must rise"),
        (["a"], (10, 50), 1, "end at 100"),
        (["a"], (), 1, "end at 100"),
        (["a"], (0, 100), 1, "must rise"),
        (["a"], (100,), 100, "tolerated"),
        (["a"], (100,), -1, "tolerated"),
    ],
)
def test_plans_that_make_no_sense(
    devices: list[str], shares: list[float], tolerated: float, told: str
) -> None:
    with pytest.raises(WaveError, match=told):
        waves.plan(devices, shares, tolerated)


@given(
    count=st.integers(1, 60),
    shares=st.lists(st.floats(0.5, 99), max_size=4, unique=True).map(sorted),
    tolerated=st.floats(0, 99),
    failures=st.lists(st.booleans(), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_the_invariants_hold(
    count: int, shares: list[float], tolerated: float, failures: list[bool]
) -> None:
    plan = waves.plan([f"d{number}" for number in range(count)], (*shares, 100.0), tolerated)
    assert sum(map(len, plan.waves)) == count
    assert all(plan.waves)
    dice = iter(failures)
    while plan.state == "planned":
        plan = plan.next()
        for each in plan.pending():
            plan = plan.report({each: "failed" if next(dice, False) else "done"})
        reported = set(plan.outcomes)
        assert reported == {each for wave in plan.waves[: plan.opened] for each in wave}
    bad = [wave for wave in plan.waves[: plan.opened] if plan.exceeds(wave)]
    assert (plan.state == "stopped") == bool(bad)
    assert not bad or bad == [plan.waves[plan.opened - 1]]


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "waves.json"
    plan = waves.plan(DEVICES)
    waves.write(path, plan, new=True)
    with pytest.raises(ExistsError, match="a plan of waves"):
        waves.write(path, plan, new=True)
    plan = done(plan.next(), failed=1)
    waves.write(path, plan)
    assert waves.read(path) == plan


@given(
    data=st.binary(max_size=80)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["waves", "outcomes", "opened", "tolerated", "d1"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ).map(lambda document: json.dumps(document).encode())
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_no_file_breaks_the_reader(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzzed.json"
    path.write_bytes(data)
    try:
        found = waves.read(path)
    except UnreadableError:
        return
    assert found.waves


@pytest.mark.parametrize(
    "change",
    [
        {"opened": 4},
        {"opened": -1},
        {"tolerated": 100},
        {"outcomes": {"reefer-1": "done"}},
        {"waves": [["a"], ["a"]]},
    ],
)
def test_a_plan_that_does_not_fit_together(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "waves.json"
    waves.write(path, waves.plan(DEVICES))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UnreadableError, match="do not fit together"):
        waves.read(path)
