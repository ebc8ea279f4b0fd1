"""The other allocation policies: the enrollment's, or else the service's."""

from typing import Any

import pytest

from localcloud.azure.dps.allocation import Hub, choose
from localcloud.azure.dps.errors import DpsError

from .conftest import HUBS, Fleet
from .test_admission import own, signing

NAMES = [f"pump-{number}" for number in range(40)]
FAR = Hub("far", 1, "North Europe")
NEAR, NEAR_TOO = Hub("near", 1, "westeurope"), Hub("near-too", 3, "West Europe")


def _spread(policy: str, hubs: list[Hub]) -> set[str | None]:
    return {choose(policy, name, hubs, "westeurope") for name in NAMES}


def test_the_nearest_hubs_share_by_weight() -> None:
    assert _spread("geoLatency", [FAR, NEAR]) == {"near"}
    assert _spread("geoLatency", [FAR, NEAR, NEAR_TOO]) == {"near", "near-too"}
    assert _spread("geoLatency", [FAR, Hub("other", 1, "eastus")]) == {"far", "other"}
    assert _spread("geoLatency", [FAR, Hub("full", 0, "westeurope")]) == {"far"}
    assert _spread("geoLatency", []) == {None}


def test_static_is_the_one_hub() -> None:
    assert _spread("static", [FAR]) == {"far"}
    assert _spread("static", [FAR, NEAR]) == {None}


@pytest.mark.parametrize("policy", ["hashed", "static", "geoLatency"])
def test_by_the_enrollment(fleet: Fleet, policy: str) -> None:
    links: list[dict[str, Any]] = [{"name": host, "location": "westeurope"} for host in HUBS]
    links[0]["location"] = "eastus"
    fleet.world.link("fleet", links)
    more = {"iotHubs": [HUBS[1]]} if policy == "static" else {}
    fleet.group("line", signing(fleet.world.factory), allocationPolicy=policy, **more)
    found = {fleet.registry.register("fleet", it, fleet.world.chain(it)).hub_host for it in NAMES[:12]}
    assert found == (set(HUBS) if policy == "hashed" else {HUBS[1]})


def test_by_the_service_when_the_enrollment_names_none(fleet: Fleet) -> None:
    fleet.group("line", signing(fleet.world.factory))
    [key] = [it for it, document in fleet.world.store.list("arm") if document["name"] == "fleet"]
    service = fleet.world.store.get("arm", key)
    assert service is not None
    service["properties"]["allocationPolicy"] = "Static"
    fleet.world.store.put("arm", key, service)
    with pytest.raises(
        DpsError, match="Enrollment group line has no linked hub to allocate by the policy static"
    ):
        fleet.registry.register("fleet", "pump-1", fleet.world.chain("pump-1"))


def test_a_device_id_that_changes_is_another_device(fleet: Fleet) -> None:
    leaf = fleet.world.pki.leaf("pump-1", None)
    for device_id in ("one", "two", "two"):
        fleet.individual("pump-1", own(leaf), deviceId=device_id)
        made = fleet.registry.register("fleet", "pump-1", [leaf.certificate])
        assert made.device_id == device_id
    assert made.state["substatus"] == "reprovisionedToInitialAssignment"
    assert sorted(it["deviceId"] for _, it in fleet.world.store.list("device")) == ["one", "two"]
