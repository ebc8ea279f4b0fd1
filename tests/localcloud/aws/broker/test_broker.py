"""Who is let in, what policies do to every request, sessions, presence, and limits."""

from typing import Any

import pytest

from localcloud.mqtt import packets
from localcloud.mqtt.packets import Publish
from localcloud.mqtt.session import ConnectRefused

from .conftest import ALL, Cloud, make


def _refused(cloud: Cloud, *given: Any, **more: Any) -> str:
    with pytest.raises(ConnectRefused) as caught:
        cloud.connect(*given, **more)
    assert caught.value.code is None or more.get("level") == 5
    return caught.value.reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("INACTIVE", "certificate-inactive"),
        ("REVOKED", "certificate-revoked"),
        ("PENDING_ACTIVATION", "certificate-pending-activation"),
    ],
)
def test_certificates_that_are_not_active(cloud: Cloud, status: str, reason: str) -> None:
    holder = make("pump-1")
    cloud.certificate(holder, *ALL, status=status)
    assert _refused(cloud, holder, "pump-1") == reason
    assert cloud.refusals() == {reason: 1}


def test_no_certificate_an_unknown_one_and_one_that_is_over(cloud: Cloud) -> None:
    assert _refused(cloud, None, "pump-1") == "certificate-missing"
    assert _refused(cloud, make("pump-1"), "pump-1") == "certificate-unknown"
    holder = make("pump-1", days=2)
    cloud.certificate(holder, *ALL)
    cloud.connect(holder, "pump-1")
    cloud.clock.advance(3 * 86400)
    assert _refused(cloud, holder, "pump-1") == "certificate-not-valid-now"


def test_connecting_needs_a_policy_and_a_client_id(cloud: Cloud) -> None:
    holder = make("pump-1")
    cloud.certificate(holder, ("iot:Connect", "client/pump-1"))
    cloud.connect(holder, "pump-1")
    assert _refused(cloud, holder, "pump-2") == "connect-not-allowed"
    assert _refused(cloud, holder, "") == "client-id-invalid"
    assert _refused(cloud, holder, "x" * 129) == "client-id-invalid"
    assert _refused(cloud, holder, "pump-1", server_name="other-ats.iot.eu-west-1.amazonaws.com") == (
        "server-name-unknown"
    )
    cloud.connect(holder, "pump-1", server_name=cloud.place.endpoint("-ats"))
    with pytest.raises(ConnectRefused) as caught:
        cloud.connect(holder, "pump-2", level=5)
    assert caught.value.code == packets.NOT_AUTHORIZED


_OWN = "${iot:Connection.Thing.ThingName}"


def test_thing_variables_hold_for_the_thing_that_is_attached(cloud: Cloud) -> None:
    holder, other = make("pump-1"), make("pump-2")
    statements = (
        ("iot:Connect", f"client/{_OWN}"),
        ("iot:Publish", f"topic/dt/{_OWN}/${{iot:Connection.Thing.Attributes[line]}}"),
        ("iot:Subscribe", f"topicfilter/cmd/{_OWN}/#"),
        ("iot:Receive", f"topic/cmd/{_OWN}/*"),
    )
    certificate = cloud.certificate(holder, *statements)
    assert _refused(cloud, holder, "pump-1") == "connect-not-allowed"
    cloud.thing("pump-1", certificate, line="a")
    cloud.certificate(other, *ALL)
    device, sender = cloud.connect(holder, "pump-1"), cloud.connect(other, "sender")
    assert _refused(cloud, holder, "pump-2") == "connect-not-allowed"
    assert device.subscribe("cmd/pump-1/#", "cmd/pump-2/#", "#") == [1, 0x80, 0x80]
    sender.subscribe("dt/#")
    device.say("dt/pump-1/a", b"hello")
    assert sender.messages == [("dt/pump-1/a", b"hello")]
    sender.say("cmd/pump-1/stop", b"now")
    assert device.messages == [("cmd/pump-1/stop", b"now")]
    device.say("dt/pump-1/b", b"hello")
    assert device.closed[0][0] == "may not publish to dt/pump-1/b"
    assert cloud.broker.find("pump-1") is None


def test_a_message_that_may_not_be_received_is_not_delivered(cloud: Cloud) -> None:
    holder, other = make("a"), make("b")
    cloud.certificate(holder, ("iot:Connect", "*"), ("iot:Subscribe", "*"), ("iot:Receive", "topic/a/*"))
    cloud.certificate(other, *ALL)
    device, sender = cloud.connect(holder, "a"), cloud.connect(other, "b")
    device.subscribe("#")
    for topic in ("a/1", "b/1", "a/2"):
        sender.say(topic, b"x", 1)
    assert [topic for topic, _ in device.messages] == ["a/1", "a/2"]


def test_a_policy_that_is_taken_off_counts_at_once(cloud: Cloud) -> None:
    holder = make("a")
    certificate = cloud.certificate(holder, *ALL)
    device = cloud.connect(holder, "a")
    device.say("t", b"")
    assert not device.closed
    cloud.world.policies.detach(f"policy-{certificate.id[:8]}", certificate.arn)
    device.say("t", b"")
    assert device.closed


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_is_switched_off_loses_its_connections(cloud: Cloud, status: str) -> None:
    holder, other = make("a"), make("b")
    certificate = cloud.certificate(holder, *ALL)
    cloud.certificate(other, *ALL)
    first, second, third = cloud.connect(holder, "a"), cloud.connect(holder, "b"), cloud.connect(other, "c")
    third.subscribe("$aws/events/presence/disconnected/+")
    cloud.world.certificates.set_status(certificate.id, status)
    assert first.closed
    assert second.closed
    assert not third.closed
    told = third.heard()
    assert told["$aws/events/presence/disconnected/a"]["disconnectReason"] == "AUTH_ERROR"


