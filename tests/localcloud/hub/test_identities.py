"""Modules, IoT Edge devices, parents and children, bulk operations, quotas: the service API in memory."""

from typing import Any

import pytest

from localcloud.azure.hub.errors import HubError

from .conftest import HOST, KEY, SAS

EDGE = {"capabilities": {"iotEdge": True}}
NONE = {"type": "none"}


def test_a_module_has_an_identity_and_a_twin(hub: Any) -> None:
    hub.device("pump-1")
    path = "/devices/pump-1/modules/camera"
    made = hub.call("PUT", path, {"moduleId": "camera", "deviceId": "pump-1", "managedBy": "me"})
    assert (made.status, made.body["managedBy"], made.body["authentication"]["type"]) == (200, "me", "sas")
    assert hub.refusal("PUT", path, {}) == (409, "ModuleAlreadyExistsOnDevice")
    etag = {"if-match": made.headers["ETag"]}
    changed = hub.call("PUT", path, {"managedBy": "you"}, headers=etag).body
    assert (changed["managedBy"], changed["authentication"]) == ("you", made.body["authentication"])
    assert hub.refusal("DELETE", path, headers=etag) == (412, "PreconditionFailed")
    twin_path = "/twins/pump-1/modules/camera"
    twin = hub.call("PATCH", twin_path, {"tags": {"a": 1}, "properties": {"desired": {"b": 2}}}).body
    assert (twin["deviceId"], twin["moduleId"], twin["tags"]) == ("pump-1", "camera", {"a": 1})
    assert (twin["properties"]["desired"]["b"], "capabilities" in twin) == (2, False)
    assert [it["moduleId"] for it in hub.call("GET", "/devices/pump-1/modules").body] == ["camera"]
    query = {"query": "SELECT deviceId, moduleId FROM devices.modules WHERE tags.a = 1"}
    assert hub.call("POST", "/devices/query", query).body == [{"deviceId": "pump-1", "moduleId": "camera"}]
    assert hub.call("DELETE", path, headers={"if-match": "*"}).status == 204
    assert hub.refusal("GET", path) == (404, "ModuleNotFound")
    assert hub.refusal("GET", twin_path) == (404, "ModuleNotFound")
    assert hub.refusal("GET", "/devices/none/modules/camera") == (404, "DeviceNotFound")


def test_a_device_takes_its_modules_along(hub: Any) -> None:
    hub.device("pump-1")
    hub.registry.create_module(HOST, "pump-1", "camera", {})
    hub.registry.delete_device(HOST, "pump-1")
    assert [hub.store.list(kind) for kind in ("device", "twin", "module", "module-twin")] == [[], [], [], []]


def test_an_edge_device_has_a_scope_and_system_modules(hub: Any) -> None:
    device = hub.device("gateway", **EDGE)
    assert device["deviceScope"] == f"ms-azure-iot-edge://gateway-{device['generationId']}"
    modules = hub.registry.list_modules(HOST, "gateway")
    assert [(it["moduleId"], it["authentication"]["type"]) for it in modules] == [
        ("$edgeAgent", "none"),
        ("$edgeHub", "none"),
    ]
    for method, body in (("PUT", {}), ("DELETE", None)):
        refused = hub.refusal(
            method, "/devices/gateway/modules/$edgeHub", body, headers={"authorization": "Bearer x"}
        )
        assert refused == (401, "SystemModuleModifyUnauthorizedAccess")
    plain = hub.device("later")
    assert "deviceScope" not in plain
    changed = hub.registry.update_device(HOST, "later", EDGE)
    assert changed["deviceScope"].startswith("ms-azure-iot-edge://later-")
    assert len(hub.registry.list_modules(HOST, "later")) == 2


def test_the_runtime_gives_its_module_keys_with_the_devices_own_credential(hub: Any) -> None:
    hub.device("gateway", **EDGE)
    path = "/devices/gateway/modules/$edgeHub"
    own = {"authorization": hub.token("gateway"), "if-match": "*"}
    given = hub.call("PUT", path, {"authentication": SAS}, headers=own).body
    assert given["authentication"]["symmetricKey"]["primaryKey"] == KEY
    stranger = {"authorization": hub.token("pump-1"), "if-match": "*"}
    assert hub.refusal("PUT", path, {"authentication": SAS}, headers=stranger)[0] == 401
    assert hub.counters.value(f"{HOST}/refused/wrong-token-scope") == 1


