"""Documents by table, and laws that hold for any update."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iot import shadow_documents as documents
from localcloud.aws.iot.shadow_documents import Shadow, ShadowError, Update, read_update, updated
from localcloud.aws.iot.shadows import Shadows
from localcloud.aws.place import Place
from localcloud.clock import Clock
from localcloud.store import Store


def _after(*states: dict[str, Any]) -> Shadow:
    shadow = Shadow.absent()
    for number, state in enumerate(states, 1):
        shadow = updated(shadow, Update(state), number)
    return shadow


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([{"desired": {"a": 1}}], {"desired": {"a": 1}}),
        ([{"desired": {"a": 1}}, {"desired": {"b": 2}}], {"desired": {"a": 1, "b": 2}}),
        ([{"desired": {"a": 1, "b": 2}}, {"desired": {"a": None}}], {"desired": {"b": 2}}),
        ([{"desired": {"a": 1}}, {"desired": {"a": None}}], {}),
        ([{"desired": {"a": 1}, "reported": {"a": 2}}, {"desired": None}], {"reported": {"a": 2}}),
        ([{"desired": {"a": {"b": 1}}}, {"desired": {"a": {"c": 2}}}], {"desired": {"a": {"b": 1, "c": 2}}}),
        ([{"desired": {"a": [1, 2]}}, {"desired": {"a": [3]}}], {"desired": {"a": [3]}}),
        ([{"desired": {"a": 1}}, {"desired": {"a": {"b": 1}}}], {"desired": {"a": {"b": 1}}}),
    ],
)
def test_merging(states: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    shadow = _after(*states)
    assert (shadow.state, shadow.version) == (expected, len(states))


@pytest.mark.parametrize(
    ("desired", "reported", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": 1}, {"a": 1}),
        ({"a": True}, {"a": 1}, {"a": True}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": 2}}),
        ({"a": [1]}, {"a": [2]}, {"a": [1]}),
        ({}, {"a": 1}, {}),
    ],
)
def test_delta(desired: dict[str, Any], reported: dict[str, Any], expected: dict[str, Any]) -> None:
    found, metadata = documents.delta(_after({"desired": desired, "reported": reported}))
    assert found == expected
    assert set(metadata) == set(found)


def test_metadata_tell_when_each_value_was_set() -> None:
    shadow = _after({"reported": {"a": 1, "b": {"c": 1}}}, {"reported": {"b": {"c": 2, "d": [1]}}})
    assert shadow.metadata == {
        "reported": {
            "a": {"timestamp": 1},
            "b": {"c": {"timestamp": 2}, "d": [{"timestamp": 2}]},
        }
    }


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        (b"", 400, "Missing required node: state"),
        (b"{", 400, "Invalid JSON"),
        (b"[]", 400, "Invalid JSON"),
        (b'{"state": {"desired": {"a": NaN}}}', 400, "Invalid JSON"),
        (b"\xff", 415, "Unsupported documented encoding; supported encoding is UTF-8"),
        (b"{}", 400, "Missing required node: state"),
        (b'{"state": 1}', 400, "State node must be an object"),
        (b'{"state": {"desired": 1}}', 400, "Desired node must be an object"),
        (b'{"state": {"reported": []}}', 400, "Reported node must be an object"),
        (b'{"state": {"wanted": {}}}', 400, "State contains an invalid node"),
        (b'{"state": {}, "version": "1"}', 400, "Invalid version"),
        (b'{"state": {}, "version": true}', 400, "Invalid version"),
        (b'{"state": {}, "clientToken": 1}', 400, "Invalid clientToken"),
        (json.dumps({"state": {}, "clientToken": "x" * 65}).encode(), 400, "Invalid clientToken"),
        (
            b'{"state": {"desired": {"a":{"b":{"c":{"d":{"e":{"f":{}}}}}}}}}',
            400,
            "JSON contains too many levels of nesting; maximum is 6",
        ),
    ],
)
def test_requests_that_are_refused(payload: bytes, code: int, words: str) -> None:
    with pytest.raises(ShadowError) as caught:
        read_update(payload)
    assert (caught.value.code, caught.value.message) == (code, words)


def test_conflict_and_size() -> None:
    shadow = _after({"desired": {"a": 1}})
    with pytest.raises(ShadowError, match="Version conflict"):
        updated(shadow, Update({}, 7), 2)
    assert updated(shadow, Update({}, 1), 2).version == 2
    with pytest.raises(ShadowError, match="maximum size"):
        updated(shadow, Update({"reported": {"b": "x" * 8192}}), 2)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)
_states = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        documents.SECTIONS, st.none() | st.dictionaries(st.sampled_from("abc"), _values, max_size=3)
    ),
)


@given(st.lists(_states, max_size=4))
def test_no_delta_is_left_when_all_that_is_desired_is_reported(states: list[dict[str, Any]]) -> None:
    shadow = _after(*states)
    desired = shadow.state.get("desired", {})
    after = updated(shadow, Update({"reported": None}), 9)
    after = updated(after, Update({"reported": desired}), 9)
    assert documents.delta(after) == ({}, {})
    assert documents.document(after)["version"] == len(states) + 2


@given(st.binary(max_size=80) | _values.map(lambda it: json.dumps({"state": it}).encode()))
def test_any_payload_is_an_update_or_refused(payload: bytes) -> None:
    with suppress(ShadowError):
        updated(Shadow.absent(), read_update(payload), 1)


class _Things:
    def get(self, name: str) -> str | None:
        return name if name.startswith("pump") else None


@pytest.fixture
def shadows(store: Store) -> Shadows:
    return Shadows(Place(store, Clock()), _Things())


def test_what_the_service_tells(shadows: Shadows) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    shadows.announce.append(lambda where, payload: told.append((where, json.loads(payload))))
    answer = shadows.change("pump-1", None, Update({"desired": {"interval": 60}}, None, "t-1"))
    assert answer["state"] == {"desired": {"interval": 60}}
    assert (answer["version"], answer["clientToken"]) == (1, "t-1")
    (delta, first), (changes, second) = told
    assert delta == "$aws/things/pump-1/shadow/update/delta"
    assert (first["state"], first["version"], first["clientToken"]) == ({"interval": 60}, 1, "t-1")
    assert changes == "$aws/things/pump-1/shadow/update/documents"
    assert (second["previous"]["version"], second["current"]["version"]) == (0, 1)
    told.clear()
    shadows.update("pump-1", None, {"reported": {"interval": 60}})
    assert [where for where, _ in told] == [changes]
    assert shadows.get("pump-1")["state"] == {"desired": {"interval": 60}, "reported": {"interval": 60}}


def test_named_shadows_and_deletion(shadows: Shadows) -> None:
    shadows.update("pump-1", "config", {"desired": {"a": 1}})
    shadows.update("pump-1", None, {"desired": {"b": 1}})
    shadows.update("pump-10", "other", {"desired": {"c": 1}})
    assert shadows.names("pump-1") == ["config"]
    assert shadows.delete("pump-1", "config")["version"] == 1
    assert shadows.names("pump-1") == []
    with pytest.raises(ShadowError, match="No shadow exists with name: 'config'"):
        shadows.get("pump-1", "config")
    assert shadows.update("pump-1", "config", {"desired": {"a": 2}})["version"] == 2
    shadows.forget("pump-1")
    with pytest.raises(ShadowError, match="No shadow exists with name: 'pump-1'"):
        shadows.get("pump-1")
    assert shadows.names("pump-10") == ["other"]
    with pytest.raises(ShadowError, match="Thing not found"):
        shadows.get("valve-1")
    with pytest.raises(ShadowError, match="Invalid shadow name"):
        shadows.get("pump-1", "a/b")