def test_a_newer_connection_takes_the_client_id(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    watcher = cloud.connect(holder, "watcher")
    watcher.subscribe("$aws/events/presence/#")
    first = cloud.connect(holder, "a")
    second = cloud.connect(holder, "a")
    assert first.closed
    assert not second.closed
    told = watcher.heard()
    assert told["$aws/events/presence/disconnected/a"]["disconnectReason"] == "DUPLICATE_CLIENTID"
    second.leave()
    gone = watcher.heard()["$aws/events/presence/disconnected/a"]
    assert gone["clientInitiatedDisconnect"] is True
    connected = told["$aws/events/presence/connected/a"]
    assert connected["principalIdentifier"] == gone["principalIdentifier"]
    assert connected["versionNumber"] < gone["versionNumber"]


def test_a_persistent_session_keeps_subscriptions_and_messages(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    device, sender = cloud.connect(holder, "a", clean=False), cloud.connect(holder, "b")
    device.subscribe("t/#")
    device.acknowledges = False
    sender.say("t/1", b"1", 1)
    device.leave()
    sender.say("t/2", b"2", 1)
    sender.say("t/3", b"3", 0)
    again = cloud.connect(holder, "a", clean=False)
    assert again.conversation.session_present
    assert [topic for topic, _ in again.messages] == ["t/1", "t/2"]
    again.leave()
    fresh = cloud.connect(holder, "a")
    assert not fresh.conversation.session_present
    sender.say("t/4", b"4", 1)
    assert not fresh.messages


def test_a_session_ends_after_its_time(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    for level, more, seconds in ((4, {}, 3600), (5, {"expiry_seconds": 60}, 60)):
        cloud.connect(holder, "a", clean=False, level=level, **more).leave()
        cloud.clock.advance(seconds - 2)
        again = cloud.connect(holder, "a", clean=False, level=level, **more)
        assert again.conversation.session_present
        again.leave()
        cloud.clock.advance(seconds + 2)
        last = cloud.connect(holder, "a", clean=False, level=level, **more)
        assert not last.conversation.session_present
        last.leave()
        cloud.clock.advance(2 * seconds)
        cloud.plane.tidy()
        assert cloud.broker.sessions.find("a") is None


def test_no_more_are_sent_than_the_client_takes(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    device = cloud.connect(holder, "a", level=5, receive_maximum=2)
    sender = cloud.connect(holder, "b")
    device.subscribe("t")
    device.acknowledges = False
    for number in range(5):
        sender.say("t", str(number).encode(), 1)
    assert len(device.messages) == 2
    device.acknowledges = True
    device.acknowledge()
    assert [payload for _, payload in device.messages] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_will_is_published_unless_the_client_says_goodbye(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    watcher = cloud.connect(holder, "watcher")
    watcher.subscribe("gone/#")
    will = Publish("gone/a", b"!", 1, 0)
    cloud.connect(holder, "a", will=will).leave()
    assert not watcher.messages
    cloud.connect(holder, "a", will=will).conversation.closed()
    assert watcher.messages == [("gone/a", b"!")]
    assert _refused(cloud, holder, "a", will=Publish("gone/+", b"", 0, 0)) == "will-invalid"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Publish("t", b"x" * (128 * 1024 + 1), 0, 0), "a payload of 131073 bytes"),
        (Publish("t", b"", 0, 0, True), "retained messages are not served by the local cloud"),
        (Publish("a/" * 8, b"", 0, 0), "the topic has more than 7 slashes"),
        (Publish("x" * 257, b"", 0, 0), "the topic is longer than 256 bytes"),
        (Publish("$aws/nothing", b"", 0, 0), "$aws/nothing is reserved"),
    ],
)
def test_limits_end_the_connection(cloud: Cloud, message: Publish, words: str) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    device = cloud.connect(holder, "a")
    device.conversation.publish(message)
    assert device.closed[0][0] == words


def test_subscriptions_that_are_refused(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    device, newer = cloud.connect(holder, "a"), cloud.connect(holder, "b", level=5)
    wrong = ("a/#/b", "a+", "$share/g/t", "a/" * 8)
    assert device.subscribe(*wrong) == [0x80] * 4
    assert newer.subscribe(*wrong) == [0x8F, 0x8F, 0x9E, 0x8F]
    assert device.subscribe(*[f"t/{it}" for it in range(51)]) == [1] * 50 + [0x80]
    device.conversation.unsubscribe("t/0")
    assert device.subscribe("t/50", "t/1") == [1, 1]


def test_topics_of_the_service_are_not_in_the_wildcard(cloud: Cloud) -> None:
    holder = make("a")
    cloud.certificate(holder, *ALL)
    device = cloud.connect(holder, "a")
    device.subscribe("#", "+/+")
    cloud.connect(holder, "b")
    assert not device.messages
    device.subscribe("$aws/events/presence/connected/+")
    cloud.connect(holder, "c")
    assert [topic for topic, _ in device.messages] == ["$aws/events/presence/connected/c"]
