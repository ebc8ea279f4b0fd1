"""Decisions by table, the form of documents, and any input."""

import string
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.policy import MalformedPolicy, Request, allows, check, decide, matches

_IOT = "arn:aws:iot:eu-west-1:111122223333"
_THING = {
    "iot:ClientId": "pump-1",
    "iot:Connection.Thing.ThingName": "pump-1",
    "iot:Connection.Thing.IsAttached": "true",
    "iot:Connection.Thing.ThingTypeName": "fleet-pumps",
    "iot:Connection.Thing.Attributes[line]": "a",
    "iot:Certificate.Subject.CommonName": "pump-1",
    "aws:SourceIp": "10.1.2.3",
    "aws:CurrentTime": "2026-06-01T00:00:00Z",
}


def _document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return check({"Version": version, "Statement": list(statements)})


def _allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


_OWN = f"{_IOT}:topic/dt/fleet/pumps/${{iot:Connection.Thing.ThingName}}/*"
_ROWS: list[tuple[dict[str, Any], str, str, bool]] = [
    (_allow("iot:Publish", _OWN), "iot:Publish", "topic/dt/fleet/pumps/pump-1/telemetry", True),
    (_allow("iot:Publish", _OWN), "iot:Publish", "topic/dt/fleet/pumps/pump-2/telemetry", False),
    (_allow("iot:Publish", _OWN), "iot:Subscribe", "topic/dt/fleet/pumps/pump-1/telemetry", False),
    (_allow("IOT:publish", _OWN), "iot:Publish", "topic/dt/fleet/pumps/pump-1/telemetry", True),
    (_allow("iot:*", f"{_IOT}:topic/a?c"), "iot:Publish", "topic/abc", True),
    (_allow("iot:*", f"{_IOT}:topic/a?c"), "iot:Publish", "topic/ac", False),
    (_allow("iot:Subscribe", f"{_IOT}:topicfilter/a/+"), "iot:Subscribe", "topicfilter/a/+", True),
    (_allow("iot:Subscribe", f"{_IOT}:topicfilter/a/+"), "iot:Subscribe", "topicfilter/a/b", False),
    (_allow("iot:Subscribe", f"{_IOT}:topicfilter/a/*"), "iot:Subscribe", "topicfilter/a/#", True),
    (_allow("iot:Publish", f"{_IOT}:topic/${{iot:NoSuch}}"), "iot:Publish", "topic/", False),
    (_allow("iot:Publish", f"{_IOT}:topic/${{iot:NoSuch, 'x'}}"), "iot:Publish", "topic/x", True),
    (_allow("iot:Publish", f"{_IOT}:topic/${{*}}"), "iot:Publish", "topic/*", True),
    (_allow("iot:Publish", f"{_IOT}:topic/${{*}}"), "iot:Publish", "topic/a", False),
    (
        _allow("iot:Publish", f"{_IOT}:topic/${{iot:Connection.Thing.Attributes[line]}}"),
        "iot:Publish",
        "topic/a",
        True,
    ),
    (
        _allow("iot:Publish", f"{_IOT}:topic/${{iot:Connection.Thing.Attributes[Line]}}"),
        "iot:Publish",
        "topic/a",
        False,
    ),
    (
        {"Effect": "Allow", "NotAction": "iot:Connect", "Resource": "*"},
        "iot:Publish",
        "topic/a",
        True,
    ),
    ({"Effect": "Allow", "NotAction": "iot:Connect", "Resource": "*"}, "iot:Connect", "client/a", False),
    (
        {"Effect": "Allow", "Action": "iot:Publish", "NotResource": f"{_IOT}:topic/a"},
        "iot:Publish",
        "topic/a",
        False,
    ),
    (
        {"Effect": "Allow", "Action": "iot:Publish", "NotResource": f"{_IOT}:topic/a"},
        "iot:Publish",
        "topic/b",
        True,
    ),
    (
        {"Effect": "Allow", "Action": "iot:Publish", "NotResource": f"{_IOT}:topic/${{iot:NoSuch}}"},
        "iot:Publish",
        "topic/b",
        False,
    ),
]


@pytest.mark.parametrize(("statement", "action", "resource", "expected"), _ROWS)
def test_statements(statement: dict[str, Any], action: str, resource: str, expected: bool) -> None:
    asked = Request(action, f"{_IOT}:{resource}", _THING)
    assert allows([_document(statement)], asked) is expected


