"""Statements by table: what they take and make, what is refused, and any text."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iot.rule_results import selected, substituted, takes
from localcloud.aws.iot.rule_sql import SqlError, parse
from localcloud.aws.iot.rule_values import Message, NoJson
from localcloud.mqtt.topics import fits, is_filter

_BODY = {
    "temperature": 21.5,
    "name": "pump",
    "on": True,
    "no": None,
    "list": [1, {"deep": "x"}],
    "state": {"reported": {"line": "a"}, "count": "7"},
}


def _message(payload: Any = None, topic: str = "dt/fleet/pumps/pump-1/telemetry") -> Message:
    data = (
        payload if isinstance(payload, bytes) else json.dumps(_BODY if payload is None else payload).encode()
    )
    return Message(topic, data, "111122223333", 1700000000123, "pump-1", "ab" * 32, "trace")


def _sql(columns: str, topic_filter: str) -> str:
    return " ".join(("SELECT", columns, "FROM", f"'{topic_filter}'"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("*", _BODY),
        ("*, topic(4) AS device", {**_BODY, "device": "pump-1"}),
        ("name", {"name": "pump"}),
        ("name AS who, on", {"who": "pump", "on": True}),
        ("state.reported", {"reported": {"line": "a"}}),
        ("state.reported.line AS line", {"line": "a"}),
        ("list[1].deep", {"deep": "x"}),
        ("list[9]", {}),
        ("missing, name", {"name": "pump"}),
        ("temperature * 2 + 1 AS t", {"t": 44.0}),
        ("1 + 2 * 3 AS a, (1 + 2) * 3 AS b, -1 AS c, 7 % 4 AS d", {"a": 7, "b": 9, "c": -1, "d": 3}),
        ("name + '-' + 1 AS a", {"a": "pump-1"}),
        ("clientid() AS c, accountid() AS a", {"c": "pump-1", "a": "111122223333"}),
        ("timestamp() AS t, principal() AS p", {"t": 1700000000123, "p": "ab" * 32}),
        ("topic() AS t, topic(9) AS gone, traceid()", {"t": _message().topic, "traceid": "trace"}),
        (
            "upper(name) AS u, length(name) AS l, concat(name, '!', 1) AS c",
            {"u": "PUMP", "l": 4, "c": "pump!1"},
        ),
        ("encode(name, 'base64') AS e, decode('cHVtcA==', 'base64') AS d", {"e": "cHVtcA==", "d": "pump"}),
        ("isnull(no) AS a, isundefined(gone) AS b, no", {"a": True, "b": True, "no": None}),
        ("'it''s' AS a, 1 / 0 AS gone, null AS n, true AS t", {"a": "it's", "n": None, "t": True}),
    ],
)
def test_select(columns: str, expected: dict[str, Any]) -> None:
    statement = parse(_sql(columns, "dt/#"))
    assert takes(statement, _message())
    assert json.loads(selected(statement, _message())) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("temperature > 20", True),
        ("temperature > 20 AND name = 'valve'", False),
        ("temperature > 20 and (name = 'valve' or on)", True),
        ("temperature < 20 OR name <> 'valve'", True),
        ("NOT on", False),
        ("not not on", True),
        ("name = 'pump' AND NOT temperature <= 21", True),
        ("state.count = 7", True),
        ("state.count >= 7.5", False),
        ("name < 'q'", True),
        ("on = true", True),
        ("no = null", True),
        ("missing = 1", False),
        ("missing <> 1", False),
        ("name", False),
        ("startswith(topic(), 'dt/fleet') AND endswith(topic(), 'telemetry')", True),
        ("list = 1", False),
        ("temperature != 21.5", False),
    ],
)
def test_where(where: str, expected: bool) -> None:
    assert takes(parse(f"{_sql('*', 'dt/#')} where {where}"), _message()) is expected


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT",
        "SELECT *",
        "SELECT * FROM",
        "SELECT * FROM topic",
        'SELECT * FROM "topic"',
        "SELECT * FROM 'a/#/b'",
        "SELECT * FROM 'a' WHERE",
        "SELECT * FROM 'a' WHERE a >",
        "SELECT * FROM 'a' WHERE (a = 1",
        "SELECT * FROM 'a' more",
        "SELECT , FROM 'a'",
        "SELECT a AS 1 FROM 'a'",
        "SELECT nothing(1) FROM 'a'",
        "SELECT topic(1, 2) FROM 'a'",
        "SELECT clientid(1) FROM 'a'",
        "SELECT CASE a WHEN 1 THEN 2 END FROM 'a'",
        "SELECT a FROM 'a' ; DROP",
        "UPDATE a",
        "SELECT " + "(" * 100 + "1" + ")" * 100 + " AS a FROM 'a'",
    ],
)
def test_what_does_not_parse(sql: str) -> None:
    with pytest.raises(SqlError):
        parse(sql)


def test_payloads_that_are_no_json() -> None:
    message = _message(b"\xff\x00")
    assert selected(parse("SELECT * FROM '#'"), message) == b"\xff\x00"
    encoded = selected(parse("SELECT encode(*, 'base64') AS data FROM '#'"), message)
    assert json.loads(encoded) == {"data": "/wA="}
    with pytest.raises(NoJson):
        selected(parse("SELECT a FROM '#'"), message)
    with pytest.raises(NoJson):
        takes(parse("SELECT * FROM '#' WHERE a = 1"), message)
    assert selected(parse("SELECT *, 1 AS a FROM '#'"), _message([1])) == b"[1]"


def test_templates() -> None:
    message = _message()
    assert (
        substituted("a/${topic(4)}/${name}/${timestamp()}.json", message)
        == "a/pump-1/pump/1700000000123.json"
    )
    assert substituted("$$aws/things/${topic(4)}/shadow", message) == "$$aws/things/pump-1/shadow"
    assert substituted("${", message) == "${"
    for wrong in ("${missing}", "${topic(}", "${}"):
        with pytest.raises(SqlError):
            substituted(wrong, message)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$aws/a", False),
        ("+/a", "$aws/a", False),
        ("$aws/#", "$aws/a", True),
        ("+/+", "/a", True),
    ],
)
def test_filters(topic_filter: str, topic: str, expected: bool) -> None:
    assert is_filter(topic_filter)
    assert fits(topic_filter, topic) is expected


@pytest.mark.parametrize("wrong", ["", "a+/b", "a/+b", "#/a", "a#", "a/#/"])
def test_what_is_no_filter(wrong: str) -> None:
    assert not is_filter(wrong)


_WORDS = "SELECT * FROM WHERE AS AND OR NOT 'a/b' a b.c 1 2.5 'x' ( ) , + - / % = <> < topic() null [ ]"
_words = st.lists(st.sampled_from(_WORDS.split()), max_size=14).map(" ".join)


@given(st.text(max_size=60) | _words | _words.map(lambda it: _sql(it, "a/#")))
def test_any_text_is_a_statement_or_refused(sql: str) -> None:
    message = _message({"a": 1, "b": {"c": [1, "2"]}}, "a/b")
    with suppress(SqlError, NoJson):
        statement = parse(sql)
        takes(statement, message)
        json.loads(selected(statement, message))


@given(st.text(max_size=40))
def test_any_template_is_filled_or_refused(text: str) -> None:
    with suppress(SqlError):
        substituted(f"{text}${{{text}}}", _message())
