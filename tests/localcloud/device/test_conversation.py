"""A device's whole conversation with DPS and its hub, packet by packet over mutual TLS."""

import json
import signal
import time
from typing import Any

import pytest

DPS = "global.azure-devices-provisioning.net"
ANSWERS = "$dps/registrations/res/#"
REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=1"
TWIN, DESIRED = "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"
REPORTED = "$iothub/twin/PATCH/properties/reported/?$rid=2"


def _identity(cloud: Any, name: str) -> Any:
    world = cloud.world
    return cloud.identity(world.pki.leaf(name, world.factory), world.factory)


def _register(cloud: Any, name: str, identity: Any) -> dict[str, Any]:
    with cloud.connect(DPS, identity) as device:
        assert device.login(name, f"0ne00000001/registrations/{name}/api-version=2019-03-31") == (0, 0)
        assert device.subscribe(ANSWERS) == b"\1"
        topic, body = device.ask(REGISTER, json.dumps({"registrationId": name}).encode())
        assert topic == "$dps/registrations/res/202/?$rid=1&retry-after=2"
        operation = json.loads(body)["operationId"]
        assert json.loads(body)["status"] == "assigning"
        poll = f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}"
        topic, body = device.ask(poll)
        assert topic == "$dps/registrations/res/200/?$rid=2"
    answer: dict[str, Any] = json.loads(body)
    return answer


def _login(device: Any, host: str, name: str, **wishes: Any) -> Any:
    return device.login(name, f"{host}/{name}/?api-version=2019-10-01", **wishes)


@pytest.fixture
def placed(cloud: Any) -> tuple[Any, str, str, Any]:
    """A running cloud, a provisioned device's hub and id, and its identity."""
    cloud.start()
    identity = _identity(cloud, "pump-1")
    answer = _register(cloud, "pump-1", identity)
    return cloud, answer["registrationState"]["assignedHub"], "pump-1", identity


def test_eight_steps(cloud: Any) -> None:
    cloud.start()
    identity = _identity(cloud, "pump-1")
    answer = _register(cloud, "pump-1", identity)
    state = answer["registrationState"]
    assert (answer["status"], state["status"], state["substatus"]) == (
        "assigned",
        "assigned",
        "initialAssignment",
    )
    assert state["x509"]["enrollmentGroupId"] == "pumps"
    with cloud.connect(state["assignedHub"], identity) as device:
        assert _login(device, state["assignedHub"], "pump-1") == (0, 0)
        assert device.subscribe(TWIN, DESIRED) == b"\1\1"
        topic, body = device.ask("$iothub/twin/GET/?$rid=1")
        assert topic == "$iothub/twin/res/200/?$rid=1"
        assert json.loads(body) == {"desired": {"interval": 60, "$version": 1}, "reported": {"$version": 1}}
        assert device.ask(REPORTED, b'{"seen": 1}') == ("$iothub/twin/res/204/?$rid=2&$version=2", b"")
        device.publish("devices/pump-1/messages/events/a=b", b"{}", packet_id=7)
        assert device.receive() == (0x40, b"\0\7")
        device.send(0xC0, b"")
        assert device.receive() == (0xD0, b"")
    twin = cloud.world.hubs.get_twin(state["assignedHub"], "pump-1")
    assert (twin["tags"], twin["properties"]["reported"]["seen"]) == ({"line": "a"}, 1)
    device_json = cloud.world.hubs.get_device(state["assignedHub"], "pump-1")
    assert device_json["authentication"]["type"] == "selfSigned"


def test_port_in_user_name_and_other_api_versions(placed: Any) -> None:
    cloud, hub, name, identity = placed
    with cloud.connect(hub, identity) as device:
        assert device.login(name, f"{hub}:8883/{name}/?api-version=2099-01-01&DeviceClientType=x") == (0, 0)


