"""Desired properties: whole, patched, repeated, with a gap; settings applied, refused and mended."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import VERSION
from agent.twin import Change, Twin, merged

AGENT = {"version": VERSION}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(max_size=2), json_values, max_size=3)


def _twin(desired: dict[str, Any], reported: dict[str, Any] | None = None) -> Twin:
    twin = Twin()
    twin.read({"desired": desired, "reported": reported or {}})
    return twin


def test_a_whole_twin_is_applied_and_reported() -> None:
    twin = _twin({"intervalSeconds": 15, "colour": "red", "$version": 4})
    assert twin.report() == {"desiredVersion": 4, "agent": AGENT, "intervalSeconds": 15}


def test_a_setting_that_nobody_gave_has_its_default() -> None:
    assert _twin({"$version": 1}).report() == {"desiredVersion": 1, "agent": AGENT, "intervalSeconds": 60}


@pytest.mark.parametrize("value", [0, 86_401, -1, 1.5, "60", True, {}])
def test_a_wrong_value_is_refused_and_told(value: object) -> None:
    twin = _twin({"intervalSeconds": value, "$version": 2})
    assert twin.settings == {"intervalSeconds": 60}
    assert twin.report()["refusedSettings"] == {"intervalSeconds": "must be a whole number from 1 to 86400"}


def test_a_wrong_value_leaves_the_last_good_one_in_force() -> None:
    twin = _twin({"intervalSeconds": 15, "$version": 1})
    assert twin.change({"intervalSeconds": "often", "$version": 2}) is Change.APPLIED
    assert twin.report()["intervalSeconds"] == 15


def test_a_mended_value_takes_the_refusal_off_the_twin() -> None:
    twin = _twin({"intervalSeconds": 0, "$version": 1})
    twin.report()
    twin.change({"intervalSeconds": 5, "$version": 2})
    assert twin.report()["refusedSettings"] is None
    assert "refusedSettings" not in twin.report()


def test_a_refusal_that_an_earlier_process_reported_is_taken_off() -> None:
    twin = _twin({"$version": 3}, {"refusedSettings": {"intervalSeconds": "no"}})
    assert twin.report()["refusedSettings"] is None


def test_a_removed_setting_goes_back_to_its_default() -> None:
    twin = _twin({"intervalSeconds": 15, "$version": 1})
    twin.change({"intervalSeconds": None, "$version": 2})
    assert twin.settings == {"intervalSeconds": 60}


@pytest.mark.parametrize(
    ("version", "change"),
    [(5, Change.REPEATED), (4, Change.REPEATED), (6, Change.APPLIED), (7, Change.GAP), (None, Change.GAP)],
)
def test_the_version_says_where_a_patch_belongs(version: int | None, change: Change) -> None:
    twin = _twin({"intervalSeconds": 15, "$version": 5})
    assert twin.change({"intervalSeconds": 20, "$version": version}) is change
    assert twin.settings["intervalSeconds"] == (20 if change is Change.APPLIED else 15)


def test_merge_patch_of_rfc_7396() -> None:
    document = {"a": {"b": 1, "c": 2}, "d": 3, "e": [1, 2]}
    assert merged(document, {"a": {"b": None, "x": 9}, "d": None, "e": [3]}) == {
        "a": {"c": 2, "x": 9},
        "e": [3],
    }


@given(json_objects, json_objects)
def test_a_merge_leaves_no_null_and_repeats_without_effect(document: Any, patch: Any) -> None:
    once = merged(document, patch)
    assert merged(once, patch) == once
    assert all(once[key] is not None for key in patch if key in once)


@given(json_objects, st.lists(json_objects, max_size=4))
def test_no_desired_document_breaks_the_device(document: Any, patches: list[Any]) -> None:
    twin = _twin(document)
    for patch in patches:
        twin.change(patch)
        assert 1 <= twin.report()["intervalSeconds"] <= 86_400
