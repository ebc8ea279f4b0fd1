"""muster:dps:HubLink: one entry of a shared list, merged and never taking others along."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.errors import NotFoundError, OperationFailedError, StaleError
from provider.errors import AlreadyExistsError, InvalidIdError
from provider.handlers.hub_link import HubLink

NO_CLIENT = HubLink(lambda _: pytest.fail("asked for a client"))
KEYED = {
    "connectionString": "HostName=old.azure-devices.net;SharedAccessKeyName=x;SharedAccessKey=****",
    "location": "westeurope",
    "name": "old.azure-devices.net",
}


def hubs(cloud: Any) -> list[dict[str, Any]]:
    (service,) = cloud.arm.values()
    found: list[dict[str, Any]] = service["properties"].get("iotHubs", [])
    return found


def change_by_hand(cloud: Any, etag: str, **properties: Any) -> None:
    (service,) = cloud.arm.values()
    service["etag"] = etag
    service["properties"] |= properties


def test_check_and_diff_need_no_client(link_inputs: dict[str, Any]) -> None:
    checked = NO_CLIENT.check(link_inputs)
    assert checked.faults == ()
    assert checked.inputs["allocationWeight"] == 1
    assert checked.inputs["authentication"] == "SystemAssigned"
    wrong = {
        "provisioningServiceId": "x",
        "hubHost": "one",
        "allocationWeight": 0,
        "authentication": "KeyBased",
    }
    assert {each.path for each in NO_CLIENT.check(wrong).faults} == {*wrong, "hubLocation"}
    old = checked.inputs
    assert NO_CLIENT.diff(old, old, {**old, "hubLocation": "West Europe"}).changes == ()
    new = {**old, "hubHost": "two.azure-devices.net", "serviceRevision": "r2"}
    changes = NO_CLIENT.diff(old, old, new).changes
    assert {each.path: bool(each.replaces) for each in changes} == {"hubHost": True, "serviceRevision": False}


def test_a_link_by_identity_beside_others(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    change_by_hand(cloud, "e1", iotHubs=[dict(KEYED)])
    one = life(links)
    one.create(link_inputs)
    old, mine = hubs(cloud)
    assert old == KEYED
    assert mine == {
        "hostName": "one.azure-devices.net",
        "name": "one.azure-devices.net",
        "location": "westeurope",
        "authenticationType": "SystemAssigned",
        "allocationWeight": 1,
        "applyAllocationPolicy": True,
    }
    (put,) = [each for each in cloud.requests if each.method == "PUT"]
    assert put.headers["if-match"] == "e1"
    assert put.url.params["api-version"] == "2026-11-01"
    assert b"idScope" not in put.content
    before = dict(one.properties)
    assert one.refresh()
    seen = one.properties.pop("serviceEtag")
    assert {**one.properties, "serviceEtag": before["serviceEtag"]} == before
    assert one.inputs["serviceRevision"] == "r1"
    one.properties["serviceEtag"] = seen
    assert one.changed(serviceRevision=seen) == {}, "a refresh saw the link at this revision"
    assert one.changed(serviceRevision="later") == {"serviceRevision": False}


def test_a_lost_race_is_merged_again(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    raced: list[int] = []

    def race() -> None:
        if not raced:
            raced.append(1)
            change_by_hand(cloud, "raced", iotHubs=[dict(KEYED)])

    cloud.before_put = race
    life(links).create(link_inputs)
    assert [each["name"] for each in hubs(cloud)] == ["old.azure-devices.net", "one.azure-devices.net"]


def test_a_race_that_never_ends_is_told(
    links: HubLink, life: Any, cloud: Any, clock: Any, link_inputs: dict[str, Any]
) -> None:
    counter = iter(range(100))
    cloud.before_put = lambda: change_by_hand(cloud, f"raced-{next(counter)}")
    with pytest.raises(StaleError, match="412"):
        life(links).create(link_inputs)
    assert len(clock.slept) == 7


def test_a_service_that_drops_what_was_written_is_told(
    life: Any, cloud: Any, clock: Any, credential: Any, link_inputs: dict[str, Any]
) -> None:
    handle = cloud.handle

    def forgetful(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = handle(request)
        if request.method == "PUT":
            change_by_hand(cloud, "dropped", iotHubs=[])
        return answer

    with httpx.Client(transport=httpx.MockTransport(forgetful)) as http:
        forgetting = HubLink(Azure({}, clock, http=http, entra=Entra({}, credential)).links)
        with pytest.raises(OperationFailedError, match="somebody else's change undid it"):
            life(forgetting).create(link_inputs)


def test_a_dropped_link_comes_back_in_the_same_up(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    one = life(links)
    one.create(link_inputs)
    change_by_hand(cloud, "put-by-azure-native", iotHubs=[])
    assert one.changed(serviceRevision="r2") == {"serviceRevision": False}
    one.update(serviceRevision="r2")
    assert [each["name"] for each in hubs(cloud)] == ["one.azure-devices.net"]
    puts = cloud.methods().count("PUT")
    one.update(serviceRevision="r3")
    assert cloud.methods().count("PUT") == puts, "a link that is as declared is not written again"


def test_many_links_at_once_from_one_process(
    azure: Azure, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    gate = threading.Lock()
    handle = cloud.handle

    def one_at_a_time(request: httpx.Request) -> httpx.Response:
        with gate:
            answer: httpx.Response = handle(request)
        return answer

    cloud.handle = one_at_a_time
    hosts = [f"hub-{number}.azure-devices.net" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(lambda host: life(HubLink(azure.links)).create({**link_inputs, "hubHost": host}), hosts)
        )
    assert {each["name"] for each in hubs(cloud)} == set(hosts)


def test_drift_is_seen_and_mended(links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]) -> None:
    one = life(links)
    one.create(link_inputs)
    declared = one.inputs
    hubs(cloud)[0]["allocationWeight"] = 9
    assert one.refresh()
    assert one.changed(**declared) == {"allocationWeight": False}
    one.update(**declared)
    assert hubs(cloud)[0]["allocationWeight"] == 1


def test_unlinking_leaves_the_others(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    change_by_hand(cloud, "e1", iotHubs=[dict(KEYED)])
    one = life(links)
    one.create(link_inputs)
    links.delete(one.resource_id)
    assert hubs(cloud) == [KEYED]
    links.delete(one.resource_id)
    assert not one.refresh()
    cloud.arm.clear()
    links.delete(one.resource_id)
    assert not one.refresh()


def test_an_existing_link_is_never_taken_over(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    change_by_hand(
        cloud, "e1", iotHubs=[{**KEYED, "name": "one.azure-devices.net", "hostName": "one.azure-devices.net"}]
    )
    with pytest.raises(AlreadyExistsError) as raised:
        life(links).create(link_inputs)
    assert 'authentication: here "SystemAssigned", in the service "KeyBased"' in raised.value.told()


def test_without_the_service_there_is_no_link(
    links: HubLink, life: Any, cloud: Any, link_inputs: dict[str, Any]
) -> None:
    cloud.arm.clear()
    with pytest.raises(NotFoundError, match="no provisioning service"):
        life(links).create(link_inputs)


def test_import(links: HubLink, life: Any, link_inputs: dict[str, Any]) -> None:
    one = life(links)
    one.create({**link_inputs, "serviceRevision": ""})
    live = links.read(one.resource_id, None)
    assert live is not None
    etag = live.outputs.service_etag
    assert etag
    expected = {**one.properties, "serviceEtag": etag, "serviceRevision": etag}
    assert links.found({}, live).properties == expected
    with pytest.raises(InvalidIdError, match="/iotHubs/"):
        links.read("one", None)
