"""The query language: what selects what, what is refused where, and that nothing else ever happens."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.hub.query import QueryError, holds, read_condition, read_query, run

TWIN: dict[str, Any] = {
    "deviceId": "pump-1",
    "status": "enabled",
    "tags": {"line": "a", "n": 5, "off": False, "none": None, "loc": {"region": "US"}, "my-tag": 1},
    "properties": {"desired": {"rate": 0.5}, "reported": {"rate": 0.5, "list": [1], "$version": 3}},
    "configurations": {"base-1": {"status": "Applied"}},
    "capabilities": {"iotEdge": True},
}

TRUE = [
    "tags.line = 'a'",
    'tags.line = "a"',
    "TAGS.line = 'a' AND NOT tags.n != 5",
    "DeviceId = 'pump-1'",
    "devices.tags.line = 'a'",
    "tags.n >= 5 and tags.n <= 5.0 and tags.n > 4 and tags.n < 0x6",
    "tags.n + 1 * 2 = 7 and (tags.n + 1) * 2 = 12 and tags.n % 2 = 1 and -tags.n < 0 and 10 / tags.n = 2",
    "tags.n in [1, 5] and tags.line nin ['b', 'c']",
    "tags.off = false and capabilities.iotEdge = true and tags.none = null and tags.line != null",
    "is_defined(tags.none) and IS_DEFINED(properties.reported.list) and not is_defined(tags.gone)",
    "startswith(deviceId, 'pump') and ENDSWITH(tags.loc.region, 'S')",
    "configurations.[[base-1]].status = 'Applied' and tags.[[my-tag]] = 1",
    "properties.desired.rate = properties.reported.rate",
    "properties.reported.$version = 3 /* a comment */",
    "tags.gone = 1 or tags.n = 5",
    "not tags.gone = 1",
    "tags.line = '\\u0061'",
    "true",
]
FALSE = [
    "tags.gone != 'a'",
    "tags.gone = undefined",
    "tags.n = '5'",
    "tags.off",
    "tags.n",
    "tags.off = 0",
    "tags.loc = tags.loc",
    "properties.reported.list = [1]",
    "tags.gone in ['a']",
    "tags.gone nin ['a']",
    "tags.n / 0 = 1",
    "tags.line + 1 = 2",
    "tags.line > 1",
    "startswith(tags.n, '5')",
    "Tags.Line = 'a'",
    "false",
]


@pytest.mark.parametrize("condition", TRUE)
def test_holds(condition: str) -> None:
    assert holds(read_condition(condition).where, TWIN)


@pytest.mark.parametrize("condition", FALSE)
def test_does_not_hold(condition: str) -> None:
    assert not holds(read_condition(condition).where, TWIN)


@pytest.mark.parametrize(
    ("query", "words", "position"),
    [
        ("SELECT", "a property is expected, not the end", 7),
        ("SELECT * FROM elsewhere", "FROM elsewhere is not served", 15),
        ("SELECT * FROM devices.jobs", "FROM devices.jobs is not served", 15),
        ("SELECT * FROM devices WHERE tags.a = ", "not the end", 38),
        ("SELECT * FROM devices WHERE tags.a = 'x", '"\'" does not belong', 38),
        ("SELECT * FROM devices WHERE contains(tags.a, 'x')", "contains is no function", 29),
        ("SELECT * FROM devices WHERE starts_with(tags.a, 'x')", "starts_with is no function", 29),
        ("SELECT * FROM devices WHERE startswith(tags.a)", "STARTSWITH takes 2 arguments", 29),
        ("SELECT * FROM devices WHERE is_defined('x')", "IS_DEFINED takes a property", 29),
        ("SELECT * FROM devices WHERE tags.a in 'x'", "[ is expected", 39),
        ("SELECT * FROM devices WHERE tags.a in [tags.b]", "a constant is expected", 40),
        ("SELECT * FROM devices WHERE (tags.a = 1", ") is expected", 40),
        ("SELECT * FROM devices GROUP BY tags.a", "GROUP BY needs a list of columns", 38),
        ("SELECT tags.b, COUNT() AS n FROM devices GROUP BY tags.a", "tags.b must be in GROUP BY", 57),
        ("SELECT TOP 0 * FROM devices", "TOP needs a whole number", 12),
        ("SELECT * FROM devices; DROP", "'DROP' does not belong", 24),
        ("SELECT * FROM devices WHERE " + "(" * 60, "nested deeper than 50", 79),
        ("SELECT * FROM devices WHERE tags.a = '" + "x" * 8192 + "'", "at most 8192 characters", 1),
    ],
)
def test_what_is_wrong_and_where(query: str, words: str, position: int) -> None:
    with pytest.raises(QueryError, match="at character") as wrong:
        read_query(query)
    assert words in str(wrong.value)
    assert wrong.value.position == position


TWINS = [
    {"deviceId": f"pump-{n}", "tags": {"line": "ab"[n % 2]}, "properties": {"reported": {"n": n}}}
    for n in range(5)
]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "SELECT deviceid FROM devices WHERE tags.line = 'b'",
            [{"deviceId": "pump-1"}, {"deviceId": "pump-3"}],
        ),
        ("SELECT TOP 1 properties.reported.n AS n, tags.gone FROM devices", [{"n": 0}]),
        ("SELECT COUNT() AS total FROM devices", [{"total": 5}]),
        ("SELECT COUNT() AS total FROM devices WHERE tags.line = 'c'", [{"total": 0}]),
        (
            "SELECT tags.line AS line, COUNT() AS n, SUM(properties.reported.n) AS s FROM devices "
            "GROUP BY tags.line",
            [{"line": "a", "n": 3, "s": 6}, {"line": "b", "n": 2, "s": 4}],
        ),
        (
            "SELECT AVG(properties.reported.n) AS a, MIN(properties.reported.n) AS b, "
            "MAX(properties.reported.n) AS c, MAX(tags.gone) AS d FROM devices",
            [{"a": 2.0, "b": 0, "c": 4}],
        ),
    ],
)
def test_rows(query: str, rows: list[Any]) -> None:
    assert list(run(read_query(query), TWINS)) == rows


_SAMPLES = """select * from devices where tags . line = 'a' and or not in nin [ ] ( ) , 1 -2.5e3 null
undefined true is_defined startswith group by count top as $version [[x]] < >= + / % properties reported"""
_words = st.sampled_from(_SAMPLES.split())
_texts = st.lists(_words, max_size=25).map(" ".join) | st.text(max_size=60)


def _position(read: Any, text: str) -> int | None:
    """Where a text is refused; None for one that can be read, which then can be asked, too."""
    try:
        found = read(text)
    except QueryError as error:
        return error.position
    holds(getattr(found, "condition", found).where, TWIN)
    return None


@given(_texts)
def test_any_text_is_a_query_or_a_clear_refusal(text: str) -> None:
    for read in (read_query, read_condition):
        assert (_position(read, text) or 1) in range(1, len(text) + 2)


@given(_texts)
def test_any_query_runs(text: str) -> None:
    whole = " ".join(["select deviceId from devices where", text])
    if _position(read_query, whole) is None:
        assert len(list(run(read_query(whole), TWINS))) <= len(TWINS)


def test_pages_of_a_hub(hub: Any) -> None:
    for n in range(5):
        hub.device(f"pump-{n}")
    found, headers = [], {"x-ms-max-item-count": "2"}
    while True:
        answer = hub.call(
            "POST", "/devices/query", {"query": "SELECT deviceId FROM devices"}, headers=headers
        )
        found += [it["deviceId"] for it in answer.body]
        assert answer.headers["x-ms-item-type"] == "Raw"
        if "x-ms-continuation" not in answer.headers:
            break
        if len(found) == 2:
            hub.device("pump-00")  # before the token's place: it must not shift the pages
        headers["x-ms-continuation"] = answer.headers["x-ms-continuation"]
    assert found == [f"pump-{n}" for n in range(5)]


def test_top_holds_over_pages_and_groups_page_too(hub: Any) -> None:
    for n in range(5):
        hub.device(f"pump-{n}")
        hub.registry.patch_twin("hub-a.azure-devices.net", f"pump-{n}", {"tags": {"line": n}})
    top, group = (
        "SELECT TOP 3 deviceId FROM devices",
        "SELECT tags.line AS l, COUNT() AS n FROM devices GROUP BY tags.line",
    )
    for query, expected in ((top, 3), (group, 5)):
        headers, count = {"x-ms-max-item-count": "2"}, 0
        while True:
            answer = hub.call("POST", "/devices/query", {"query": query}, headers=headers)
            count += len(answer.body)
            if "x-ms-continuation" not in answer.headers:
                break
            headers["x-ms-continuation"] = answer.headers["x-ms-continuation"]
        assert count == expected


@pytest.mark.parametrize(
    "token", [b"x", b"[]", b'{"after": 1}', b'{"skip": -1}', b'{"left": true}', b'{"x": 1}']
)
def test_forged_tokens(hub: Any, token: bytes) -> None:
    headers = {"x-ms-continuation": base64.urlsafe_b64encode(token).decode()}
    body = {"query": "SELECT * FROM devices"}
    assert hub.refusal("POST", "/devices/query", body, headers=headers) == (400, "ArgumentInvalid")


@pytest.mark.parametrize(("header", "value"), [("x-ms-continuation", "?"), ("x-ms-max-item-count", "0")])
def test_bad_paging_headers(hub: Any, header: str, value: str) -> None:
    body = {"query": "SELECT * FROM devices"}
    assert hub.refusal("POST", "/devices/query", body, headers={header: value}) == (400, "ArgumentInvalid")