def test_subscriptions_outlive_connection_and_restart(placed: Any) -> None:
    cloud, hub, name, identity = placed
    with cloud.connect(hub, identity) as device:
        assert _login(device, hub, name) == (0, 0)
        device.subscribe(TWIN)
    cloud.stop(signal.SIGKILL)
    cloud.start()
    assert cloud.world.hubs.get_device(hub, name)["connectionState"] == "Disconnected"
    with cloud.connect(hub, identity) as device:
        assert _login(device, hub, name) == (1, 0)
        assert device.ask("$iothub/twin/GET/?$rid=1")[0] == "$iothub/twin/res/200/?$rid=1"
    with cloud.connect(hub, identity) as device:
        assert _login(device, hub, name, clean=True) == (0, 0)
    with cloud.connect(hub, identity) as device:
        assert _login(device, hub, name) == (0, 0)


def test_newer_connection_takes_over_until_it_is_too_often(placed: Any) -> None:
    cloud, hub, name, identity = placed
    codes, devices = [], []
    for _ in range(8):
        devices.append(cloud.connect(hub, identity))
        codes.append(_login(devices[-1], hub, name)[1])
    assert codes == [0, 0, 0, 0, 0, 0, 3, 3]
    assert devices[0].is_closed()
    devices[5].send(0xC0, b"")
    assert devices[5].receive() == (0xD0, b"")
    for device in devices:
        device.connection.close()


def test_bad_reported_properties(placed: Any) -> None:
    cloud, hub, name, identity = placed
    large = json.dumps({"a": {str(number): "x" * 4000 for number in range(9)}}).encode()
    bad = (
        b"",
        b"[1]",
        b"{",
        b'{"a": NaN}',
        b'{"a b": 1}',
        b'{"a": "\\ud800"}',
        b"\xff",
        b"[" * 50_000,
        large,
    )
    with cloud.connect(hub, identity) as device:
        _login(device, hub, name)
        device.subscribe(TWIN)
        for payload in bad:
            assert device.ask(REPORTED, payload)[0] == "$iothub/twin/res/400/?$rid=2"
        assert json.loads(device.ask("$iothub/twin/GET/?$rid=1")[1])["reported"] == {"$version": 1}


def test_what_is_not_allowed_ends_the_connection(placed: Any) -> None:
    cloud, hub, name, identity = placed
    forbidden = [
        (0x34, b"\0\1a\0\1"),  # QoS 2
        (0x30, b"\0\x0bother/topic"),
        (0x30, b"\0\x1ddevices/pump-2/messages/events"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\1a"),  # a second CONNECT
        (0x20, b"\0\0"),
        (0x80, b""),
        (0x82, b"\0\1"),
    ]
    for head, body in forbidden:
        with cloud.connect(hub, identity) as device:
            assert _login(device, hub, name) == (0, 0)
            device.send(head, body)
            assert device.is_closed(), (head, body)


def test_silence_ends_the_connection(placed: Any) -> None:
    cloud, hub, name, identity = placed
    with cloud.connect(hub, identity) as device:
        assert _login(device, hub, name, keep_alive=1) == (0, 0)
        started = time.monotonic()
        assert device.is_closed()
        assert 1.4 < time.monotonic() - started < 6
    assert cloud.stop() == 0
    assert cloud.world.store.get("counter", f"{hub}/telemetry/{name}") is None


def test_unknown_filters_are_refused_one_by_one(placed: Any) -> None:
    cloud, hub, name, identity = placed
    with cloud.connect(hub, identity) as device:
        _login(device, hub, name)
        answers = device.subscribe(
            TWIN, "#", "devices/pump-2/messages/devicebound/#", "$iothub/methods/POST/#"
        )
        assert answers == b"\1\x80\x80\1"


def test_messages_are_counted(placed: Any) -> None:
    cloud, hub, name, identity = placed
    with cloud.connect(hub, identity) as device:
        _login(device, hub, name)
        for number in range(1, 21):
            device.publish(f"devices/{name}/messages/events/", b"x", packet_id=number % 2 and number)
        for _ in range(10):
            device.receive()
    cloud.stop()
    assert cloud.world.store.get("counter", f"{hub}/telemetry/{name}") == {"count": 20}
