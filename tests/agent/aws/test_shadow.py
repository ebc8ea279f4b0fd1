"""A shadow as a twin: what is told of a change, and what is not."""

import pytest

from agent.aws.shadow import Desired, patch, twin
from agent.twin import Change, Json, Twin, merged

CASES: list[tuple[Json, Json, Json]] = [
    ({}, {}, {}),
    ({"a": 1}, {"a": 1}, {}),
    ({"a": 1}, {"a": 2}, {"a": 2}),
    ({"a": 1}, {}, {"a": None}),
    ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
    ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
    ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}),
    ({"a": {"b": 1}}, {"a": {"b": 1}}, {}),
    ({"a": 0}, {"a": False}, {}),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_a_patch_makes_the_one_of_the_other(before: Json, after: Json, expected: Json) -> None:
    assert patch(before, after) == expected
    assert merged(before, patch(before, after)) == after


def test_no_shadow_is_an_empty_twin() -> None:
    assert twin(None, 0) == {"desired": {"$version": 0}, "reported": {}}
    assert twin({"desired": None, "reported": None}, 4) == {"desired": {"$version": 4}, "reported": {}}


def test_a_change_of_the_desired_state_is_told_with_what_it_follows() -> None:
    desired = Desired()
    desired.read({"desired": {"intervalSeconds": 60}}, 3)
    assert desired.settled() is None
    told = desired.changed({"desired": {"intervalSeconds": 5}, "reported": {"x": 1}}, 7)
    assert told == {"intervalSeconds": 5, "$version": 7, "$after": 3}
    assert desired.changed({"desired": {}}, 9) == {"intervalSeconds": None, "$version": 9, "$after": 7}


def test_reports_and_repeats_are_not_told() -> None:
    desired = Desired()
    desired.read({"desired": {"colour": "red"}}, 3)
    desired.settled()
    assert desired.changed({"desired": {"colour": "red"}, "reported": {"x": 1}}, 4) is None
    assert desired.changed({"desired": {"colour": "blue"}}, 2) is None
    assert desired.changed({"desired": {"colour": "blue"}}, 3) is None


def test_what_comes_while_the_answer_is_taken_in_is_told_after_it() -> None:
    desired = Desired()
    assert desired.changed({"desired": {"intervalSeconds": 5}}, 2) is None
    desired.read({"desired": {"intervalSeconds": 60}}, 1)
    assert desired.changed({"desired": {"intervalSeconds": 7}}, 4) is None
    assert desired.changed({"desired": {"intervalSeconds": 6}}, 3) is None
    assert desired.settled() == {"intervalSeconds": 7, "$version": 4, "$after": 1}
    assert desired.settled() is None


def test_a_twin_takes_the_patches_of_a_shadow_and_finds_a_gap() -> None:
    held, desired = Twin(), Desired()
    held.read(desired.read({"desired": {"intervalSeconds": 60}}, 3))
    desired.settled()
    first = desired.changed({"desired": {"intervalSeconds": 5}}, 7)
    assert first is not None
    assert held.change(first) is Change.APPLIED
    assert (held.version, held.settings) == (7, {"intervalSeconds": 5})
    assert held.change(first) is Change.REPEATED
    lost = desired.changed({"desired": {"intervalSeconds": 6}}, 9)
    assert lost is not None
    later = desired.changed({"desired": {"intervalSeconds": 8}}, 11)
    assert later is not None
    assert held.change(later) is Change.GAP
    removed = desired.changed({"desired": {}}, 13)
    assert removed is not None
    held.read(desired.read({}, 14))
    assert held.settings == {"intervalSeconds": 60}
