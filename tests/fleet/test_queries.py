"""Conditions and queries: what parses, and where the others stop to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.queries import QueryFault, metric_fault, route_fault, target_fault

TARGETS = (
    "*",
    "tags.line = 'reefer'",
    "tags.location.region IN ['US', \"EU\"] AND NOT (properties.reported.celsius >= -18.5)",
    "tags.environment NIN ['test'] or deviceId != 'bench-1'",
    "is_defined(properties.reported.connectivity) AND properties.reported.port = 0x1F",
    "configurations.[[cooling-2]].status = 'Applied'",
    "capabilities.iotEdge = true AND status <> 'disabled'",
    "(tags.a + 1) * 2 % 3 <= properties.reported.b / -4e2",
    r"tags.name = 'O\'Neill \u00e9'",
)
WRONG_TARGETS = (
    ("", 1, "the end stands where a value is due"),
    ("tags.line = ", 13, "the end stands where a value is due"),
    ("tags.line == 'a'", 12, '"=" stands where a value is due'),
    ("tags.line = 'a", 13, 'the text "\'a" has no sound end'),
    ("tags.line = reefer", 13, '"reefer" is no property of a twin'),
    ("tag.line = 'a'", 1, '"tag.line" is no property of a twin'),
    ("tags.", 5, "a full stop with no property after it"),
    ("tags.a = 1 tags.b = 2", 12, '"tags.b" follows a condition that is whole'),
    ("tags.a = 1 AND", 15, "the end stands where a value is due"),
    ("(tags.a = 1", 12, "the end stands where ) is due"),
    ("tags.a = 1)", 11, '")" follows a condition that is whole'),
    ("tags.a IN 'x'", 11, "\"'x'\" stands where [ is due"),
    ("tags.a IN []", 12, '"]" stands where a constant is due'),
    ("tags.a IN ['x' 'y']", 16, "\"'y'\" stands where ] is due"),
    ("tags.a IN [tags.b]", 12, '"tags.b" stands where a constant is due'),
    ("STARTSWITH(deviceId, 'a')", 1, '"STARTSWITH" is no function here'),
    ("IS_DEFINED(tags.a, tags.b)", 1, "IS_DEFINED with 2 arguments"),
    ("IS_DEFINED()", 1, "IS_DEFINED with 0 arguments"),
    ("tags.a = 1; DROP", 11, '";" means nothing here'),
    ("SELECT * FROM devices", 1, '"SELECT" begins a query, not a condition'),
    ("FROM devices.modules WHERE tags.a = 1", 1, '"FROM" begins a query, not a condition'),
    ("tags.a = 1 AND AND", 16, '"AND" stands where a value is due'),
    ("(" * 60 + "1" + ")" * 60, 42, "too many parentheses in each other"),
)


def place(fault: QueryFault | None) -> tuple[int, str]:
    assert fault is not None
    where, _, wrong = fault[0].removeprefix("does not parse at character ").partition(": ")
    assert fault[1]
    return int(where), wrong


@pytest.mark.parametrize("text", TARGETS)
def test_a_sound_target_has_no_fault(text: str) -> None:
    assert target_fault(text, modules=False) is None


@pytest.mark.parametrize(("text", "at", "wrong"), WRONG_TARGETS)
def test_a_wrong_target_is_told_with_its_place(text: str, at: int, wrong: str) -> None:
    assert place(target_fault(text, modules=False)) == (at, wrong)


@pytest.mark.parametrize("text", TARGETS[1:])
def test_modules_are_targeted_by_a_from_clause(text: str) -> None:
    assert target_fault(f"from devices.modules WHERE {text}", modules=True) is None
    assert place(target_fault(text, modules=True))[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "SELECT deviceId FROM devices",
        "select deviceId from devices where configurations.[[a]].status = 'Applied'",
        "SELECT properties.reported.x AS x, COUNT() AS n FROM devices.modules GROUP BY properties.reported.x",
    ],
)
def test_sound_metrics(text: str) -> None:
    assert metric_fault(text) is None


@pytest.mark.parametrize(
    ("text", "at", "wrong"),
    [
        ("deviceId", 1, '"deviceId" stands where SELECT is due'),
        ("SELECT FROM devices", 8, "nothing is selected"),
        ("SELECT deviceId", 16, "the end stands where FROM is due"),
        ("SELECT 'FROM devices'", 22, "the end stands where FROM is due"),
        ("SELECT * FROM devices.jobs", 15, '"devices.jobs" cannot be queried'),
        ("SELECT * FROM devices tags.a", 23, '"tags.a" follows a condition that is whole'),
        ("SELECT * FROM devices WHERE tag.a = 1", 29, '"tag.a" is no property of a twin'),
    ],
)
def test_wrong_metrics(text: str, at: int, wrong: str) -> None:
    assert place(metric_fault(text)) == (at, wrong)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "level = 'alarm' AND as_number(severity) <= 2",
        "$body.Weather.HistoricalData[0].Month = 'Feb' AND $twin.tags.floor = 1",
        "starts_with(lower($contentType), 'application/') AND substring(a, 1) = concat(b, c, d)",
    ],
)
def test_sound_routes(text: str) -> None:
    assert route_fault(text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [("level = 'alarm", 9), ("SHOUT(level)", 1), ("power(1)", 1), ("substring(a, 1, 2, 3)", 1)],
)
def test_wrong_routes(text: str, at: int) -> None:
    assert place(route_fault(text))[0] == at


scraps = st.lists(
    st.sampled_from(
        [
            *"()[],.=<>!*/%+-'\"\\ $",
            " AND ",
            " OR ",
            "NOT ",
            " IN ",
            "tags.a",
            "IS_DEFINED(",
            "'x'",
            "1",
            "[[",
            "]]",
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(text=scraps | st.text(max_size=60))
def test_any_text_parses_or_is_told(text: str) -> None:
    for fault in (target_fault(text, modules=False), metric_fault(text), route_fault(text)):
        if fault is not None:
            at, wrong = place(fault)
            assert 1 <= at <= len(text) + 1
            assert wrong.isprintable()


constants = st.sampled_from(["1", "-2.5", "'a'", '"b"', "true", "null", "0xFf"])
attributes = st.sampled_from(["tags.a", "properties.reported.b.c", "deviceId", "configurations.[[x]].status"])
conditions = st.recursive(
    st.tuples(attributes, st.sampled_from(["=", "!=", "<>", "<", ">=", " IN "]), constants).map(
        lambda parts: f"{parts[0]} {parts[1]} {f'[{parts[2]}]' if 'IN' in parts[1] else parts[2]}"
    )
    | attributes.map(lambda name: f"is_defined({name})"),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["AND", "or"]), inner).map(" ".join)
        | inner.map(lambda each: f"NOT ({each})")
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(text=conditions)
def test_what_the_grammar_makes_parses(text: str) -> None:
    assert target_fault(text, modules=False) is None
