"""A hub's device protocol over MQTT: connect, twin, desired and reported properties, telemetry.

Topics: "Communicate with an IoT hub using the MQTT protocol" (learn.microsoft.com/azure/iot/
iot-mqtt-connect-to-iot-hub). The SDKs connect without a clean session and do not subscribe again after a
reconnection, so subscriptions are kept: kind "session", key "{hub host}/{device id}". Refusals are counted
under "{hub host}/refused/{reason}", messages under "{hub host}/telemetry/{device id}". Answers go out at
QoS 0.
"""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.azure.counters import Counters
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.mqtt import packets
from localcloud.azure.mqtt.packets import Connect, MalformedPacket, Publish
from localcloud.azure.mqtt.payloads import BadPayload, read_object, read_topic, write_object
from localcloud.azure.mqtt.seats import Seats, TooManyTakeovers
from localcloud.azure.mqtt.session import Channel, ConnectRefused, Peer
from localcloud.azure.store import Store

LOG = logging.getLogger("localcloud.hub")
_TWIN_ANSWERS = "$iothub/twin/res/"
_DESIRED = "$iothub/twin/PATCH/properties/desired/"
_TWIN_GET = "$iothub/twin/GET/"
_REPORTED = "$iothub/twin/PATCH/properties/reported/"
_OFFERED = (f"{_TWIN_ANSWERS}#", f"{_DESIRED}#", "$iothub/methods/POST/#")


class HubDirectory(Protocol):
    """What the device side asks of the ARM read model."""

    def hub_by_host(self, host: str) -> dict[str, Any] | None:
        """The hub with this host name."""


class HubDevices:
    """Admits devices to all hubs and keeps track of who is connected."""

    def __init__(
        self, registry: HubRegistry, directory: HubDirectory, store: Store, counters: Counters
    ) -> None:
        self.registry = registry
        self.store = store
        self.counters = counters
        self.seats: Seats[Conversation] = Seats()
        self._directory = directory
        registry.on_desired.append(self._desired_changed)
        registry.on_removed.append(self._removed)

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> "Conversation":
        """Decide on `{hub host}[:port]/{device id}/?api-version=…`. Raises ConnectRefused."""
        host, device_id = _named(connect.username)
        reason = self._wrong(host, device_id, connect.client_id, peer)
        if reason:
            self._refuse(host, device_id, reason)
            raise ConnectRefused(packets.NOT_AUTHORIZED, reason)
        conversation = Conversation(self, host, device_id, channel, clean=connect.clean_session)
        try:
            self.seats.take(conversation.key, conversation)
        except TooManyTakeovers as error:
            self._refuse(host, device_id, "too-many-takeovers")
            raise ConnectRefused(packets.UNAVAILABLE, str(error)) from error
        self.registry.set_connection_state(host, device_id, True)
        return conversation

    def _wrong(self, host: str, device_id: str, client_id: str, peer: Peer) -> str | None:
        """Why a device may not connect; None when it may."""
        if not device_id or client_id != device_id:
            return "client-id-mismatch"
        if self._directory.hub_by_host(host) is None:
            return "unknown-hub"
        try:
            device = self.registry.get_device(host, device_id)
        except HubError:
            return "unknown-device"
        if device["status"] != "enabled":
            return "disabled"
        try:
            return _wrong_certificate(device["authentication"], peer.leaf())
        except ValueError:
            return "malformed-certificate"

    def _refuse(self, host: str, device_id: str, reason: str) -> None:
        known = self._directory.hub_by_host(host) is not None
        self.counters.add(f"{host if known else '-'}/refused/{reason}")
        fields = {"hub": host[:255], "deviceId": device_id[:128], "reason": reason}
        LOG.warning("connection refused", extra={"fields": fields})

    def _desired_changed(self, host: str, device_id: str, patch: dict[str, Any], version: int) -> None:
        holder = self.seats.holder(f"{host.lower()}/{device_id}")
        if holder is not None:
            holder.tell_desired(patch, version)

    def _removed(self, host: str, device_id: str) -> None:
        holder = self.seats.holder(f"{host.lower()}/{device_id}")
        if holder is not None:
            holder.close("the device was removed, disabled, or given other credentials")


