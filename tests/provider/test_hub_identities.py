"""muster:hub:Device and muster:hub:Module: identities, gateways, and the part of a twin that is ours."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from provider.clients import Azure
from provider.errors import AlreadyExistsError, ConflictError, InitFailedError, InvalidIdError, ParentError
from provider.handlers import handlers
from provider.handlers.hub_device import HubDevice
from provider.handlers.hub_module import HubModule
from provider.resource import Handler

HOST = "one.azure-devices.net"
PRINT = "AB" * 20
DEVICE = HubDevice(lambda host: pytest.fail(f"asked for a client of {host}"))
MODULE = HubModule(lambda host: pytest.fail(f"asked for a client of {host}"))
GIVEN: dict[str, Any] = {
    "hubHost": HOST,
    "deviceId": "Truck#7",
    "certificateAuthority": True,
    "initialTwin": {"tags": {"line": "reefer"}, "desired": {"interval": {"seconds": 60}}},
}


@pytest.fixture
def devices(azure: Azure) -> Handler[Any, Any]:
    return handlers(azure)["muster:hub:Device"]


@pytest.fixture
def modules(azure: Azure) -> Handler[Any, Any]:
    return handlers(azure)["muster:hub:Module"]


def faults(handler: Any, given: dict[str, Any]) -> dict[str, str]:
    return {each.path: each.reason for each in handler.check(given).faults}


def test_checks() -> None:
    assert faults(DEVICE, GIVEN) == {}
    wrong = {
        **GIVEN,
        "hubHost": "evil.example",
        "deviceId": "a/b",
        "symmetricKey": True,
        "secondaryThumbprint": PRINT,
        "initialTwin": {"desired": {"a.b": 1}},
    }
    assert set(faults(DEVICE, wrong)) == {
        "hubHost",
        "deviceId",
        "symmetricKey",
        "secondaryThumbprint",
        "initialTwin.desired",
    }
    assert "exactly one of" in faults(DEVICE, {**GIVEN, "certificateAuthority": False})["primaryThumbprint"]
    assert "the device itself" in faults(DEVICE, {**GIVEN, "parentDeviceId": "Truck#7"})["parentDeviceId"]
    assert "40 or 64" in faults(DEVICE, {**GIVEN, "primaryThumbprint": "abc"})["primaryThumbprint"]
    module = {"hubHost": HOST, "deviceId": "Truck#7", "moduleId": "probe"}
    assert faults(MODULE, module) == {}
    assert set(faults(MODULE, {**module, "symmetricKey": True, "certificateAuthority": True})) == {
        "symmetricKey"
    }


def test_diff_knows_case() -> None:
    old = DEVICE.check({**GIVEN, "certificateAuthority": False, "primaryThumbprint": PRINT}).inputs
    assert DEVICE.diff(old, old, {**old, "primaryThumbprint": PRINT.lower()}).changes == ()
    (change,) = DEVICE.diff(old, old, {**old, "deviceId": "truck#7"}).changes
    assert change.replaces


def test_a_device_and_the_keys_of_its_twin_that_are_ours(
    devices: Handler[Any, Any], life: Any, cloud: Any
) -> None:
    one = life(devices)
    one.create(GIVEN)
    assert one.resource_id == f"{HOST}/devices/Truck#7"
    document = cloud.hub_documents["/devices/Truck#7"]
    assert {**document, "etag": ""} == {
        "deviceId": "Truck#7",
        "status": "enabled",
        "authentication": {"type": "certificateAuthority"},
        "capabilities": {"iotEdge": False},
        "etag": "",
    }
    assert all(each.url.raw_path.startswith(b"/devices/Truck%237") for each in cloud.requests[:1])
    twin = cloud.hub_documents["/twins/Truck#7"]
    twin["tags"]["owner"] = "somebody else"
    twin["properties"]["desired"]["interval"]["unit"] = "s"
    before = one.properties
    assert one.refresh()
    assert one.properties == before, "what others write is theirs"
    one.update(initialTwin={"tags": {"plant": "oslo"}, "desired": {"interval": {"seconds": 30}}})
    assert twin["tags"] == {"owner": "somebody else", "plant": "oslo"}
    assert twin["properties"]["desired"]["interval"] == {"seconds": 30, "unit": "s"}
    twin["properties"]["desired"]["interval"]["seconds"] = 5
    with pytest.raises(ConflictError, match=r"initialTwin.desired.interval.seconds"):
        one.update(enabled=False)
    declared = one.inputs
    assert one.refresh()
    assert one.changed(**declared) == {"initialTwin.desired.interval.seconds": False}
    one.update(**declared)
    assert twin["properties"]["desired"]["interval"]["seconds"] == 30


def test_keys_of_the_hub_stay_and_are_never_told(devices: Handler[Any, Any], life: Any, cloud: Any) -> None:
    one = life(devices)
    one.create({**GIVEN, "certificateAuthority": False, "symmetricKey": True})
    made = cloud.hub_documents["/devices/Truck#7"]["authentication"]
    key = made["symmetricKey"]["primaryKey"]
    one.update(enabled=False)
    assert cloud.hub_documents["/devices/Truck#7"]["authentication"] == made
    assert cloud.hub_documents["/devices/Truck#7"]["status"] == "disabled"
    assert one.refresh()
    assert key not in repr((one.inputs, one.properties))
    one.update(symmetricKey=False, primaryThumbprint=PRINT)
    assert cloud.hub_documents["/devices/Truck#7"]["authentication"] == {
        "type": "selfSigned",
        "x509Thumbprint": {"primaryThumbprint": PRINT},
    }
    assert one.refresh()
    assert one.changed() == {}


def test_gateways_and_their_children(devices: Handler[Any, Any], life: Any, cloud: Any) -> None:
    child = life(devices)
    with pytest.raises(ParentError, match="device gateway is not there"):
        child.create({**GIVEN, "parentDeviceId": "gateway"})
    gateway = life(devices)
    gateway.create({**GIVEN, "deviceId": "gateway", "iotEdge": True})
    scope = gateway.properties["deviceScope"]
    assert scope.startswith("ms-azure-iot-edge://gateway-")
    child.create({**GIVEN, "parentDeviceId": "gateway"})
    document = cloud.hub_documents["/devices/Truck#7"]
    assert (document["deviceScope"], document["parentScopes"]) == (scope, [scope])
    assert child.refresh()
    assert child.inputs["parentDeviceId"] == "gateway"
    nested = life(devices)
    nested.create({**GIVEN, "deviceId": "lower", "iotEdge": True, "parentDeviceId": "gateway"})
    assert cloud.hub_documents["/devices/lower"]["parentScopes"] == [scope]
    assert nested.refresh()
    assert nested.changed() == {}
    child.update(parentDeviceId=None)
    assert cloud.hub_documents["/devices/Truck#7"]["parentScopes"] == []
    with pytest.raises(ParentError, match=r"device Truck#7 is no IoT Edge gateway"):
        nested.update(parentDeviceId="Truck#7")


def test_half_made_devices_are_finished(devices: Handler[Any, Any], life: Any, cloud: Any) -> None:
    handle = cloud.hub

    def broken(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            return httpx.Response(400, json={"Message": "ErrorCode:ArgumentInvalid;no"})
        answer: httpx.Response = handle(request)
        return answer

    cloud.hub = broken
    one = life(devices)
    with pytest.raises(InitFailedError, match="registered, but its twin is not set") as raised:
        one.create(GIVEN)
    inputs = devices.check(GIVEN).inputs
    one.inputs, one.properties = inputs, devices.properties(inputs, raised.value.outputs)
    cloud.hub = handle
    one.update()
    assert cloud.hub_documents["/twins/Truck#7"]["tags"] == {"line": "reefer"}

    cloud.hub_documents["/twins/Truck#7"]["tags"].clear()
    cloud.hub_documents["/twins/Truck#7"]["properties"]["desired"].clear()
    (notice,) = life(devices).create(GIVEN).notices
    assert "existed already" in notice.text
    assert cloud.hub_documents["/twins/Truck#7"]["tags"] == {"line": "reefer"}


def test_an_existing_device_is_never_taken_over(devices: Handler[Any, Any], life: Any) -> None:
    life(devices).create(GIVEN)
    with pytest.raises(AlreadyExistsError, match="enabled"):
        life(devices).create({**GIVEN, "enabled": False})
    with pytest.raises(AlreadyExistsError, match=r"initialTwin\.tags\.line"):
        life(devices).create({**GIVEN, "initialTwin": {"tags": {"line": "van"}}})
    (notice,) = life(devices).create(GIVEN).notices
    assert "exactly as declared" in notice.text


def test_import_takes_no_twin(devices: Handler[Any, Any], life: Any) -> None:
    one = life(devices)
    one.create(GIVEN)
    live = devices.read(one.resource_id, None)
    assert live is not None
    empty: dict[str, Any] = {"tags": {}, "desired": {}}
    assert devices.found({}, live).inputs == {**one.inputs, "initialTwin": empty}
    with pytest.raises(InvalidIdError, match="<device id>"):
        devices.read("Truck#7", None)
    devices.delete(one.resource_id)
    devices.delete(one.resource_id)
    assert not one.refresh()


def test_notices_of_devices() -> None:
    def said(**change: Any) -> list[str]:
        old = DEVICE.check({**GIVEN, "parentDeviceId": "gateway"}).inputs
        new = {**old, **change}
        return [each.text for each in DEVICE.diff(old, old, new).notices]

    assert said(enabled=False) == ["device Truck#7 cannot connect to its hub any more"]
    assert said(certificateAuthority=False, symmetricKey=True) == [
        "device Truck#7 cannot connect with all of its old credentials any more"
    ]
    assert said(parentDeviceId=None) == ["device Truck#7 leaves gateway gateway: through it, it is refused"]
    assert said(iotEdge=True) == []


def test_modules(devices: Handler[Any, Any], modules: Handler[Any, Any], life: Any, cloud: Any) -> None:
    life(devices).create(GIVEN)
    one = life(modules)
    given = {"hubHost": HOST, "deviceId": "Truck#7", "moduleId": "probe", "desired": {"rate": 5}}
    one.create(given)
    assert one.resource_id == f"{HOST}/devices/Truck#7/modules/probe"
    assert cloud.hub_documents["/twins/Truck#7/modules/probe"]["properties"]["desired"]["rate"] == 5
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    one.update(certificateAuthority=True, tags={"kind": "thermometer"}, desired={})
    twin = cloud.hub_documents["/twins/Truck#7/modules/probe"]
    assert twin["tags"] == {"kind": "thermometer"}
    assert "rate" not in twin["properties"]["desired"]
    assert one.refresh()
    assert one.changed() == {}
    modules.delete(one.resource_id)
    assert not one.refresh()
