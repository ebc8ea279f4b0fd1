"""One connected device or module: twin, desired and reported properties, methods, messages both ways.

The SDKs connect without a clean session and do not subscribe again after a reconnection, so subscriptions are
kept: kind "session", key "{hub host}/{subject}". Answers go out at QoS 0, cloud-to-device messages at QoS 1:
the device's PUBACK completes them; what is not acknowledged comes again with the next connection.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

from cryptography import x509

from localcloud.azure.hub import credentials
from localcloud.azure.hub.credentials import Credentials
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.messages import Message
from localcloud.azure.hub.meter import Meter
from localcloud.azure.hub.registry import HubRegistry
from localcloud.counters import Counters
from localcloud.mqtt import packets
from localcloud.mqtt.packets import MalformedPacket, Publish
from localcloud.mqtt.payloads import BadPayload, read_object, read_topic, write_object
from localcloud.mqtt.seats import Seats
from localcloud.mqtt.session import Channel
from localcloud.store import Store

LOG = logging.getLogger("localcloud.hub")
_TWIN_ANSWERS = "$iothub/twin/res/"
_DESIRED = "$iothub/twin/PATCH/properties/desired/"
_TWIN_GET = "$iothub/twin/GET/"
_REPORTED = "$iothub/twin/PATCH/properties/reported/"
_METHODS = "$iothub/methods/POST/"
_METHOD_ANSWERS = "$iothub/methods/res/"
_OFFERED = (f"{_TWIN_ANSWERS}#", f"{_DESIRED}#", f"{_METHODS}#")
# "Using the MQTT protocol directly", system properties in a property bag.
_SYSTEM = {
    "messageId": "$.mid",
    "correlationId": "$.cid",
    "userId": "$.uid",
    "contentType": "$.ct",
    "contentEncoding": "$.ce",
    "expiryTimeUtc": "$.exp",
    "ack": "iothub-ack",
}


class Devices(Protocol):
    """What a conversation needs of those who admitted it (`HubDevices`)."""

    registry: HubRegistry
    store: Store
    counters: Counters
    meter: Meter
    credentials: Credentials
    seats: "Seats[Conversation]"

    def refuse(self, host: str, subject: str, reason: str) -> None:
        """Count and log a refusal."""


class Conversation:
    """Sits in its seat as a Channel, so that a newer connection can close it."""

    __slots__ = (
        "_channel",
        "_clean",
        "_delivering",
        "_devices",
        "_filters",
        "host",
        "key",
        "session_present",
        "shown",
        "subject",
    )

    def __init__(self, devices: Devices, host: str, subject: str, channel: Channel, *, clean: bool) -> None:
        self._devices = devices
        self._channel = channel
        self._clean = clean
        self._delivering: set[str] | None = None
        self.shown: x509.Certificate | None = None  # by a device that may ask for its next one
        self.host = host
        self.subject = subject
        self.key = f"{host}/{subject}"
        kept = devices.store.get("session", self.key)
        if clean and kept:
            devices.store.delete("session", self.key)
        self.session_present = bool(kept) and not clean
        self._filters = frozenset(kept["filters"] if kept and not clean else ())

    def begin(self) -> None:
        """It has its seat: what its kept subscriptions wait for can come."""
        if self._filters:
            self._subscribed(self._filters)

    def publish(self, message: Publish) -> None:
        """Telemetry, a twin request, reported properties, a method's answer or a request for a certificate;
        else the connection ends.
        """
        topic = message.topic
        if topic.startswith(f"{self._base}/messages/events"):
            self._telemetry(len(message.payload))
            return
        path, query = read_topic(topic)
        request_id = query.get("$rid", "")
        try:
            if path == _TWIN_GET:
                view = self._devices.registry.device_view(self.host, self.subject)
                self._answer(200, request_id, write_object(view))
            elif path == _REPORTED:
                self._report(message.payload, request_id)
            elif path.startswith(_METHOD_ANSWERS):
                self._method_answered(path, request_id, message.payload)
            elif path == credentials.REQUEST and "/" not in self.subject:
                self._issue(request_id, message.payload)
            else:
                raise MalformedPacket("a device may not publish to this topic of a hub")
        except HubError as error:
            self._fail(error.status, request_id, error.message)

    def subscribe(self, topic_filter: str, qos: int) -> int:
        """Grant the topics a hub offers to this device or module."""
        if topic_filter not in _OFFERED and topic_filter not in self._own_filters():
            return packets.SUBSCRIPTION_REFUSED
        self._keep(self._filters | {topic_filter})
        self._subscribed(frozenset((topic_filter,)))
        return min(qos, 1)

    def unsubscribe(self, topic_filter: str) -> None:
        """Take a subscription back."""
        self._keep(self._filters - {topic_filter})

    def closed(self) -> None:
        """The connection is gone; the device is Disconnected unless a newer connection has the seat."""
        if self._devices.seats.leave(self.key, self):
            self._devices.registry.set_connection_state(self.host, self.subject, False)

    def close(self, reason: str) -> None:
        """End the connection."""
        self._channel.close(reason)

    def tell_desired(self, patch: dict[str, Any], version: int) -> None:
        """Desired properties changed. A device that has not subscribed hears nothing, as in the service."""
        if f"{_DESIRED}#" in self._filters:
            body = write_object({**patch, "$version": version})
            self._channel.publish(f"{_DESIRED}?$version={version}", body)

    def ask(self, name: str, request_id: str, payload: bytes) -> bool:
        """Send a method request; False when the device has not subscribed to methods."""
        if f"{_METHODS}#" not in self._filters:
            return False
        self._channel.publish(f"{_METHODS}{quote(name, safe='')}/?$rid={request_id}", payload)
        return True

    def deliver(self) -> None:
        """Send the cloud-to-device messages that are not on their way yet."""
        if f"{self._base}/messages/devicebound/#" not in self._filters:
            return
        under_way = self._delivering = self._delivering or set()
        for message in self._devices.registry.messages.waiting(self.host, self.subject):
            if message.key not in under_way:
                under_way.add(message.key)
                self._channel.publish(self._bag(message), message.body, self._completing(message))

    @property
    def _base(self) -> str:
        device_id, slash, module_id = self.subject.partition("/")
        return f"devices/{device_id}/modules/{module_id}" if slash else f"devices/{device_id}"

    def _own_filters(self) -> tuple[str, ...]:
        if "/" in self.subject:
            return (f"{self._base}/#", f"{self._base}/inputs/#")
        return (f"{self._base}/messages/devicebound/#", f"{credentials.ANSWERS}#")

    def _subscribed(self, filters: frozenset[str]) -> None:
        if f"{_METHODS}#" in filters:
            self._devices.registry.methods.arrived(self.key)
        if f"{self._base}/messages/devicebound/#" in filters:
            self.deliver()

    def _telemetry(self, size_bytes: int) -> None:
        """A hub at its quota ends the connection: MQTT has no other way to refuse a message."""
        if self._devices.meter.take(self.host, size_bytes):
            self._devices.counters.add(f"{self.host}/telemetry/{self.subject}")
            return
        self._devices.refuse(self.host, self.subject, "quota-exceeded")
        self.close("the hub's daily quota of messages is used up")

    def _completing(self, message: Message) -> Callable[[], None]:
        def done() -> None:
            if self._delivering:
                self._delivering.discard(message.key)
            self._devices.registry.messages.complete(self.host, self.subject, message)

        return done

    def _bag(self, message: Message) -> str:
        """`…/devicebound/{property bag}`."""
        system = {"$.to": f"/{self._base}/messages/deviceBound"}
        system |= {_SYSTEM[name]: value for name, value in message.system.items() if name in _SYSTEM}
        pairs = {**system, **message.properties}.items()
        bag = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
        return f"{self._base}/messages/devicebound/{bag}"

    def _method_answered(self, path: str, request_id: str, payload: bytes) -> None:
        status = path.removeprefix(_METHOD_ANSWERS).rstrip("/")
        if not status.lstrip("-").isdecimal() or len(status) > 10:
            raise MalformedPacket("a method's answer has no whole number as its status")
        self._devices.registry.methods.answered(self.key, request_id, int(status), payload)

    def _report(self, payload: bytes, request_id: str) -> None:
        try:
            patch = read_object(payload)
        except BadPayload as error:
            self._fail(400, request_id, str(error))
            return
        version = self._devices.registry.patch_reported(self.host, self.subject, patch)
        self._answer(204, f"{request_id}&$version={version}", b"")

    def _issue(self, request_id: str, payload: bytes) -> None:
        if not request_id:
            raise MalformedPacket("a request for a certificate has no $rid, so it cannot be answered")
        issuing = self._devices.credentials
        for status, body in issuing.answer(self.host, self.subject, self.shown, payload):
            if f"{credentials.ANSWERS}#" in self._filters:
                self._channel.publish(f"{credentials.ANSWERS}{status}/?$rid={request_id}", body)

    def _fail(self, status: int, request_id: str, message: str) -> None:
        fields = {"hub": self.host, "deviceId": self.subject, "status": status, "detail": message}
        LOG.warning("twin request failed", extra={"fields": fields})
        self._answer(status, request_id, write_object({"message": message}))

    def _answer(self, status: int, request_id: str, payload: bytes) -> None:
        if f"{_TWIN_ANSWERS}#" in self._filters:
            self._channel.publish(f"{_TWIN_ANSWERS}{status}/?$rid={request_id}", payload)

    def _keep(self, filters: frozenset[str]) -> None:
        if filters == self._filters:
            return
        self._filters = filters
        if not self._clean:
            self._devices.store.put("session", self.key, {"filters": sorted(filters)})