def test_children_name_their_parent(hub: Any) -> None:
    top = hub.device("top", **EDGE)["deviceScope"]
    middle = hub.device("middle", **EDGE, parentScopes=[top])
    leaf = hub.device("leaf", deviceScope=middle["deviceScope"])
    assert (middle["parentScopes"], leaf["parentScopes"]) == ([top], [middle["deviceScope"]])
    assert hub.registry.get_twin(HOST, "leaf")["deviceScope"] == middle["deviceScope"]
    assert [it["deviceId"] for it in hub.registry.children(HOST, "top")] == ["middle"]
    assert [hub.registry.is_above(HOST, "top", it) for it in ("leaf", "middle", "top")] == [True, True, False]
    kept = hub.registry.update_device(HOST, "leaf", {"statusReason": "seen"})
    assert kept["parentScopes"] == [middle["deviceScope"]]
    freed = hub.registry.update_device(HOST, "leaf", {"parentScopes": []})
    assert ("parentScopes" in freed, "deviceScope" in freed) == (False, False)


def test_scopes_that_cannot_be(hub: Any) -> None:
    top = hub.device("top", **EDGE)["deviceScope"]
    middle = hub.device("middle", **EDGE, parentScopes=[top])["deviceScope"]
    hub.device("leaf")
    for device, body in (
        ("leaf", {"deviceScope": "ms-azure-iot-edge://none-1"}),
        ("leaf", {"deviceScope": f"{top}1"}),
        ("leaf", {"deviceScope": "nonsense"}),
        ("leaf", {"deviceScope": top, "parentScopes": [middle]}),
        ("leaf", {"parentScopes": [top, middle]}),
        ("top", {"parentScopes": [middle]}),
        ("top", {"parentScopes": [top]}),
        ("top", {"deviceScope": middle}),
    ):
        with pytest.raises(HubError) as error:
            hub.registry.update_device(HOST, device, body)
        assert (error.value.status, error.value.code) == (400, "InvalidDeviceScope"), body
    hub.registry.delete_device(HOST, "top")
    assert not hub.registry.is_above(HOST, "top", "middle")
    hub.device("top", **EDGE)
    assert not hub.registry.is_above(HOST, "top", "middle")  # another generation, another scope


def test_what_a_gateway_may_connect(hub: Any) -> None:
    top = hub.device("top", **EDGE)["deviceScope"]
    middle = hub.device("middle", **EDGE, parentScopes=[top])["deviceScope"]
    hub.device("leaf", deviceScope=middle)
    hub.device("stranger")
    hub.registry.update_module(HOST, "top", "$edgeHub", {"authentication": SAS})
    headers = {"authorization": hub.token("top/$edgeHub")}
    path = "/devices/top/modules/%24edgeHub/devicesAndModulesInDeviceScope"
    found = hub.call("GET", f"{path}?deviceCount=2", headers=headers).body
    assert [it["deviceId"] for it in found["devices"]] == ["leaf", "middle"]
    assert found["devices"][0]["authentication"]["symmetricKey"]["primaryKey"] == KEY
    assert [it["moduleId"] for it in found["modules"]] == ["$edgeAgent", "$edgeHub"]
    link = found["continuationLink"].partition("?")[2]
    last = hub.call("GET", f"{path}?{link}", headers=headers).body
    assert ([it["deviceId"] for it in last["devices"]], last["continuationLink"]) == (["top"], None)
    assert hub.refusal("GET", path, headers={"authorization": hub.token("top")})[0] == 401
    assert hub.refusal("GET", path, headers={"authorization": "Bearer service"})[0] == 401


def test_bulk_does_what_it_can(hub: Any) -> None:
    hub.device("there")
    hub.device("gone")
    items = [
        {"id": "new", "tags": {"line": "a"}, "properties": {"desired": {"b": 1}}, "authentication": SAS},
        {"id": "there", "importMode": "create"},
        {"id": "gone", "importMode": "delete"},
        {"id": "none", "importMode": "update", "status": "disabled"},
        {"id": "stale", "importMode": "updateIfMatchETag"},
        {"id": "bad", "bogus": 1, "status": "off"},
        "nonsense",
    ]
    answer = hub.call("POST", "/devices", items)
    assert (answer.status, answer.body["isSuccessful"]) == (400, False)
    errors = {it["deviceId"]: (it["errorCode"], it["operation"]) for it in answer.body["errors"]}
    assert errors == {
        "there": ("DeviceAlreadyExists", "create"),
        "none": ("DeviceNotFound", "update"),
        "stale": ("ArgumentInvalid", "updateIfMatchETag"),
        "bad": ("ArgumentInvalid", "create"),
        "": ("ArgumentInvalid", "create"),
    }
    twin = hub.registry.get_twin(HOST, "new")
    assert (twin["tags"], twin["properties"]["desired"]["b"]) == ({"line": "a"}, 1)
    assert [it["deviceId"] for it in hub.registry.list_devices(HOST)] == ["new", "there"]


