"""A manifest over the wire: the local cloud's bulk operations and queries, its throttling and its faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provider.handlers.device_manifest import DeviceManifest
from tests.localcloud.control.client import Control, Fault
from tests.provider.test_against_local_cloud import World

HOST = "muster-wire.azure-devices-provisioning.net"


@pytest.fixture
def over_the_wire(world: World, tmp_path: Path) -> DeviceManifest:
    settings = {"MUSTER_STATE_DIR": str(tmp_path / "state"), "MUSTER_DPS_OPERATIONS_PER_MINUTE": "0"}
    return DeviceManifest(world.azure.dps, world.azure.clock, settings)


@pytest.fixture
def control(environment: dict[str, str]) -> Control:
    return Control(Path(environment["MUSTER_CA_FILE"]).parent)


def test_the_life_of_a_manifest(
    over_the_wire: DeviceManifest,
    world: World,
    life: Any,
    write: Callable[..., Any],
    rows: Any,
) -> None:
    sites = {"tags.site": "oslo"}
    one = life(over_the_wire)
    one.create({**write(rows(*range(120), **sites)), "serviceHost": HOST, "iotHubs": []})
    assert (one.properties["rows"], one.properties["accepted"]) == (120, 120)
    text = rows(*range(2, 125), **sites).replace("fridge-7,oslo", "fridge-7,bergen")
    before = key_of(world, "fridge-7")
    one.update(**{**write(text), "serviceHost": HOST, "iotHubs": []})
    assert one.properties["accepted"] == 123
    live = world.azure.individuals(HOST).get("fridge-7")
    assert live is not None
    assert live["initialTwin"]["tags"] == {"site": "bergen"}
    assert key_of(world, "fridge-7") == before
    assert world.azure.individuals(HOST).get("fridge-1") is None
    assert one.refresh()
    assert one.changed() == {}
    over_the_wire.delete(one.resource_id)
    assert not one.refresh()


def test_faults_and_throttling_are_met(
    over_the_wire: DeviceManifest,
    world: World,
    control: Control,
    life: Any,
    write: Any,
    rows: Any,
) -> None:
    struck = [
        Fault(surface="https", match="POST /enrollments", action="reset", stage="answer", every=5, times=3),
        Fault(surface="https", match="POST /enrollments", action="reset", every=7, times=2),
        Fault(surface="https", match="POST /enrollments", action="status", status=503, every=4, times=2),
    ]
    one = life(over_the_wire)
    with control:
        control.set_faults(*struck)
        one.create({**write(rows(*range(300)), "vans.csv"), "serviceHost": HOST, "iotHubs": []})
        assert all(control.hits())
    assert one.properties["accepted"] == 300
    twice = [
        name
        for name in (f"fridge-{number}" for number in range(0, 300, 10))
        if (it := world.azure.individuals(HOST).get(name) or {})["createdDateTimeUtc"]
        != it["lastUpdatedDateTimeUtc"]
    ]
    assert twice == []
    over_the_wire.delete(one.resource_id)


def key_of(world: World, name: str) -> str:
    return str(world.azure.individuals(HOST).attestation(name)["symmetricKey"]["primaryKey"])
