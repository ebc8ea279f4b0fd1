"""Where devices go: allocation, and what a second registration does under each reprovision policy."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.dps import allocation
from localcloud.azure.dps.admission import Presented
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.matching import Refused

HUBS = ("hub-a.azure-devices.net", "hub-b.azure-devices.net")
KEEP = {"updateHubAssignment": False, "migrateDeviceData": False}
MIGRATE = {"updateHubAssignment": True, "migrateDeviceData": True}
RESET = {"updateHubAssignment": True, "migrateDeviceData": False}


def test_devices_spread_by_weight() -> None:
    names = [f"pump-{number}" for number in range(4000)]
    even = Counter(allocation.pick(name, {"a": 1, "b": 1}) for name in names)
    assert 1850 < even["a"] < 2150
    uneven = Counter(allocation.pick(name, {"a": 3, "b": 1, "c": 0}) for name in names)
    assert 2850 < uneven["a"] < 3150
    assert uneven["c"] == 0
    assert allocation.pick("pump", {"a": 0}) is None


@given(st.text("abcXYZ019-._:", max_size=20), st.sets(st.sampled_from("abcdef"), min_size=2))
def test_allocation_is_stable(name: str, hosts: set[str]) -> None:
    weights = dict.fromkeys(sorted(hosts), 1)
    picked = allocation.pick(name, weights)
    assert picked == allocation.pick(name.upper(), dict(reversed(weights.items())))
    for gone in hosts - {picked}:
        left = {host: weight for host, weight in weights.items() if host != gone}
        assert allocation.pick(name, left) == picked


def _elsewhere(world: Any, host: str) -> str:
    """Leave only the other hub linked."""
    other = next(it for it in HUBS if it != host)
    world.link("fleet", [{"name": other}])
    return other


@pytest.mark.parametrize(
    ("policy", "moved", "substatus", "reported"),
    [
        (KEEP, False, "reprovisionedToInitialAssignment", {"seen": 1}),
        (MIGRATE, True, "deviceDataMigrated", {"seen": 1}),
        (RESET, True, "deviceDataReset", {}),
    ],
)
def test_second_registration_when_the_hub_changes(
    world: Any, policy: Any, moved: bool, substatus: str, reported: Any
) -> None:
    world.group(reprovisionPolicy=policy)
    first = world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    assert first.state["substatus"] == "initialAssignment"
    world.hubs.patch_reported(first.hub_host, "pump-1", {"seen": 1})
    world.hubs.patch_twin(first.hub_host, "pump-1", {"properties": {"desired": {"interval": 5}}})
    other = _elsewhere(world, first.hub_host)
    second = world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    assert second.hub_host == (other if moved else first.hub_host)
    assert second.state["substatus"] == substatus
    assert second.state["createdDateTimeUtc"] == first.state["createdDateTimeUtc"]
    twin = world.hubs.get_twin(second.hub_host, "pump-1")
    kept = {key: it for key, it in twin["properties"]["reported"].items() if key[0] != "$"}
    assert kept == reported
    assert twin["properties"]["desired"]["interval"] == (5 if reported else 60)
    assert len(world.store.list("device")) == 1


@pytest.mark.parametrize(("policy", "reported"), [(KEEP, True), (MIGRATE, True), (RESET, False)])
def test_second_registration_at_the_same_hub(world: Any, policy: Any, reported: bool) -> None:
    world.group(reprovisionPolicy=policy)
    first = world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    world.hubs.patch_reported(first.hub_host, "pump-1", {"seen": 1})
    world.hubs.update_device(first.hub_host, "pump-1", {"status": "disabled"})
    before = world.hubs.get_device(first.hub_host, "pump-1")
    second = world.provisioning.register("fleet", "PUMP-1", world.chain("pump-1"))
    after = world.hubs.get_device(first.hub_host, "pump-1")
    assert (second.hub_host, second.device_id) == (first.hub_host, "pump-1")
    assert ("seen" in world.hubs.get_twin(first.hub_host, "pump-1")["properties"]["reported"]) is reported
    assert after["status"] == "disabled", "an operator's decision stands"
    thumbprints = [it["authentication"]["x509Thumbprint"]["primaryThumbprint"] for it in (before, after)]
    assert thumbprints[0] != thumbprints[1], "the renewed certificate is known to the hub"


def test_removed_device_stays_removed_under_keep_only(world: Any) -> None:
    world.group(reprovisionPolicy=KEEP)
    first = world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    world.hubs.delete_device(first.hub_host, "pump-1")
    world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    assert world.hubs.list_devices(first.hub_host) == []
    world.group(reprovisionPolicy=MIGRATE)
    world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    assert len(world.hubs.list_devices(first.hub_host)) == 1


def test_only_hubs_of_the_group_that_exist(world: Any) -> None:
    world.group(iotHubs=[HUBS[1].upper()])
    names = [f"pump-{number}" for number in range(12)]
    hosts = {world.provisioning.register("fleet", name, world.chain(name)).hub_host for name in names}
    assert hosts == {HUBS[1]}
    world.link("fleet", [{"name": HUBS[0]}, {"name": "gone.azure-devices.net"}])
    with pytest.raises(DpsError, match="no linked hub"):
        world.provisioning.register("fleet", "pump-99", world.chain("pump-99"))
    assert world.provisioning.list_registrations("fleet", "pumps")[0]["registrationId"] == "pump-0"


def test_hub_that_takes_no_part_in_allocation(world: Any) -> None:
    links = [{"name": HUBS[0], "applyAllocationPolicy": False}, {"name": HUBS[1], "allocationWeight": 10}]
    world.link("fleet", links)
    world.group()
    names = [f"pump-{number}" for number in range(8)]
    assert {world.provisioning.register("fleet", it, world.chain(it)).hub_host for it in names} == {HUBS[1]}


def test_records_and_operations(world: Any) -> None:
    world.group()
    first = world.provisioning.register("fleet", "pump-1", world.chain("pump-1"))
    record = world.provisioning.registration("fleet", "Pump-1")
    assert {"operationId", "enrollmentGroupId"}.isdisjoint(record)
    found = world.provisioning.operation("fleet", "pump-1", first.operation_id)
    assert found == first
    with pytest.raises(DpsError, match="no such operation"):
        world.provisioning.operation("fleet", "pump-1", "4.x")
    with pytest.raises(DpsError) as stale:
        world.provisioning.delete_registration("fleet", "pump-1", "stale")
    assert stale.value.status == 412
    world.provisioning.delete_registration("fleet", "pump-1", f'"{record["etag"]}"')
    with pytest.raises(DpsError) as missing:
        world.provisioning.registration("fleet", "pump-1")
    assert missing.value.status == 404


def test_disabled_or_deleted_between_connect_and_register(world: Any) -> None:
    world.group()
    match = world.provisioning.admit("pump-1", Presented("0ne00000001", world.chain("pump-1")))
    world.group(provisioningStatus="disabled")
    with pytest.raises(Refused, match="disabled"):
        world.provisioning.assign(match)
    world.provisioning.delete_group("fleet", "pumps")
    with pytest.raises(Refused, match="not-enrolled"):
        world.provisioning.assign(match)
    assert world.store.list("device") == []
