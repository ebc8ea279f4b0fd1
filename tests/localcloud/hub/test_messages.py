"""Cloud-to-device messages: the queue, its limits, time, locks, feedback; in memory on a clock that moves."""

from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.mqtt.packets import Publish

from .conftest import HOST

SEND = "/_local/devices/pump-1/messages/devicebound"
BOUND = "/devices/pump-1/messages/devicebound"
FEEDBACK = "/messages/serviceBound/feedback"


def _own(hub: Any) -> dict[str, str]:
    return {"authorization": hub.token("pump-1")}


def _send(hub: Any, **body: Any) -> str:
    answer = hub.call("POST", SEND, {"body": "go", **body})
    assert answer.status == 201
    message_id: str = answer.body["messageId"]
    return message_id


def _receive(hub: Any) -> Any:
    return hub.call("GET", BOUND, headers=_own(hub))


def _lock(answer: Any) -> str:
    lock: str = answer.headers["ETag"].strip('"')
    return lock


def _outcomes(hub: Any) -> list[tuple[str, str]]:
    answer = hub.call("GET", FEEDBACK)
    if answer.status == 204:
        return []
    assert hub.call("DELETE", f"{FEEDBACK}/{_lock(answer)}").status == 204
    return [(it["originalMessageId"], it["statusCode"]) for it in answer.body]


def test_a_message_over_mqtt_is_complete_when_it_is_acknowledged(hub: Any) -> None:
    hub.device("pump-1")
    _send(hub, messageId="m 1", properties={"a&b": "c=d"}, contentType="text/plain", ack="full")
    conversation, line = hub.connect("pump-1", hub.token("pump-1"))
    assert line.sent == []
    conversation.subscribe("devices/pump-1/messages/devicebound/#", 1)
    topic, body = line.sent[0]
    assert topic.startswith("devices/pump-1/messages/devicebound/%24.to=%2Fdevices%2Fpump-1%2Fmessages")
    for part in ("&%24.mid=m%201&", "%24.ct=text%2Fplain", "iothub-ack=full", "a%26b=c%3Dd"):
        assert part in topic
    assert (body, hub.registry.get_device(HOST, "pump-1")["cloudToDeviceMessageCount"]) == (b"go", 1)
    line.dones[0]()
    assert hub.registry.get_device(HOST, "pump-1")["cloudToDeviceMessageCount"] == 0
    assert _outcomes(hub) == [("m 1", "Success")]
    _send(hub)
    assert len(line.sent) == 2


def test_what_was_not_acknowledged_comes_again(hub: Any) -> None:
    hub.device("pump-1")
    conversation, _ = hub.connect("pump-1", hub.token("pump-1"))
    conversation.subscribe("devices/pump-1/messages/devicebound/#", 1)
    _send(hub)
    conversation.closed()
    _send(hub, body="later")
    _, again = hub.connect("pump-1", hub.token("pump-1"))
    assert [body for _, body in again.sent] == [b"go", b"later"]
    clean, line = hub.connect("pump-1", hub.token("pump-1"), clean=True)
    assert line.sent == []
    clean.subscribe("devices/pump-1/messages/devicebound/#", 1)
    assert len(line.sent) == 2


def test_the_queue_holds_50_and_a_message_64_kilobytes(hub: Any) -> None:
    hub.device("pump-1")
    for _ in range(50):
        _send(hub)
    assert hub.refusal("POST", SEND, {"body": "x"}) == (403, "DeviceMaximumQueueDepthExceeded")
    purged = hub.call("DELETE", "/devices/pump-1/commands").body
    assert purged == {"totalMessagesPurged": 50, "deviceId": "pump-1", "moduleId": None}
    assert hub.refusal("POST", SEND, {"bodyBase64": "QUFB" * 30000}) == (413, "MessageTooLarge")
    _send(hub, body="x" * 65536)


def test_time_to_live_of_the_message_and_of_the_hub(hub: Any) -> None:
    hub.set_hub(cloudToDevice={"defaultTtlAsIso8601": "PT2H"})
    hub.device("pump-1")
    soon = hub.clock.now().timestamp() + 60
    _send(hub, messageId="short", ack="negative", expiryTimeUtc=datetime.fromtimestamp(soon, UTC).isoformat())
    _send(hub, messageId="long", ack="negative")
    hub.clock.advance(61)
    assert [it.system["messageId"] for it in hub.registry.messages.waiting(HOST, "pump-1")] == ["long"]
    assert _outcomes(hub) == [("short", "Expired")]
    hub.clock.advance(7200)
    assert _receive(hub).status == 204
    assert _outcomes(hub) == [("long", "Expired")]


