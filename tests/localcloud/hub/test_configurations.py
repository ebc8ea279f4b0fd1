"""Configurations on twins: targeting, priority, retargeting, metrics, Edge deployments, and each refusal."""

from typing import Any

import pytest

from localcloud.azure.hub.registry import HubRegistry

from .conftest import HOST


def _config(**changes: Any) -> dict[str, Any]:
    body = {
        "content": {"deviceContent": {"properties.desired.rate": 5}},
        "targetCondition": "tags.line = 'a'",
        "priority": 10,
    }
    return {**body, **changes}


def _put(hub: Any, name: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return hub.call("PUT", f"/configurations/{name}", body or _config(), headers=headers)


def _desired(hub: Any, subject: str = "pump-1") -> dict[str, Any]:
    desired = hub.registry.device_view(HOST, subject)["desired"]
    return {key: value for key, value in desired.items() if key != "$version"}


def _tag(hub: Any, line: str | None, device: str = "pump-1") -> None:
    hub.registry.patch_twin(HOST, device, {"tags": {"line": line}})


def _metrics(hub: Any, name: str) -> dict[str, int]:
    found: dict[str, int] = hub.call("GET", f"/configurations/{name}").body["systemMetrics"]["results"]
    return found


def test_applied_when_a_twin_comes_into_scope_and_taken_away_when_it_leaves(hub: Any) -> None:
    hub.device("pump-1")
    hub.registry.patch_twin(HOST, "pump-1", {"properties": {"desired": {"own": 1}}})
    assert _put(hub, "slow").status == 200
    assert (_desired(hub), _metrics(hub, "slow")) == ({"own": 1}, {"targetedCount": 0, "appliedCount": 0})
    _tag(hub, "a")
    assert _desired(hub) == {"own": 1, "rate": 5}
    twin = hub.registry.get_twin(HOST, "pump-1")
    assert (twin["configurations"], "managed" in twin) == ({"slow": {"status": "Applied"}}, False)
    assert _metrics(hub, "slow") == {"targetedCount": 1, "appliedCount": 1}
    _tag(hub, None)
    assert (_desired(hub), "configurations" in hub.registry.get_twin(HOST, "pump-1")) == ({"own": 1}, False)


def test_new_devices_and_reported_properties_count(hub: Any) -> None:
    _put(hub, "slow", _config(targetCondition="properties.reported.model = 'x' or deviceId = 'pump-2'"))
    hub.device("pump-1")
    hub.device("pump-2")
    assert (_desired(hub, "pump-1"), _desired(hub, "pump-2")) == ({}, {"rate": 5})
    hub.registry.patch_reported(HOST, "pump-1", {"model": "x"})
    assert _desired(hub, "pump-1") == {"rate": 5}


def test_a_device_hears_only_of_what_changes(hub: Any) -> None:
    heard: list[Any] = []
    hub.device("pump-1")
    hub.registry.on_desired.append(lambda *told: heard.append(told[1:]))
    _put(hub, "slow")
    _tag(hub, "a")
    hub.registry.patch_twin(HOST, "pump-1", {"tags": {"more": 1}})
    _put(hub, "again", _config(priority=5))
    assert heard == [("pump-1", {"rate": 5}, 2)]


def test_highest_priority_wins_and_the_next_takes_over(hub: Any) -> None:
    hub.device("pump-1")
    _tag(hub, "a")
    for name, priority, rate in (("low", 1, 1), ("high", 9, 9), ("older", 5, 5), ("younger", 5, 6)):
        content = {"deviceContent": {"properties.desired.rate": rate, f"properties.desired.{name}": True}}
        _put(hub, name, _config(priority=priority, content=content))
    everything = {"low": True, "high": True, "older": True, "younger": True}
    assert _desired(hub) == {"rate": 9, **everything}
    assert hub.call("DELETE", "/configurations/high").status == 204
    assert _desired(hub) == {"rate": 6, "low": True, "older": True, "younger": True}
    _put(hub, "shadowed", _config(priority=2))
    assert _metrics(hub, "shadowed") == {"targetedCount": 1, "appliedCount": 0}
    for name in ("low", "older", "younger", "shadowed"):
        hub.call("DELETE", f"/configurations/{name}")
    assert _desired(hub) == {}


def test_condition_and_priority_change_content_does_not(hub: Any) -> None:
    hub.device("pump-1")
    _tag(hub, "a")
    made = _put(hub, "slow").body
    assert hub.refusal("PUT", "/configurations/slow", _config()) == (409, "ConfigurationAlreadyExists")
    unquoted = {"if-match": made["etag"]}
    assert hub.refusal("PUT", "/configurations/slow", _config(), headers=unquoted)[0] == 409
    quoted = {"if-match": f'"{made["etag"]}"'}
    other = _config(content={"deviceContent": {"properties.desired.rate": 6}})
    assert hub.refusal("PUT", "/configurations/slow", other, headers=quoted) == (
        400,
        "CannotModifyImmutableConfigurationContent",
    )
    changed = hub.call(
        "PUT",
        "/configurations/slow",
        _config(targetCondition="*", priority=3, labels={"a": "b"}),
        headers=quoted,
    ).body
    assert (changed["priority"], changed["createdTimeUtc"]) == (3, made["createdTimeUtc"])
    assert changed["systemMetrics"]["queries"]["targetedCount"] == "select deviceId from devices"
    stale = hub.refusal("PUT", "/configurations/slow", _config(), headers=quoted)
    assert stale == (412, "PreconditionFailed")
    assert hub.refusal("DELETE", "/configurations/slow", headers=quoted) == (412, "PreconditionFailed")
    assert hub.refusal("PUT", "/configurations/none", _config(), headers={"if-match": "*"})[0] == 412
    assert [it["id"] for it in hub.call("GET", "/configurations").body] == ["slow"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            {"targetCondition": "tags.line ="},
            "InvalidConfigurationTargetCondition",
            "not the end, at character 12",
        ),
        (
            {"targetCondition": "from devices.modules where 1 = 1"},
            "InvalidConfigurationTargetCondition",
            "is about",
        ),
        ({"content": {}}, "InvalidConfigurationContent", "must have one of"),
        ({"content": {"deviceContent": {}}}, "InvalidConfigurationContent", "is empty"),
        ({"content": {"deviceContent": {"tags.a": 1}}}, "InvalidConfigurationContent", "'tags.a' must be"),
        (
            {"content": {"deviceContent": {"properties.desired.a b": 1}}},
            "InvalidConfigurationContent",
            "key 'a b' in desired",
        ),
        (
            {"content": {"deviceContent": {"properties.desired": 1}}},
            "InvalidConfigurationContent",
            "must be an object",
        ),
        (
            {"content": {"deviceContent": {"properties.desired.a": ["x" * 4000] * 9}}},
            "InvalidConfigurationContent",
            "at most 32768",
        ),
        (
            {"metrics": {"queries": {"bad": "SELECT"}}},
            "InvalidConfigurationCustomMetricsQuery",
            "metrics.queries.bad: a property is expected",
        ),
        ({"priority": -1, "bogus": 1, "labels": 3}, "ArgumentInvalid", "priority: must be at least 0"),
        ({"id": "other"}, "ArgumentInvalid", "'other' differs from 'slow'"),
    ],
)
def test_refusals(hub: Any, change: dict[str, Any], code: str, words: str) -> None:
    answer = hub.call("PUT", "/configurations/slow", _config(**change))
    assert (answer.status, answer.headers["iothub-errorcode"]) == (400, code)
    assert words in answer.body["Message"]
    assert hub.refusal("GET", "/configurations/slow") == (404, "ConfigurationNotFound")