class Conversation:
    """One connected device. Sits in its seat as a Channel, so that a newer connection can close it."""

    __slots__ = ("_channel", "_clean", "_devices", "_filters", "device_id", "host", "key", "session_present")

    def __init__(
        self, devices: HubDevices, host: str, device_id: str, channel: Channel, *, clean: bool
    ) -> None:
        self._devices = devices
        self._channel = channel
        self._clean = clean
        self.host = host
        self.device_id = device_id
        self.key = f"{host}/{device_id}"
        kept = devices.store.get("session", self.key)
        if clean and kept:
            devices.store.delete("session", self.key)
        self.session_present = bool(kept) and not clean
        self._filters = frozenset(kept["filters"] if kept and not clean else ())

    def publish(self, message: Publish) -> None:
        """Telemetry, a twin request or reported properties. Another topic ends the connection."""
        topic = message.topic
        if topic.startswith(f"devices/{self.device_id}/messages/events"):
            self._devices.counters.add(f"{self.host}/telemetry/{self.device_id}")
            return
        path, query = read_topic(topic)
        request_id = query.get("$rid", "")
        try:
            if path == _TWIN_GET:
                view = self._devices.registry.device_view(self.host, self.device_id)
                self._answer(200, request_id, write_object(view))
            elif path == _REPORTED:
                self._report(message.payload, request_id)
            else:
                raise MalformedPacket("a device may not publish to this topic of a hub")
        except HubError as error:
            self._fail(error.status, request_id, error.message)

    def subscribe(self, topic_filter: str, qos: int) -> int:
        """Grant the topics a hub offers to this device."""
        if (
            topic_filter not in _OFFERED
            and topic_filter != f"devices/{self.device_id}/messages/devicebound/#"
        ):
            return packets.SUBSCRIPTION_REFUSED
        self._keep(self._filters | {topic_filter})
        return min(qos, 1)

    def unsubscribe(self, topic_filter: str) -> None:
        """Take a subscription back."""
        self._keep(self._filters - {topic_filter})

    def closed(self) -> None:
        """The connection is gone; the device is Disconnected unless a newer connection has the seat."""
        if self._devices.seats.leave(self.key, self):
            self._devices.registry.set_connection_state(self.host, self.device_id, False)

    def close(self, reason: str) -> None:
        """End the connection."""
        self._channel.close(reason)

    def tell_desired(self, patch: dict[str, Any], version: int) -> None:
        """Desired properties changed. A device that has not subscribed hears nothing, as in the service."""
        if f"{_DESIRED}#" in self._filters:
            body = write_object({**patch, "$version": version})
            self._channel.publish(f"{_DESIRED}?$version={version}", body)

    def _report(self, payload: bytes, request_id: str) -> None:
        try:
            patch = read_object(payload)
        except BadPayload as error:
            self._fail(400, request_id, str(error))
            return
        version = self._devices.registry.patch_reported(self.host, self.device_id, patch)
        self._answer(204, f"{request_id}&$version={version}", b"")

    def _fail(self, status: int, request_id: str, message: str) -> None:
        fields = {"hub": self.host, "deviceId": self.device_id, "status": status, "detail": message}
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


def _named(username: str) -> tuple[str, str]:
    """Hub host in lower case without a port, and device id, of a user name."""
    host, _, rest = username.partition("/")
    return host.partition(":")[0].lower(), unquote(rest.partition("/")[0])


def _wrong_certificate(authentication: dict[str, Any], leaf: x509.Certificate | None) -> str | None:
    """X.509 by thumbprint, SHA-1 or SHA-256 as registered; what is wrong, or None."""
    if leaf is None:
        return "no-certificate"
    if authentication["type"] != "selfSigned":
        return "other-authentication"
    now = datetime.now(UTC)
    if now > leaf.not_valid_after_utc:
        return "expired"
    if now < leaf.not_valid_before_utc:
        return "not-yet-valid"
    registered = authentication["x509Thumbprint"].values()
    return None if _is_one_of(leaf.public_bytes(Encoding.DER), registered) else "thumbprint-mismatch"


def _is_one_of(der: bytes, thumbprints: Iterable[str | None]) -> bool:
    for thumbprint in thumbprints:
        digest = hashlib.sha256 if len(thumbprint or "") == 64 else hashlib.sha1
        if thumbprint and digest(der).hexdigest().upper() == thumbprint:
            return True
    return False