@pytest.mark.parametrize("expiry", ["yesterday", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_times_that_cannot_be(hub: Any, expiry: str) -> None:
    hub.device("pump-1")
    assert hub.refusal("POST", SEND, {"body": "x", "expiryTimeUtc": expiry}) == (
        400,
        "InvalidMessageExpiryTime",
    )


def test_over_https_a_message_is_locked_settled_and_counted(hub: Any) -> None:
    hub.set_hub(cloudToDevice={"maxDeliveryCount": 2})
    hub.device("pump-1")
    _send(hub, messageId="m", ack="full", properties={"a": "b"})
    first = _receive(hub)
    assert (first.body, first.headers["iothub-messageid"], first.headers["iothub-app-a"]) == (b"go", "m", "b")
    assert _receive(hub).status == 204  # locked
    hub.clock.advance(61)
    second = _receive(hub)
    assert second.headers["iothub-deliverycount"] == "0"  # a lost lock is no delivery that failed
    lost = hub.refusal("DELETE", f"{BOUND}/{_lock(first)}", headers=_own(hub))
    assert lost == (412, "DeviceMessageLockLost")
    assert hub.call("POST", f"{BOUND}/{_lock(second)}/abandon", headers=_own(hub)).status == 204
    third = _receive(hub)
    assert third.headers["iothub-deliverycount"] == "1"
    assert hub.call("POST", f"{BOUND}/{_lock(third)}/abandon", headers=_own(hub)).status == 204
    assert _receive(hub).status == 204
    assert _outcomes(hub) == [("m", "DeliveryCountExceeded")]


def test_completing_and_rejecting(hub: Any) -> None:
    hub.device("pump-1")
    for name in ("one", "two"):
        _send(hub, messageId=name, ack="full")
    assert hub.call("DELETE", f"{BOUND}/{_lock(_receive(hub))}", headers=_own(hub)).status == 204
    path = f"{BOUND}/{_lock(_receive(hub))}?reject=true"
    assert hub.call("DELETE", path, headers=_own(hub)).status == 204
    assert _outcomes(hub) == [("one", "Success"), ("two", "Rejected")]


def test_feedback_is_wanted_locked_and_forgotten(hub: Any) -> None:
    hub.device("pump-1")
    for ack in ("none", "positive", "negative", "full"):
        _send(hub, messageId=ack, ack=ack)
    hub.call("DELETE", "/devices/pump-1/commands")
    first = hub.call("GET", FEEDBACK)
    assert [it["originalMessageId"] for it in first.body] == ["negative", "full"]
    assert {it["statusCode"] for it in first.body} == {"Purged"}
    assert hub.call("GET", FEEDBACK).status == 204
    assert hub.call("POST", f"{FEEDBACK}/{_lock(first)}/abandon").status == 204
    assert hub.call("GET", FEEDBACK).status == 200
    assert hub.refusal("DELETE", f"{FEEDBACK}/{_lock(first)}") == (412, "DeviceMessageLockLost")
    hub.clock.advance(3601)
    assert hub.call("GET", FEEDBACK).status == 204


def test_a_removed_device_leaves_nothing(hub: Any) -> None:
    hub.device("pump-1")
    _send(hub, ack="full")
    hub.call("DELETE", "/devices/pump-1/commands")
    _send(hub)
    hub.registry.delete_device(HOST, "pump-1")
    assert (hub.store.list("c2d"), hub.store.list("feedback")) == ([], [])


def test_bodies_are_checked(hub: Any) -> None:
    hub.device("pump-1")
    bad: list[Any] = [{"bogus": 1}, {"ack": "maybe"}, {"properties": {"a": 1}}, {"bodyBase64": "?"}, []]
    for body in bad:
        assert hub.refusal("POST", SEND, body) == (400, "ArgumentInvalid")
    assert hub.refusal("POST", SEND.replace("pump-1", "none"), {}) == (404, "DeviceNotFound")


def test_devices_send_over_https_within_the_quota(hub: Any) -> None:
    hub.device("pump-1")
    path = "/devices/pump-1/messages/events"
    assert hub.call("POST", path, b"x" * 100, headers=_own(hub)).status == 204
    assert hub.counters.value(f"{HOST}/telemetry/pump-1") == 1
    assert hub.refusal("POST", path, b"x" * 262145, headers=_own(hub)) == (413, "MessageTooLarge")
    assert hub.refusal("POST", path, b"x")[0] == 401
    hub.set_hub(sku={"name": "F1", "capacity": 1})
    hub.clock.advance(6)
    for _ in range(15):
        assert hub.call("POST", path, b"x" * 262144, headers=_own(hub)).status == 204
    assert hub.refusal("POST", path, b"x" * 262144, headers=_own(hub)) == (403, "IotHubQuotaExceeded")
    hub.clock.advance(86400)
    assert hub.call("POST", path, b"x", headers=_own(hub)).status == 204


def test_telemetry_over_the_quota_ends_the_connection(hub: Any) -> None:
    hub.set_hub(sku={"name": "F1", "capacity": 1})
    hub.device("pump-1")
    conversation, line = hub.connect("pump-1", hub.token("pump-1"))
    message = Publish("devices/pump-1/messages/events/", b"x" * 512 * 500, 0, 0)
    for _ in range(16):
        conversation.publish(message)
    assert line.closed is None
    conversation.publish(message)
    assert "quota" in (line.closed or "")
    assert hub.counters.value(f"{HOST}/refused/quota-exceeded") == 1
    assert hub.counters.value(f"{HOST}/telemetry/pump-1") == 16
