"""Whatever a client sends, it gets an answer in the published shape."""

from contextlib import closing
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.store import Store

from .conftest import HOST, Hub

_WORDS = """deviceId moduleId id importMode eTag twinETag status statusReason authentication type
symmetricKey primaryKey x509Thumbprint primaryThumbprint capabilities iotEdge deviceScope parentScopes tags
properties desired reported content deviceContent moduleContent modulesContent $edgeAgent properties.desired
properties.desired.a.b modules targetCondition priority metrics queries labels methodName payload query body
bodyBase64 ack blobName expiryTimeUtc correlationId isSuccess customMetricQueries managedBy"""
_VALUES = """pump-1 camera slow other sas selfSigned certificateAuthority enabled create updateTwin delete *
tags.a=1 from devices.modules ms-azure-iot-edge://pump-1-1 2026-10-01T00:00:00 QUFB full"""
_NAMES = st.sampled_from(_WORDS.split())
_TEXTS = st.sampled_from(_VALUES.split())
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | _TEXTS
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=15,
)
_CALLS = st.sampled_from(
    [
        ("PUT", "/devices/pump-1"),
        ("PUT", "/devices/pump-2"),
        ("POST", "/devices"),
        ("PUT", "/devices/pump-1/modules/camera"),
        ("PUT", "/devices/pump-1/modules/other"),
        ("PATCH", "/twins/pump-1"),
        ("PUT", "/twins/pump-1"),
        ("PATCH", "/twins/pump-1/modules/camera"),
        ("POST", "/devices/query"),
        ("PUT", "/configurations/slow"),
        ("PUT", "/configurations/fast"),
        ("POST", "/configurations/testQueries"),
        ("POST", "/devices/pump-1/applyConfigurationContent"),
        ("POST", "/_local/devices/pump-1/messages/devicebound"),
        ("POST", "/devices/pump-1/files"),
        ("POST", "/devices/pump-1/files/notifications"),
    ]
)
_HEADERS = st.dictionaries(
    st.sampled_from(["if-match", "x-ms-continuation", "x-ms-max-item-count", "authorization"]),
    st.sampled_from(["*", '"*"', "AAAAAAAAAAE=", "x", "", "3", "SharedAccessSignature sr=a&sig=b&se=1"]),
)


_KEYS = {"type": "sas", "symmetricKey": {"primaryKey": "a" * 32, "secondaryKey": None}}
_EDGE = {"$edgeAgent": {"properties.desired": {"modules": {"one": {}}}}, "one": {"properties.desired.a": 1}}
_SOUND: list[tuple[str, str, Any]] = [
    (
        "PUT",
        "/devices/pump-2",
        {
            "deviceId": "pump-2",
            "status": "enabled",
            "authentication": _KEYS,
            "capabilities": {"iotEdge": True},
            "deviceScope": None,
            "parentScopes": ["ms-azure-iot-edge://pump-1-1"],
        },
    ),
    ("PUT", "/devices/pump-1/modules/other", {"managedBy": "me", "authentication": _KEYS}),
    ("PATCH", "/twins/pump-1", {"tags": {"a": {"b": 1}}, "properties": {"desired": {"c": [1, {"d": None}]}}}),
    ("PUT", "/twins/pump-1/modules/camera", {"tags": {"a": 1}, "properties": {"desired": {"b": {"c": 1}}}}),
    (
        "POST",
        "/devices",
        [
            {"id": "a", "importMode": "create", "tags": {"x": 1}, "properties": {"desired": {"y": 1}}},
            {"id": "pump-1", "moduleId": "camera", "importMode": "updateTwin", "tags": {"z": 1}},
        ],
    ),
    (
        "PUT",
        "/configurations/fast",
        {
            "content": {"deviceContent": {"properties.desired.a": {"b": [1, {"c": 2}]}}},
            "targetCondition": "tags.a.b = 1 or is_defined(tags.x)",
            "priority": 3,
            "labels": {"a": "b"},
            "metrics": {"queries": {"all": "SELECT deviceId FROM devices"}},
        },
    ),
    ("PUT", "/configurations/edge", {"content": {"modulesContent": _EDGE}, "targetCondition": "*"}),
    ("POST", "/devices/pump-1/applyConfigurationContent", {"modulesContent": _EDGE}),
    ("POST", "/devices/query", {"query": "SELECT tags.a AS a, COUNT() AS n FROM devices GROUP BY tags.a"}),
    ("POST", "/configurations/testQueries", {"targetCondition": "*", "customMetricQueries": {"a": "SELECT"}}),
    (
        "POST",
        "/_local/devices/pump-1/messages/devicebound",
        {"body": "x", "messageId": "m", "ack": "full", "properties": {"a": "b"}},
    ),
]


def _changed(value: Any, path: list[int], leaf: Any) -> Any:
    """`value` with something in it replaced; `path` chooses what."""
    if not path or not isinstance(value, dict | list) or not value:
        return leaf
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    inner = _changed(value[key], path[1:], leaf)
    if isinstance(value, dict):
        return {**value, key: inner}
    return [inner if n == key else it for n, it in enumerate(value)]


def _hub(store: Store) -> Hub:
    hub = Hub(store)
    edge = hub.device("pump-1", capabilities={"iotEdge": True})
    assert edge["deviceScope"]
    hub.registry.create_module(HOST, "pump-1", "camera", {})
    content = {"deviceContent": {"properties.desired.rate": 5}}
    hub.call("PUT", "/configurations/slow", {"content": content, "targetCondition": "*"})
    return hub


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(_CALLS, _JSON, _HEADERS), min_size=1, max_size=4))
def test_any_body_is_taken_or_refused(calls: list[Any]) -> None:
    with closing(Store(":memory:")) as store:
        hub = _hub(store)
        for (method, path), body, headers in calls:
            answer = hub.call(method, path, body, headers=headers)
            assert answer.status in (200, 201, 204, 400, 401, 403, 404, 409, 412, 413)
            refused = answer.status >= 400 and "isSuccessful" not in answer.body
            assert refused == ("iothub-errorcode" in answer.headers)
        assert hub.call("GET", "/configurations").status == 200
        assert hub.call("POST", "/devices/query", {"query": "SELECT * FROM devices"}).status == 200


_CHANGES = st.tuples(st.sampled_from(_SOUND), st.lists(st.integers(0, 6), max_size=6), _JSON)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_CHANGES, min_size=1, max_size=4))
def test_a_sound_body_with_something_wrong_in_it(changes: list[Any]) -> None:
    with closing(Store(":memory:")) as store:
        hub = _hub(store)
        for (method, path, body), place, leaf in changes:
            hub.call(method, path, _changed(body, place, leaf))
            assert hub.call(method, path, body).status in (200, 201, 204, 400, 409)
        assert hub.call("GET", "/configurations").status == 200
