"""Check, diff and schema follow from a declaration; shown on one that has every kind of property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provider.checking import check
from provider.differing import ChangeKind, changes, keep_spelling
from provider.fields import complete, conceal, prop, read, write
from provider.values import UNKNOWN, Secret


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = prop("How big.", default=1)
    labels: Mapping[str, Any] = prop("Anything.", default={})


@dataclass(frozen=True, kw_only=True)
class Sample:
    display_name: str = prop("A name.", replaces="it is the address", normal=str.lower)
    ratio: float = prop(
        "A ratio.", default=0.5, rule=lambda n: None if n < 1 else "less than 1 would be right"
    )
    hosts: tuple[str, ...] = prop("Hosts.", default=(), normal=sorted)
    inner: Inner = prop("Nested.", default=Inner())  # noqa: RUF009 - prop makes the field
    password: str | None = prop("A secret.", default=None, secret=True)
    on: bool = prop("A switch.", default=True)


GIVEN = {"displayName": "Oslo"}


def test_all_faults_at_once_each_with_what_would_be_right() -> None:
    given = {
        "dispayName": "x",
        "ratio": 2,
        "hosts": ["a", 3],
        "inner": {"size": True, "seize": 1},
        "on": "yes",
    }
    faults = {fault.path: fault.reason for fault in check(Sample, given).faults}
    assert faults == {
        "dispayName": "there is no such property; did you mean displayName?",
        "displayName": "is missing; it is required: A name.",
        "ratio": "is 2; less than 1 would be right",
        "hosts[1]": "is 3; text is needed here",
        "inner.seize": "there is no such property; did you mean size?",
        "inner.size": "is True; a whole number is needed here",
        "on": 'is "yes"; true or false is needed here',
    }


def test_wrong_shapes_and_keys_with_no_likeness() -> None:
    faults = {
        fault.path: fault.reason
        for fault in check(Sample, {**GIVEN, "zzz": 1, "hosts": "a", "inner": 3}).faults
    }
    assert faults["hosts"] == 'is "a"; a list is needed here'
    assert faults["inner"] == "is 3; a map is needed here"
    assert faults["zzz"].startswith("there is no such property; known are displayName, ratio")


def test_defaults_are_filled_in_and_unknowns_pass() -> None:
    checked = check(Sample, {"displayName": UNKNOWN, "inner": {"labels": {"a": UNKNOWN}}, "__internal": 1})
    assert checked.faults == ()
    assert checked.inputs == {
        "displayName": UNKNOWN,
        "ratio": 0.5,
        "hosts": [],
        "inner": {"size": 1, "labels": {"a": UNKNOWN}},
        "on": True,
    }


def test_a_fault_of_a_secret_does_not_show_it() -> None:
    faults = check(Sample, {**GIVEN, "ratio": Secret(7654321), "on": Secret("hunter2")}).faults
    assert len(faults) == 2
    assert all("[secret]" in fault.reason for fault in faults)


def test_diff_names_each_place_and_why_it_replaces() -> None:
    old = {**GIVEN, "inner": {"labels": {"a": 1, "b.c": 2, "gone": 3}}, "hosts": ["x", "y"]}
    new = {
        "displayName": "Bergen",
        "inner": {"size": 2, "labels": {"a": 1, "b.c": 3, "new": 4}},
        "hosts": ["y", "x"],
    }
    assert [(each.path, each.kind, each.replaces) for each in changes(Sample, old, new)] == [
        ("displayName", ChangeKind.UPDATE, "it is the address"),
        ('inner.labels["b.c"]', ChangeKind.UPDATE, ""),
        ("inner.labels.gone", ChangeKind.DELETE, ""),
        ("inner.labels.new", ChangeKind.ADD, ""),
        ("inner.size", ChangeKind.UPDATE, ""),
    ]


def test_the_same_in_other_words_is_no_diff() -> None:
    new = {"displayName": "OSLO", "ratio": 0.5, "on": Secret(True), "inner": {"size": 1}}
    assert changes(Sample, GIVEN, new) == ()


def test_unknown_counts_as_changed_and_true_is_not_one() -> None:
    found = changes(
        Sample,
        {**GIVEN, "inner": {"labels": {"a": 1}}},
        {"displayName": UNKNOWN, "inner": {"labels": {"a": True}}},
    )
    assert [each.path for each in found] == ["displayName", "inner.labels.a"]


def test_a_refresh_keeps_the_spelling_it_knows() -> None:
    known = {"displayName": "Oslo", "hosts": ["b", "a"], "on": True}
    live = {"displayName": "oslo", "hosts": ["a", "b"], "on": False, "ratio": 0.5}
    assert keep_spelling(Sample, known, live) == {**known, "on": False, "ratio": 0.5}


def test_plain_and_typed_forms() -> None:
    plain = complete(Sample, {**GIVEN, "hosts": ["a"], "password": Secret("p"), "stray": 1})
    typed = read(Sample, plain)
    assert typed.hosts == ("a",)
    assert typed.password == "p"
    assert write(typed) == {**complete(Sample, GIVEN), "hosts": ["a"], "password": "p"}


def test_secrets_stay_secret_in_the_state() -> None:
    concealed = conceal(
        Sample, {"password": "p", "inner": {"size": 1}, "on": True}, {"inner": {"size": Secret(1)}}
    )
    marked_inside = {"inner": {"labels": {"pin": Secret(1)}}}
    assert conceal(Sample, marked_inside, marked_inside) == marked_inside
    assert concealed == {"password": Secret("p"), "inner": Secret({"size": 1}), "on": True}
