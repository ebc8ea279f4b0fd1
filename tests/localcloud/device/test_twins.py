"""Twin semantics: merge patches, versions, metadata, limits; and what the registry tells its listeners."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.hub import twins
from localcloud.azure.hub.errors import HubError

NOW = "2026-10-01T12:00:00.0000000Z"
HOST = "hub-a.azure-devices.net"
X509 = {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": "a" * 40}}

MERGES: list[tuple[Any, Any, Any]] = [  # RFC 7396, appendix A, as far as objects go
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": 1}, {"a": 1}, {"e": 1, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({"a": "b"}, {"a": {"x": 1, "y": None}}, {"a": {"x": 1}}),
    ({"a": {"x": 1}}, {}, {"a": {"x": 1}}),
]


@pytest.mark.parametrize(("old", "patch", "expected"), MERGES)
def test_merge_patch(old: Any, patch: Any, expected: Any) -> None:
    assert twins.merge(old, patch) == expected


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_objects = st.dictionaries(st.sampled_from("abc"), _values, max_size=3)


@given(_objects, _objects)
def test_merging_twice_changes_nothing_more(old: Any, patch: Any) -> None:
    once = twins.merge(old, patch)
    assert twins.merge(once, patch) == once
    assert twins.merge(once, {}) == once


def test_versions_and_metadata() -> None:
    twin = twins.new_twin("pump", {"tags": {"line": "a"}, "properties": {"desired": {"a": {"b": 1, "c": 2}}}})
    assert (twin["version"], twin["etag"]) == (1, "AAAAAAAAAAE=")
    assert twins.patch_twin(twin, {"tags": {"line": None}}, NOW) is None
    assert twin["properties"]["desired"]["$version"] == 1
    patch = {"properties": {"desired": {"a": {"b": 5, "c": None}, "$version": 9}}}
    heard = twins.patch_twin(twin, patch, NOW)
    desired = twin["properties"]["desired"]
    assert heard == {"a": {"b": 5, "c": None}}
    assert (desired["a"], desired["$version"], twin["tags"], twin["version"]) == ({"b": 5}, 2, {}, 3)
    metadata = desired["$metadata"]
    assert set(metadata) == {"$lastUpdated", "$lastUpdatedVersion", "a"}
    assert set(metadata["a"]) == {"$lastUpdated", "$lastUpdatedVersion", "b"}
    assert metadata["a"]["b"] == {"$lastUpdated": NOW, "$lastUpdatedVersion": 2}
    assert twins.patch_reported(twin, {"x": 1}, NOW) == 2
    assert "$lastUpdatedVersion" not in twin["properties"]["reported"]["$metadata"]["x"]
    assert twins.device_view(twin) == {
        "desired": {"a": {"b": 5}, "$version": 2},
        "reported": {"x": 1, "$version": 2},
    }


def test_replace_drops_what_is_not_named() -> None:
    twin = twins.new_twin("pump", {"tags": {"a": 1}, "properties": {"desired": {"a": 1, "b": 1}}})
    assert twins.replace_twin(twin, {"properties": {"desired": {"b": 2, "c": None}}}, NOW) == {"b": 2}
    assert (twin["tags"], twins.device_view(twin)["desired"]) == ({"a": 1}, {"b": 2, "$version": 2})
    assert set(twin["properties"]["desired"]["$metadata"]) == {"$lastUpdated", "$lastUpdatedVersion", "b"}


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ([], "must be a JSON object"),
        ({"a b": 1, "c.d": 1, "$e": 1, "": 1}, "'a b'"),
        ({"k" * 1025: 1}, "1 to 1024 bytes"),
        ({"a": "x" * 4097}, "reported.a is longer"),
        ({"a": 2**52}, "outside"),
        ({"a": float("inf")}, "not finite"),
        ({"a": "\ud800"}, "no valid Unicode"),
        ({"\ud800": 1}, "no valid Unicode"),
        (_nested(11), "nested deeper"),
        ({str(number): "x" * 4000 for number in range(9)}, "at most 32768"),
    ],
)
def test_what_is_refused_leaves_the_twin_alone(patch: Any, words: str) -> None:
    twin = twins.new_twin("pump")
    before = twins.device_view(twin)
    with pytest.raises(HubError) as error:
        twins.patch_reported(twin, patch, NOW)
    assert error.value.status == 400
    assert words.replace("reported.a is", "text at reported.a is") in error.value.message
    assert twins.device_view(twin) == before


def test_limits_hold() -> None:
    twin = twins.new_twin("pump")
    largest = {**_nested(10), "t": "x" * 4096, "n": -(2**52), "list": [1, {"a": 1}]}
    twins.patch_reported(twin, largest, NOW)
    with pytest.raises(HubError, match="tags is"):
        twins.patch_twin(twin, {"tags": {"a": "x" * 4000, "b": "x" * 4000, "c": "x" * 300}}, NOW)


def test_listeners_hear_of_desired_and_removal(world: Any) -> None:
    heard: list[Any] = []
    world.hubs.on_desired.append(lambda *told: heard.append(told))
    world.hubs.on_removed.append(lambda *told: heard.append(told))
    world.hubs.create_device(HOST, {"deviceId": "pump", "authentication": X509})
    etag = world.hubs.patch_twin(HOST, "pump", {"properties": {"desired": {"a": 1}}})["etag"]
    world.hubs.replace_twin(HOST, "pump", {"properties": {"desired": {"b": 1}}}, f'"{etag}"')
    with pytest.raises(HubError) as stale:
        world.hubs.patch_twin(HOST, "pump", {"tags": {}}, etag)
    assert stale.value.status == 412
    world.hubs.update_device(HOST, "pump", {"statusReason": "checked"})
    world.hubs.update_device(HOST, "pump", {"status": "disabled"})
    world.hubs.delete_device(HOST, "pump")
    desired = [(HOST, "pump", {"a": 1}, 2), (HOST, "pump", {"b": 1}, 3)]
    assert heard == [*desired, (HOST, "pump"), (HOST, "pump")]


def test_devices_and_their_faults(world: Any) -> None:
    device = world.hubs.create_device(HOST, {"deviceId": "pump", "authentication": X509})
    assert device["authentication"]["x509Thumbprint"]["primaryThumbprint"] == "A" * 40
    assert device["authentication"]["symmetricKey"] == {"primaryKey": None, "secondaryKey": None}
    by_key = world.hubs.create_device(HOST, {"deviceId": "by-key"})["authentication"]
    assert (by_key["type"], len(by_key["symmetricKey"]["primaryKey"])) == ("sas", 44)
    for status, body in (
        (409, {"deviceId": "pump", "authentication": X509}),
        (400, {"deviceId": "a/b"}),
        (400, {"deviceId": 3}),
        (400, {"deviceId": "x", "status": "off"}),
        (400, {"deviceId": "x", "authentication": {"type": "tpm"}}),
        (400, {"deviceId": "x", "authentication": {"type": "selfSigned"}}),
        (400, {"deviceId": "x", "authentication": {"x509Thumbprint": {"primaryThumbprint": "abc"}}}),
    ):
        with pytest.raises(HubError) as error:
            world.hubs.create_device(HOST, body)
        assert error.value.status == status, body
    assert [it["deviceId"] for it in world.hubs.list_devices(HOST)] == ["by-key", "pump"]
    assert len(world.hubs.list_devices(HOST, top=1)) == 1


def test_connection_state_is_of_this_process(world: Any) -> None:
    world.hubs.create_device(HOST, {"deviceId": "pump", "authentication": X509})
    world.hubs.set_connection_state(HOST, "pump", True)
    assert world.hubs.get_twin(HOST, "pump")["connectionState"] == "Connected"
    assert world.store.get("device", f"{HOST}/pump")["connectionState"] == "Disconnected"
    world.hubs.set_connection_state(HOST, "pump", False)
    device = world.hubs.get_device(HOST, "pump")
    assert device["connectionState"] == "Disconnected"
    assert device["lastActivityTime"] > "2020"
    world.hubs.set_connection_state(HOST, "gone", False)
