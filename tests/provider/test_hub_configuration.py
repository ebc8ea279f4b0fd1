"""muster:hub:Configuration: content that cannot change, conditions that must parse, what a preview tells."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from provider.clients import Azure
from provider.clients.errors import UnreachableError
from provider.errors import AlreadyExistsError, ConflictError
from provider.handlers import handlers
from provider.handlers.hub_configuration import HubConfiguration
from provider.resource import Handler
from provider.values import UNKNOWN

HOST = "one.azure-devices.net"
CONDITION = "tags.line = 'reefer'"
GIVEN: dict[str, Any] = {
    "hubHost": HOST,
    "configurationId": "reefers",
    "targetCondition": CONDITION,
    "priority": 10,
    "content": {"deviceContent": {"properties.desired.interval": {"seconds": 60}}},
    "metrics": {
        "slow": "SELECT deviceId FROM devices WHERE configurations.[[{configurationId}]].status = 'x'"
    },
    "labels": {"owner": "cold chain"},
}


class Unreachable:
    """A hub that is not there yet."""

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any) -> Any:
            raise UnreachableError("one.azure-devices.net cannot be reached")

        return call


OFFLINE = HubConfiguration(lambda _: Unreachable())


@pytest.fixture
def configurations(azure: Azure) -> Handler[Any, Any]:
    return handlers(azure)["muster:hub:Configuration"]


def faults(handler: Any, **change: Any) -> dict[str, str]:
    return {each.path: each.reason for each in handler.check({**GIVEN, **change}).faults}


def said(handler: Any, old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    def typed(plain: dict[str, Any]) -> Any:
        return handler.state({**OFFLINE.check(plain).inputs}, {}).inputs

    return [each.text for each in handler.notices(None if old is None else typed(old), typed(new))]


def count(collection: str, condition: str) -> str:
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT COUNT() AS total FROM {collection}{where}"  # noqa: S608 - the hub's language


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"configurationId": "Reefers"}, "configurationId", "lower-case"),
        ({"configurationId": "r" * 120}, "configurationId", "no room for -########"),
        ({"priority": -1}, "priority", "0 to 2147483647"),
        ({"content": {}}, "content.deviceContent", "exactly one of deviceContent"),
        ({"content": {"deviceContent": {"tags.a": 1}}}, "content.deviceContent", "'tags.a' sets nothing"),
        ({"content": {"deviceContent": {}}}, "content.deviceContent", "it sets nothing"),
        ({"content": {"modulesContent": {"$edgeAgent": 1}}}, "content.modulesContent", "module $edgeAgent"),
        ({"content": {"modulesContent": {"a": {"b": 1}}}}, "content.modulesContent", "module a: 'b'"),
        ({"content": {"moduleContent": {"properties.desired.a": 1}}}, "targetCondition", "is about devices"),
        ({"targetCondition": "FROM devices.modules WHERE a = 1"}, "targetCondition", "is about modules"),
        ({"metrics": {"a": 1}}, "metrics", "a: text would be right"),
        ({"labels": {"a": {}}}, "labels", "a: text would be right"),
    ],
)
def test_checks(change: dict[str, Any], path: str, words: str) -> None:
    found = faults(OFFLINE, **change)
    assert words in found[path]


def test_the_hub_checks_conditions_and_queries_where_it_can_be_asked(
    configurations: Handler[Any, Any], cloud: Any
) -> None:
    assert faults(configurations) == {}
    cloud.bad = {"tags.line = ": "expected a value at 12", "nonsense": "expected SELECT"}
    found = faults(configurations, targetCondition="tags.line = ", metrics={"slow": "nonsense"})
    assert found == {
        "targetCondition": "does not parse: expected a value at 12",
        "metrics.slow": "does not parse: expected SELECT",
    }
    asked = len(cloud.requests)
    assert faults(configurations, hubHost=UNKNOWN) == {}
    assert len(cloud.requests) == asked
    assert faults(OFFLINE) == {}


def test_its_life(configurations: Handler[Any, Any], life: Any, cloud: Any) -> None:
    one = life(configurations)
    one.create(GIVEN)
    name = one.properties["idInHub"]
    assert one.resource_id == f"{HOST}/configurations/{name}"
    assert name.startswith("reefers-")
    document = cloud.hub_documents[f"/configurations/{name}"]
    assert document["content"] == GIVEN["content"]
    assert f"[[{name}]]" in document["metrics"]["queries"]["slow"]
    document |= {"systemMetrics": {"queries": {}}, "createdTimeUtc": "now"}
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    one.update(priority=20, labels={})
    assert cloud.hub_documents[f"/configurations/{name}"]["priority"] == 20
    cloud.hub_documents[f"/configurations/{name}"] |= {"etag": "by-hand", "priority": 5}
    with pytest.raises(ConflictError, match="priority"):
        one.update(priority=30)
    configurations.delete(one.resource_id)
    assert not one.refresh()


def test_other_content_is_made_beside_and_the_old_goes_last() -> None:
    old = OFFLINE.check(GIVEN).inputs
    new = {**old, "content": {"deviceContent": {"properties.desired.interval": {"seconds": 30}}}}
    diff = OFFLINE.diff(old, old, new)
    (change,) = diff.changes
    assert "a new one is made beside it and the old one goes last: no device is without" in change.replaces
    assert not diff.delete_first
    assert not OFFLINE.diff(old, old, {**old, "content": UNKNOWN}).delete_first
    exact = {**old, "exactId": True}
    diff = OFFLINE.diff(exact, exact, {**new, "exactId": True})
    assert diff.delete_first
    assert "until the new one is applied its devices are without" in diff.notices[0].text


def test_import_knows_its_own_and_takes_others_with_their_very_id(
    configurations: Handler[Any, Any], life: Any, cloud: Any
) -> None:
    one = life(configurations)
    one.create(GIVEN)
    live = configurations.read(one.resource_id, None)
    assert live is not None
    found = configurations.found({}, live).inputs
    assert (found["configurationId"], found["exactId"]) == ("reefers", False)
    document = cloud.hub_documents[f"/configurations/{one.properties['idInHub']}"]
    cloud.hub_documents["/configurations/by-hand"] = {**document, "id": "by-hand"}
    live = configurations.read(f"{HOST}/configurations/by-hand", None)
    assert live is not None
    found = configurations.found({}, live).inputs
    assert (found["configurationId"], found["exactId"]) == ("by-hand", True)
    with pytest.raises(AlreadyExistsError, match="priority"):
        life(configurations).create({**GIVEN, "priority": 11})


def test_a_preview_counts(configurations: Handler[Any, Any], cloud: Any) -> None:
    cloud.counts = {
        count("devices", CONDITION): 1200,
        count("devices", ""): 5000,
        count("devices", f"(capabilities.iotEdge = true) AND ({CONDITION})"): 3,
        count("devices.modules", "moduleId = 'probe'"): 7,
    }
    (text,) = said(configurations, None, GIVEN)
    assert text == "its condition is met by 1,200 devices now; who meets it later gets it, too"
    (text,) = said(configurations, GIVEN, {**GIVEN, "targetCondition": "*"})
    assert "by 5,000 devices now, where the old one is met by 1,200" in text
    edge = {**GIVEN, "content": {"modulesContent": {"$edgeAgent": {"properties.desired.a": 1}}}}
    assert "by 3 IoT Edge gateways now" in said(configurations, None, edge)[0]
    module = {
        **GIVEN,
        "content": {"moduleContent": {"properties.desired.a": 1}},
        "targetCondition": "FROM devices.modules WHERE moduleId = 'probe'",
    }
    assert "by 7 modules now" in said(configurations, None, module)[0]
    assert said(configurations, GIVEN, {**GIVEN, "labels": {}}) == []
    assert said(configurations, None, {**GIVEN, "targetCondition": ""}) == [
        "it is for no device: targetCondition is empty"
    ]


def test_a_preview_names_conflicts_of_priority(
    configurations: Handler[Any, Any], life: Any, cloud: Any
) -> None:
    other = {
        **GIVEN,
        "configurationId": "vans",
        "targetCondition": "tags.plant = 'oslo'",
        "content": {"deviceContent": {"properties.desired.interval.seconds": 30}},
        "metrics": {},
    }
    life(configurations).create(other)
    life(configurations).create({**other, "configurationId": "low", "priority": 1})
    apart = {"deviceContent": {"properties.desired.intervals": 1}}
    life(configurations).create({**other, "configurationId": "apart", "content": apart})
    older = {"deviceContent": {"properties.desired.interval": {"seconds": 90}}}
    life(configurations).create({**GIVEN, "content": older})
    both = count("devices", f"({CONDITION}) AND (tags.plant = 'oslo')")
    cloud.counts = {count("devices", CONDITION): 12, both: 4}
    _, conflict = said(configurations, None, GIVEN)
    assert conflict.startswith("configuration vans-")
    assert "same priority 10 and sets properties.desired.interval of 4 of the same devices" in conflict
    cloud.counts[both] = 0
    assert len(said(configurations, None, GIVEN)) == 1


def test_a_preview_without_a_hub_says_so(configurations: Handler[Any, Any], cloud: Any) -> None:
    (text,) = said(OFFLINE, None, GIVEN)
    assert "is not known, and its condition is not checked: one.azure-devices.net cannot be reached" in text
    (text,) = said(OFFLINE, None, {**GIVEN, "hubHost": UNKNOWN})
    assert "is not known before the hub and the condition are" in text
    offline = handlers(Azure({"MUSTER_OFFLINE": "1"}))["muster:hub:Configuration"]
    (text,) = said(offline, None, GIVEN)
    assert "MUSTER_OFFLINE is set, so one.azure-devices.net is not asked" in text
    assert faults(offline) == {}
    cloud.answers = [httpx.Response(403, json={"Message": "no"})]
    (text,) = said(configurations, None, GIVEN)
    assert "the identity lacks a role" in text