def test_bulk_of_modules_and_twins_with_etags(hub: Any) -> None:
    device = hub.device("pump-1")
    twin = hub.registry.get_twin(HOST, "pump-1")
    items = [
        {"id": "pump-1", "moduleId": "camera", "tags": {"a": 1}},
        {"id": "pump-1", "importMode": "updateTwinIfMatchETag", "twinETag": twin["etag"], "tags": {"a": 2}},
    ]
    assert hub.call("POST", "/devices", items).body == {"isSuccessful": True, "errors": [], "warnings": []}
    assert hub.registry.get_twin(HOST, "pump-1/camera")["tags"] == {"a": 1}
    assert hub.registry.get_twin(HOST, "pump-1")["tags"] == {"a": 2}
    again = {**items[1], "tags": {"a": 3}}
    refused = hub.call("POST", "/devices", [again]).body["errors"]
    assert refused[0]["errorCode"] == "PreconditionFailed"
    gone = [{"id": "pump-1", "importMode": "deleteIfMatchETag", "eTag": device["etag"]}]
    assert hub.call("POST", "/devices", gone).status == 200


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], "ArgumentInvalid"),
        ({"id": "a"}, "ArgumentInvalid"),
        ([{"id": str(n)} for n in range(101)], "ArgumentInvalid"),
        ([{"id": "a"}, {"id": "a", "importMode": "delete"}], "DeviceDefinedMultipleTimes"),
    ],
)
def test_a_bulk_that_is_none(hub: Any, items: Any, code: str) -> None:
    assert hub.refusal("POST", "/devices", items) == (400, code)
    assert hub.registry.list_devices(HOST) == []


def test_a_free_hub_holds_500(hub: Any) -> None:
    hub.set_hub(sku={"name": "F1", "capacity": 1})
    for n in range(499):
        hub.device(f"pump-{n}")
    with pytest.raises(HubError) as full:
        hub.device("gateway", **EDGE)  # counts for three, with its modules
    assert (full.value.status, full.value.code) == (413, "TooManyDevices")
    hub.device("last")
    with pytest.raises(HubError):
        hub.registry.create_module(HOST, "last", "camera", {})
    hub.registry.delete_device(HOST, "last")
    hub.device("other")


def test_a_device_holds_50_modules(hub: Any) -> None:
    hub.device("pump-1")
    for n in range(50):
        hub.registry.create_module(HOST, "pump-1", f"m{n}", {"authentication": NONE})
    with pytest.raises(HubError) as full:
        hub.registry.create_module(HOST, "pump-1", "m50", {"authentication": NONE})
    assert (full.value.status, full.value.code) == (413, "TooManyModulesOnDevice")


def test_keys_are_kept_or_made_and_must_be_keys(hub: Any) -> None:
    hub.device("pump-1")
    kept = hub.registry.update_device(HOST, "pump-1", {"authentication": {"type": "sas"}})
    assert kept["authentication"]["symmetricKey"]["primaryKey"] == KEY
    for key in ("short", "bm90IGxvbmc=", "x" * 200):
        body = {"authentication": {"type": "sas", "symmetricKey": {"primaryKey": key}}}
        assert hub.refusal("PUT", "/devices/pump-2", body) == (400, "ArgumentInvalid")


def test_moving_to_another_hub_leaves_parents_and_configurations_behind(hub: Any) -> None:
    top = hub.device("top", **EDGE)["deviceScope"]
    hub.device("leaf", deviceScope=top)
    body = {"content": {"deviceContent": {"properties.desired.rate": 5}}, "targetCondition": "*"}
    hub.call("PUT", "/configurations/all", body)
    hub.registry.move_device(HOST, "hub-b.azure-devices.net", "leaf")
    moved = hub.registry.get_twin("hub-b.azure-devices.net", "leaf")
    assert moved["properties"]["desired"]["rate"] == 5
    assert ("configurations" in moved, "deviceScope" in moved) == (False, False)
