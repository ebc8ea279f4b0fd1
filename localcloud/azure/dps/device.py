"""DPS' device protocol over MQTT: register, poll, the hub and device id in the answer.

Topics: "Communicate with your DPS using the MQTT protocol" (learn.microsoft.com/azure/iot-dps/
iot-dps-mqtt-support); bodies: device.json 2021-10-01. A device proves itself by a client certificate, or by
a shared access signature as its password. API versions in user names are not refused: they reach from
2019-03-31 on and the messages are the same. Answers go out at QoS 0. Certificates are issued over HTTPS
only.
"""

import logging
from collections.abc import Sequence
from typing import Any

from cryptography import x509

from localcloud.azure.dps.admission import Presented
from localcloud.azure.dps.csr import refused as certificate_refused
from localcloud.azure.dps.errors import DpsError, error_body
from localcloud.azure.dps.matching import Refused
from localcloud.azure.dps.protocol import (
    RETRY_AFTER_SECONDS,
    accepted_body,
    operation_body,
    read_registration,
)
from localcloud.azure.dps.records import Registering
from localcloud.azure.dps.registry import Match, ProvisioningRegistry
from localcloud.counters import Counters
from localcloud.mqtt import packets
from localcloud.mqtt.packets import Connect, MalformedPacket, Publish
from localcloud.mqtt.payloads import BadPayload, read_object, read_topic, write_object
from localcloud.mqtt.seats import Seats, TooManyTakeovers
from localcloud.mqtt.session import Channel, ConnectRefused, Peer

LOG = logging.getLogger("localcloud.dps")
_ANSWERS = "$dps/registrations/res/"
_REGISTER = "$dps/registrations/PUT/iotdps-register/"
_STATUS = "$dps/registrations/GET/iotdps-get-operationstatus/"


class DpsDevices:
    """Admits devices to all provisioning services; refusals, by whatever protocol, are counted by reason."""

    def __init__(self, registry: ProvisioningRegistry, counters: Counters) -> None:
        self.registry = registry
        self.seats: Seats[Channel] = Seats()
        self._counters = counters
        registry.on_refused.append(self._count)

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> "Registration":
        """Decide on `{idScope}/registrations/{registration id}/api-version=…`. Raises ConnectRefused."""
        id_scope, _, registration_id, *_ = [*connect.username.split("/"), "", ""]
        registry = self.registry
        try:
            if connect.client_id.lower() != registration_id.lower():
                raise Refused(
                    "malformed-registration-id", "the client id and the user name name different ids"
                )
            presented = Presented(id_scope, _presented(peer), connect.password)
            match = registry.admit(registration_id, presented)
            conversation = Registration(self, match, channel)
            self.seats.take(conversation.seat, channel)
        except Refused as refused:
            registry.refuse(registry.owner_of(id_scope), registration_id, refused)
            raise ConnectRefused(packets.NOT_AUTHORIZED, refused.reason) from refused
        except TooManyTakeovers as error:
            registry.refuse(match.dps, registration_id, Refused("too-many-takeovers", str(error)))
            raise ConnectRefused(packets.UNAVAILABLE, str(error)) from error
        return conversation

    def _count(self, dps: str, _registration_id: str, refused: Refused) -> None:
        self._counters.add(f"{dps}/{refused.reason}")


def _presented(peer: Peer) -> Sequence[x509.Certificate]:
    try:
        return peer.chain()
    except ValueError as error:
        raise Refused("invalid-chain", f"a presented certificate is malformed: {error}") from error


class Registration:
    """One admitted device's conversation with DPS."""

    __slots__ = ("_channel", "_devices", "_listening", "_match", "_registry", "seat", "session_present")

    def __init__(self, devices: DpsDevices, match: Match, channel: Channel) -> None:
        self._devices = devices
        self._registry = devices.registry
        self._match = match
        self._channel = channel
        self._listening = False
        self.seat = f"{match.dps}/{match.registration_id.lower()}"
        self.session_present = False

    def publish(self, message: Publish) -> None:
        """Register or poll; every request is answered, an error too."""
        path, query = read_topic(message.topic)
        request_id = query.get("$rid", "")
        try:
            if path == _REGISTER:
                self._register(message.payload, request_id)
            elif path == _STATUS:
                self._status(query.get("operationId", ""), request_id)
            else:
                raise MalformedPacket("a device may not publish to this topic of DPS")
        except Refused as refused:
            self._registry.refuse(self._match.dps, self._match.registration_id, refused)
            self._fail(request_id, DpsError(403, 403000, f"{refused.reason}: {refused.message}"))
        except DpsError as error:
            LOG.warning("registration failed", extra={"fields": self._fields(detail=error.message)})
            self._registry.count_failure(self._match.dps, self._match.registration_id, error)
            self._fail(request_id, error)

    def subscribe(self, topic_filter: str, qos: int) -> int:
        """Only the answers are to be had."""
        if topic_filter != f"{_ANSWERS}#":
            return packets.SUBSCRIPTION_REFUSED
        self._listening = True
        return min(qos, 1)

    def unsubscribe(self, topic_filter: str) -> None:
        """No more answers."""
        if topic_filter == f"{_ANSWERS}#":
            self._listening = False

    def closed(self) -> None:
        """The device has gone."""
        self._devices.seats.leave(self.seat, self._channel)

    def _register(self, payload: bytes, request_id: str) -> None:
        match = self._match
        assignment = self._registry.begin(match, self._asked(payload))
        LOG.info(assignment.status, extra={"fields": self._fields(hub=assignment.hub_host)})
        body = accepted_body(assignment, match.registration_id)
        self._answer(202, request_id, body, f"&retry-after={RETRY_AFTER_SECONDS}")

    def _status(self, operation_id: str, request_id: str) -> None:
        match = self._match
        assignment = self._registry.operation(match.dps, match.registration_id, operation_id)
        if assignment.status == "assigning":
            more = f"&retry-after={RETRY_AFTER_SECONDS}"
            self._answer(202, request_id, operation_body(assignment), more)
        else:
            self._answer(200, request_id, operation_body(assignment))

    def _asked(self, payload: bytes) -> Registering:
        """DeviceRegistration: `registrationId`, and a `payload` that only custom allocation reads."""
        if not payload:
            return Registering()
        try:
            body = read_object(payload)
        except BadPayload as error:
            raise DpsError(400, 400000, f"The registration is {error}.") from error
        asked = read_registration(body, self._match.registration_id)
        if asked.csr is not None:
            raise certificate_refused("csr: certificates are issued over HTTPS, not over MQTT.")
        return Registering(asked.payload)

    def _fail(self, request_id: str, error: DpsError) -> None:
        self._answer(error.status, request_id, error_body(error, self._registry.clock.text()))

    def _answer(self, status: int, request_id: str, body: dict[str, Any], more: str = "") -> None:
        if self._listening:
            self._channel.publish(f"{_ANSWERS}{status}/?$rid={request_id}{more}", write_object(body))

    def _fields(self, **more: str) -> dict[str, str]:
        match = self._match
        known = {"dps": match.dps, "registrationId": match.registration_id, "enrollment": match.enrollment_id}
        return {**known, **more}