def test_names_and_the_limit_of_a_free_hub(hub: Any) -> None:
    assert hub.refusal("PUT", "/configurations/Slow", _config()) == (400, "ArgumentInvalid")
    hub.set_hub(sku={"name": "F1", "capacity": 1})
    for n in range(20):
        assert _put(hub, f"c{n}").status == 200
    assert hub.refusal("PUT", "/configurations/c20", _config()) == (413, "ConfigurationCountLimitExceeded")


def test_custom_metrics_and_a_trial_of_queries(hub: Any) -> None:
    for n in range(3):
        hub.device(f"pump-{n}")
        hub.registry.patch_reported(HOST, f"pump-{n}", {"state": "ok" if n else "bad"})
    queries = {"good": "SELECT deviceId FROM devices WHERE properties.reported.state = 'ok'"}
    made = _put(hub, "slow", _config(metrics={"queries": queries})).body
    assert made["metrics"] == {"results": {"good": 2}, "queries": queries}
    trial = {"targetCondition": "tags.a =", "customMetricQueries": {**queries, "bad": "SELECT * FROM x"}}
    answer = hub.call("POST", "/configurations/testQueries", trial).body
    assert "not the end" in answer["targetConditionError"]
    assert list(answer["customMetricQueryErrors"]) == ["bad"]
    good = hub.call("POST", "/configurations/testQueries", {"targetCondition": "*"}).body
    assert good == {"targetConditionError": None, "customMetricQueryErrors": {}}


def test_module_content(hub: Any) -> None:
    hub.device("pump-1")
    for module in ("camera", "valve"):
        hub.registry.create_module(HOST, "pump-1", module, {})
    content = {"moduleContent": {"properties.desired.rate": 5}}
    condition = "from devices.modules where moduleId = 'camera'"
    _put(hub, "cameras", _config(content=content, targetCondition=condition))
    assert (_desired(hub, "pump-1/camera"), _desired(hub, "pump-1/valve")) == ({"rate": 5}, {})
    assert _metrics(hub, "cameras") == {"targetedCount": 1, "appliedCount": 1}
    assert hub.refusal("PUT", "/configurations/other", _config(content=content))[0] == 400


