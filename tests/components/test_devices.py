"""Devices that are named one by one, and configurations."""

from collections.abc import Callable
from typing import Any

import pytest

from fleet import Fleet

DEVICE = "muster:hub:Device"
MODULE = "muster:hub:Module"
CONFIGURATION = "muster:hub:Configuration"
HUB_CERTIFICATE = "muster:hub:VerifiedCertificate"
PRINT = "6f1ed002ab5595859014ebf0951522d90f1a1b0c1d2e3f405162738495a6b7c8"

Declare = Callable[..., Any]
Describe = Callable[..., Fleet]
AZURE = {"hubs": {"eu-1": {"localAuth": {"devices": True, "modules": True}}, "eu-2": {}}}


@pytest.fixture
def program(declare: Declare, described: Describe) -> Any:
    """A gateway that is named after its children."""
    devices = {
        "door": {"hub": "eu-1", "authentication": {"symmetricKey": {}}, "parent": "depot"},
        "scale": {
            "hub": "eu-1",
            "authentication": {"thumbprints": {"primary": PRINT}},
            "parent": "depot",
            "enabled": False,
            "modules": {"reader": {"twin": {"tags": {"kind": "reader"}, "desired": {"every": 5}}}},
        },
        "depot": {
            "hub": "eu-1",
            "authentication": {"certificateAuthority": {}},
            "edge": True,
            "twin": {"tags": {"line": "depot"}},
        },
    }
    return declare(described("dev", azure=AZURE, devices=devices))


def test_each_device_proves_itself_in_one_way(program: Any) -> None:
    depot, door, scale = (each.inputs for each in program.of(DEVICE))
    assert (depot["certificateAuthority"], depot["iotEdge"]) == (True, True)
    assert depot["initialTwin"] == {"tags": {"line": "depot"}, "desired": {}}
    assert door["symmetricKey"] is True
    assert (scale["primaryThumbprint"], scale["enabled"]) == (PRINT, False)
    ways = ("certificateAuthority", "symmetricKey", "primaryThumbprint")
    assert all(sum(way in inputs for way in ways) == 1 for inputs in (depot, door, scale))


def test_children_wait_for_their_gateway_in_whatever_order_they_stand(program: Any) -> None:
    depot, door, scale = program.of(DEVICE)
    assert "parentDeviceId" not in depot.inputs
    assert (door.inputs["parentDeviceId"], scale.inputs["parentDeviceId"]) == ("depot", "depot")
    assert depot.urn in door.depends_on
    assert depot.urn in scale.depends_on


def test_a_module_follows_its_device(program: Any) -> None:
    module = program.one(MODULE)
    assert module.inputs["deviceId"] == "scale"
    assert (module.inputs["moduleId"], module.inputs["tags"]) == ("reader", {"kind": "reader"})
    assert module.inputs["desired"] == {"every": 5}
    assert program.of(DEVICE)[2].urn in module.depends_on


def test_only_hubs_with_ca_signed_devices_get_the_chain_and_the_devices_wait_for_it(program: Any) -> None:
    certificates = program.of(HUB_CERTIFICATE)
    assert {each.inputs["certificateName"] for each in certificates} == {"root", "oslo"}
    assert len({each.inputs["hubId"] for each in certificates}) == 1
    assert {each.urn for each in certificates} <= program.of(DEVICE)[0].depends_on


def test_a_configuration_is_one_resource_a_hub_with_one_kind_of_content(
    declare: Declare, described: Describe
) -> None:
    desired = {"properties.desired.cooling": {"celsius": -20}}
    agent = {"properties.desired": {"schemaVersion": "1.1"}}
    configurations = {
        "cooling": {
            "hubs": ["eu-1", "eu-2"],
            "target": "tags.line = 'reefer'",
            "priority": 10,
            "content": {"device": {"twin": desired}},
            "metrics": {"done": "SELECT deviceId FROM devices"},
            "labels": {"owner": "us"},
        },
        "edge": {
            "hubs": ["eu-1"],
            "target": "*",
            "content": {"edge": {"modules": {"$edgeAgent": agent, "$edgeHub": agent}}},
        },
        "readers": {
            "hubs": ["eu-1"],
            "target": "from devices.modules where tags.kind = 'reader'",
            "content": {"module": {"twin": desired}},
        },
    }
    program = declare(described("dev", azure=AZURE, configurations=configurations))
    one, two, edge, readers = program.of(CONFIGURATION)
    assert one.inputs["hubHost"] != two.inputs["hubHost"]
    assert one.inputs["content"] == two.inputs["content"] == {"deviceContent": desired}
    assert edge.inputs["content"] == {"modulesContent": {"$edgeAgent": agent, "$edgeHub": agent}}
    assert readers.inputs["content"] == {"moduleContent": desired}
    assert (one.inputs["priority"], one.inputs["labels"]) == (10, {"owner": "us"})
    assert one.inputs["metrics"] == {"done": "SELECT deviceId FROM devices"}
