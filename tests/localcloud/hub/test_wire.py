"""The hub's protocols over real sockets: messages at QoS 1, modules, methods, a gateway for its child."""

import json
import ssl
import threading
import time
from typing import Any

import httpx

from .conftest import HOST, KEY, SAS, login, service_api, token

BOUND = "devices/pump-1/messages/devicebound/#"


def _token(subject: str) -> str:
    return token(f"{HOST}/devices/{'/modules/'.join(subject.split('/'))}", KEY, time.time() + 600)


def test_a_message_waits_is_sent_again_and_is_completed_by_puback(cloud: Any) -> None:
    cloud.world.hubs.create_device(HOST, {"deviceId": "pump-1", "authentication": SAS})
    cloud.start()
    with service_api(cloud) as api:
        path = "/_local/devices/pump-1/messages/devicebound"
        assert api.ask("POST", path, {"body": "go", "messageId": "m1", "ack": "full"}).status_code == 201
        with cloud.connect(HOST) as device:
            assert login(device, "pump-1", _token("pump-1")) == (0, 0)
            assert device.subscribe(BOUND) == b"\1"
            kind, _ = device.receive()
            assert kind == 0x32
        with cloud.connect(HOST) as device:
            assert login(device, "pump-1", _token("pump-1")) == (1, 0)
            kind, body = device.receive()
            assert kind == 0x32
            topic_length = int.from_bytes(body[:2], "big")
            assert body[2 : 2 + topic_length].startswith(b"devices/pump-1/messages/devicebound/")
            packet_id = body[2 + topic_length : 4 + topic_length]
            device.send(0x40, packet_id)
            device.send(0x40, packet_id)  # twice: it answers nothing any more
            device.send(0xC0, b"")
            assert device.receive() == (0xD0, b"")
        feedback = api.ask("GET", "/messages/serviceBound/feedback")
        assert [it["statusCode"] for it in feedback.json()] == ["Success"]
        assert api.ask("GET", "/devices/pump-1").json()["cloudToDeviceMessageCount"] == 0


def test_a_module_with_its_own_twin_and_a_method(cloud: Any) -> None:
    hubs = cloud.world.hubs
    hubs.create_device(HOST, {"deviceId": "pump-1", "authentication": SAS})
    hubs.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    cloud.start()
    answers: list[Any] = []
    with service_api(cloud) as api, cloud.connect(HOST) as device:
        assert login(device, "pump-1/camera", _token("pump-1/camera")) == (0, 0)
        topics = ("$iothub/twin/res/#", "$iothub/methods/POST/#", "devices/pump-1/modules/camera/inputs/#")
        assert device.subscribe(*topics, BOUND) == b"\1\1\1\x80"
        reported = "$iothub/twin/PATCH/properties/reported/?$rid=1"
        assert device.ask(reported, b'{"seen": 1}')[0] == "$iothub/twin/res/204/?$rid=1&$version=2"
        assert api.ask("GET", "/twins/pump-1/modules/camera").json()["properties"]["reported"]["seen"] == 1
        path = "/twins/pump-1/modules/camera/methods"
        body = {"methodName": "look", "payload": {"at": "you"}, "responseTimeoutInSeconds": 20}
        asking = threading.Thread(target=lambda: answers.append(api.ask("POST", path, body).json()))
        asking.start()
        topic, payload = device.message()
        assert (topic.split("?")[0], json.loads(payload)) == ("$iothub/methods/POST/look/", {"at": "you"})
        device.publish(f"$iothub/methods/res/200/?{topic.split('?')[1]}", b'"seen"')
        asking.join(20)
        device.publish("devices/pump-1/modules/camera/messages/events/", b"x", packet_id=5)
        assert device.receive() == (0x40, b"\0\5")
    assert answers == [{"status": 200, "payload": "seen"}]


def test_a_gateway_provisions_its_runtime_and_connects_its_child(cloud: Any) -> None:
    """With certificates alone: it gives $edgeHub a key, lists its children, and connects one in its name."""
    hubs, world = cloud.world.hubs, cloud.world
    gateway = world.pki.leaf("gateway", None)
    thumbprint = gateway.certificate.fingerprint(gateway.certificate.signature_hash_algorithm).hex()
    by_print = {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": thumbprint}}
    edge = {"deviceId": "gateway", "authentication": by_print, "capabilities": {"iotEdge": True}}
    scope = hubs.create_device(HOST, edge)["deviceScope"]
    hubs.create_device(HOST, {"deviceId": "pump-1", "deviceScope": scope, "authentication": by_print})
    cloud.start()
    context = ssl.create_default_context(cafile=str(cloud.trust))
    context.load_cert_chain(*cloud.identity(gateway))
    version = {"api-version": "2021-04-12"}
    with httpx.Client(proxy=cloud.endpoints["proxy"], verify=context, trust_env=False) as own:
        edge_hub = f"https://{HOST}/devices/gateway/modules/$edgeHub"
        sent = own.put(edge_hub, params=version, json={"authentication": SAS}, headers={"If-Match": "*"})
        assert sent.status_code == 200, sent.text
        listing = f"{edge_hub}/devicesAndModulesInDeviceScope"
        signed = {"Authorization": _token("gateway/$edgeHub")}
        found = own.get(listing, params=version, headers=signed).json()
        assert [it["deviceId"] for it in found["devices"]] == ["gateway", "pump-1"]
        stranger = f"https://{HOST}/devices/pump-1/modules"
        assert (
            own.get(stranger, params=version).status_code == 200
        )  # the same certificate is registered there
    with cloud.connect(HOST) as child:
        assert login(child, "pump-1", _token("gateway/$edgeHub")) == (0, 0)
        child.subscribe("$iothub/twin/res/#")
        assert child.ask("$iothub/twin/GET/?$rid=1")[0] == "$iothub/twin/res/200/?$rid=1"