def _edge(agent: dict[str, Any], **modules: Any) -> dict[str, Any]:
    return {"modulesContent": {"$edgeAgent": agent, **modules}}


def _base(modules: dict[str, Any]) -> dict[str, Any]:
    hub_settings = {"properties.desired": {"schemaVersion": "1.1", "routes": {}}}
    return _edge(
        {"properties.desired": {"schemaVersion": "1.1", "modules": modules}}, **{"$edgeHub": hub_settings}
    )


def test_edge_deployments_with_layers(hub: Any) -> None:
    hub.device("gateway", capabilities={"iotEdge": True})
    hub.device("pump-1")
    for device in ("gateway", "pump-1"):
        _tag(hub, "a", device)
    _put(hub, "base", _config(content=_base({"one": {"status": "running"}})))
    _put(hub, "lower", _config(content=_base({"old": {}}), priority=5))
    layer = _edge(
        {"properties.desired.modules.two": {"status": "running"}}, two={"properties.desired.rate": 1}
    )
    _put(hub, "layer", _config(content=layer, priority=20))
    _put(hub, "beneath", _config(content=layer, priority=7))
    agent = _desired(hub, "gateway/$edgeAgent")
    assert agent["modules"] == {"one": {"status": "running"}, "two": {"status": "running"}}
    assert _desired(hub, "gateway/two") == {"rate": 1}
    assert [it["moduleId"] for it in hub.registry.list_modules(HOST, "gateway")] == [
        "$edgeAgent",
        "$edgeHub",
        "one",
        "two",
    ]
    statuses = hub.registry.get_twin(HOST, "gateway")["configurations"]
    assert {name: it["status"] for name, it in statuses.items()} == {
        "base": "Applied",
        "layer": "Applied",
        "lower": "Targeted",
        "beneath": "Targeted",
    }
    metrics = {"reportedSuccessfulCount": 0, "reportedFailedCount": 0}
    assert _metrics(hub, "base") == {"targetedCount": 1, "appliedCount": 1, **metrics}
    assert _metrics(hub, "lower") == {"targetedCount": 1, "appliedCount": 0, **metrics}
    version = hub.registry.device_view(HOST, "gateway/$edgeAgent")["desired"]["$version"]
    report = {"lastDesiredVersion": version, "lastDesiredStatus": {"code": 200}}
    hub.registry.patch_reported(HOST, "gateway/$edgeAgent", report)
    assert _metrics(hub, "base")["reportedSuccessfulCount"] == 1
    hub.call("DELETE", "/configurations/base")
    assert set(_desired(hub, "gateway/$edgeAgent")["modules"]) == {"old", "two"}
    _tag(hub, None, "gateway")
    assert _desired(hub, "gateway/$edgeAgent") == {}


def test_content_applied_once(hub: Any) -> None:
    hub.device("gateway", capabilities={"iotEdge": True})
    hub.device("pump-1")
    path = "/devices/gateway/applyConfigurationContent"
    assert hub.call("POST", path, _base({"one": {}})).status == 204
    assert hub.call("POST", path, _base({"two": {}})).status == 204
    assert _desired(hub, "gateway/$edgeAgent")["modules"] == {"two": {}}
    pump = "/devices/pump-1/applyConfigurationContent"
    assert hub.refusal("POST", pump, _base({})) == (400, "InvalidOperation")
    assert hub.refusal("POST", path, {}) == (400, "InvalidConfigurationContent")
    none = "/devices/none/applyConfigurationContent"
    assert hub.refusal("POST", none, _base({})) == (404, "DeviceNotFound")


def test_content_that_does_not_fit_leaves_the_twin_as_it_is(hub: Any) -> None:
    hub.device("pump-1")
    large = {str(n): "x" * 4000 for n in range(5)}
    hub.registry.patch_twin(HOST, "pump-1", {"properties": {"desired": large}, "tags": {"line": "a"}})
    content = {"deviceContent": {f"properties.desired.c{n}": "x" * 4000 for n in range(5)}}
    assert _put(hub, "slow", _config(content=content)).status == 200
    assert set(_desired(hub)) == set(large)
    assert _metrics(hub, "slow") == {"targetedCount": 1, "appliedCount": 0}


def test_a_deleted_hub_takes_all_along(hub: Any) -> None:
    hub.device("pump-1")
    _put(hub, "slow", _config(targetCondition="*"))
    hub.registry.forget_hub(HOST)
    assert [hub.store.list(it) for it in ("device", "twin", "configuration")] == [[], [], []]
    hub.device("pump-1")
    assert _desired(hub) == {}


def test_configurations_outlive_a_restart(hub: Any) -> None:
    hub.device("pump-1")
    _put(hub, "slow")
    again = HubRegistry(hub.store, hub.clock)
    again.patch_twin(HOST, "pump-1", {"tags": {"line": "a"}})
    assert again.device_view(HOST, "pump-1")["desired"]["rate"] == 5