_CONDITIONS: list[tuple[str, str, Any, bool]] = [
    ("Bool", "iot:Connection.Thing.IsAttached", ["true"], True),
    ("Bool", "iot:Connection.Thing.IsAttached", "false", False),
    ("Bool", "iot:NoSuch", "true", False),
    ("BoolIfExists", "iot:NoSuch", "true", True),
    ("StringEquals", "iot:ClientId", ["x", "pump-1"], True),
    ("StringEquals", "IOT:CLIENTID", "pump-1", True),
    ("StringEquals", "iot:ClientId", "pump-*", False),
    ("StringEquals", "iot:ClientId", "${iot:Connection.Thing.ThingName}", True),
    ("StringLike", "iot:ClientId", "pump-*", True),
    ("StringLike", "iot:ClientId", "Pump-*", False),
    ("StringNotEquals", "iot:ClientId", "pump-1", False),
    ("StringNotEquals", "iot:ClientId", ["a", "b"], True),
    ("StringNotEquals", "iot:NoSuch", "pump-1", True),
    ("StringNotLike", "iot:ClientId", "pump-*", False),
    ("StringEqualsIgnoreCase", "iot:ClientId", "PUMP-1", True),
    ("IpAddress", "aws:SourceIp", "10.1.0.0/16", True),
    ("IpAddress", "aws:SourceIp", ["10.2.0.0/16", "2001:db8::/32"], False),
    ("NotIpAddress", "aws:SourceIp", "10.1.0.0/16", False),
    ("DateLessThan", "aws:CurrentTime", "2026-06-01T00:00:01Z", True),
    ("DateGreaterThanEquals", "aws:CurrentTime", "2026-06-01T00:00:01Z", False),
    ("DateLessThan", "aws:CurrentTime", "no date", False),
    ("NumericLessThanEquals", "muster:count", "5", True),
    ("NumericGreaterThan", "muster:count", 5, False),
    ("NumericNotEquals", "muster:count", "5", False),
    ("Null", "iot:NoSuch", "true", True),
    ("Null", "iot:ClientId", "true", False),
    ("ForAnyValue:StringEquals", "muster:many", "b", True),
    ("ForAllValues:StringEquals", "muster:many", ["a", "b", "c"], True),
    ("ForAllValues:StringEquals", "muster:many", ["a"], False),
    ("ForAllValues:StringEquals", "iot:NoSuch", ["a"], True),
    ("ForAnyValue:StringEquals", "iot:NoSuch", ["a"], False),
]


@pytest.mark.parametrize(("operator", "key", "values", "expected"), _CONDITIONS)
def test_conditions(operator: str, key: str, values: Any, expected: bool) -> None:
    document = _document(_allow("iot:Connect", Condition={operator: {key: values}}))
    context = {**_THING, "muster:count": "5", "muster:many": ["a", "b"]}
    assert allows([document], Request("iot:Connect", "x", context)) is expected


def test_a_deny_wins_wherever_it_stands() -> None:
    deny = {"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}
    first, second = _document(deny), _document(_allow("iot:*"))
    asked = Request("iot:Publish", "topic")
    assert decide([first, second], asked) == decide([second, first], asked) == "explicitDeny"
    assert decide([second], asked) == "allowed"
    assert decide([], asked) == "implicitDeny"


def test_the_old_version_has_no_variables() -> None:
    statement = _allow("iot:Publish", "topic/${iot:ClientId}")
    old = _document(statement, version="2008-10-17")
    assert not allows([old], Request("iot:Publish", "topic/pump-1", _THING))
    assert allows([old], Request("iot:Publish", "topic/${iot:ClientId}", _THING))


def test_a_wildcard_in_a_value_is_no_wildcard() -> None:
    document = _document(_allow("iot:Publish", "topic/${iot:ClientId}"))
    assert not allows([document], Request("iot:Publish", "topic/pump-1", {"iot:ClientId": "*"}))


def test_trust_policies_name_principals() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["iot.amazonaws.com", "lambda.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    trust = check({"Version": "2012-10-17", "Statement": statement}, trust=True)
    for service, expected in (("iot.amazonaws.com", True), ("ec2.amazonaws.com", False)):
        asked = Request("sts:AssumeRole", "role", principal=("Service", service))
        assert allows([trust], asked) is expected


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"Version": "2012-10-17"},
        {"Version": "2026-01-01", "Statement": _allow("a")},
        {"Version": "2012-10-17", "Statement": []},
        {"Version": "2012-10-17", "Statement": ["a"]},
        {"Version": "2012-10-17", "Statement": {**_allow("a"), "Effect": "allow"}},
        {"Version": "2012-10-17", "Statement": {**_allow("a"), "NotAction": "b"}},
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "a"}},
        {"Version": "2012-10-17", "Statement": {**_allow("a"), "Principal": "*"}},
        {"Version": "2012-10-17", "Statement": _allow("a"), "More": 1},
        {"Version": "2012-10-17", "Statement": {**_allow("a"), "Resources": "b"}},
        {"Version": "2012-10-17", "Statement": _allow("a", Condition={"StringIs": {"a": "b"}})},
        {"Version": "2012-10-17", "Statement": _allow("a", Condition={"NullIfExists": {"a": "true"}})},
        {"Version": "2012-10-17", "Statement": _allow("a", Condition={"Bool": {"a": None}})},
        {"Version": "2012-10-17", "Statement": _allow([])},
    ],
)
def test_what_is_no_policy(document: Any) -> None:
    with pytest.raises(MalformedPolicy):
        check(document)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
_operators = st.sampled_from(
    ["Bool", "StringLike", "IpAddress", "DateEquals", "NumericLessThan", "Null", "x"]
)
_statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny", "?"])},
    optional={
        "Action": _json,
        "NotAction": st.text(max_size=5),
        "Resource": st.text(max_size=20) | _json,
        "Condition": st.dictionaries(_operators, st.dictionaries(st.text(max_size=9), _json, max_size=2)),
    },
)


@given(_json | st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": _statements}))
def test_any_document_is_decided_or_malformed(document: Any) -> None:
    with suppress(MalformedPolicy):
        decide([check(document)], Request("iot:Publish", "topic/a", _THING))


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_text_matches_itself_and_a_star_everything(text: str, other: str) -> None:
    plain = text.replace("*", "").replace("?", "")
    assert matches(plain, plain)
    assert matches("*", text)
    assert matches(f"{plain}*", plain + other)
