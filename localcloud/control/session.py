"""An MQTT session that suffers the faults and limits that are switched on, before its service sees anything.

What throttling looks like over MQTT is published in part: DPS and twin requests are answered with status 429
(iot-dps-mqtt-support; iot-mqtt-connect-to-iot-hub), telemetry above the rate waits in a queue ("traffic
shaping"). Not published, so chosen: a connection above the rate gets CONNACK 3 (server unavailable), and a
device whose telemetry would wait longer than LONGEST_QUEUE_SECONDS is disconnected.
"""

import math
import uuid
from collections.abc import Callable
from typing import Protocol

from localcloud.control.faults import Fault
from localcloud.control.operations import GLOBAL_DPS, Operation, of_message
from localcloud.control.switches import Switches
from localcloud.mqtt import packets
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.payloads import read_topic, write_object
from localcloud.mqtt.session import Channel, ConnectRefused, Conversation, Peer, Service, Session

LONGEST_QUEUE_SECONDS = 30.0
_AMAZON = ".amazonaws.com"
_ANSWERS = {"$dps/registrations/": "$dps/registrations/res/", "$iothub/twin/": "$iothub/twin/res/"}


class Line(Channel, Protocol):
    """A channel that can wait and break."""

    def later(self, seconds: float, work: Callable[[], bool]) -> None:
        """Call `work` then, as if bytes had come, unless the connection has ended; False ends it."""

    def reset(self) -> None:
        """Break the connection."""


class DisturbedSession(Session):
    """One connection. Packets that came behind a delayed one wait, as in a slow network."""

    __slots__ = ("_device", "_held", "_line", "_real", "_switches")

    def __init__(self, service: Service, peer: Peer, line: Line, switches: Switches) -> None:
        super().__init__(self, peer, line)
        self._real = service
        self._line = line
        self._switches = switches
        self._device = ""
        self._held: list[tuple[int, bytes]] | None = None

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """Note who it is, and hand over to the real service."""
        self._device = _asked_for(peer) or _device(connect.username)
        return self._real.accept(connect, peer, channel)

    def send(
        self, topic: str, payload: bytes, done: Callable[[], None] | None = None, properties: bytes = b""
    ) -> None:
        """An answer or a message of the service's own: it may get lost or late."""
        fault = self._fault("answer", topic) if self._switches.active else None
        if fault is None:
            super().send(topic, payload, done, properties)
        elif fault.action == "delay":
            self._line.later(fault.delay_seconds, lambda: self._send_now(topic, payload, done, properties))
        elif fault.action == "reset":
            self._line.reset()

    def _send_now(
        self, topic: str, payload: bytes, done: Callable[[], None] | None, properties: bytes
    ) -> bool:
        super().send(topic, payload, done, properties)
        return True

    def _handle(self, head: int, body: bytes) -> bool:
        if self._held is not None:
            self._held.append((head, body))
            return True
        if self._switches.active and head >> 4 in (packets.CONNECT, packets.PUBLISH):
            return self._disturb(head, body)
        return super()._handle(head, body)

    def _disturb(self, head: int, body: bytes) -> bool:
        what = self._described(head, body)
        fault = self._fault("request", what)
        if fault is None:
            return self._throttle(head, body)
        if fault.action == "delay":
            self._hold(fault.delay_seconds, head, body)
        elif fault.action == "reset":
            self._line.reset()
            return False
        elif fault.action == "status":
            return self._refuse(head, body, fault.status, 1)
        return True

    def _throttle(self, head: int, body: bytes) -> bool:
        operation = self._operation(head, body)
        seconds = self._switches.waits(operation) if operation else 0.0
        if not operation or not seconds:
            return super()._handle(head, body)
        if operation.limit != "telemetry":
            return self._refuse(head, body, 429 if head >> 4 == packets.PUBLISH else 3, math.ceil(seconds))
        if seconds > LONGEST_QUEUE_SECONDS:
            self._line.close("throttled: telemetry would wait too long")
            return False
        self._hold(seconds, head, body)
        return True

    def _hold(self, seconds: float, head: int, body: bytes) -> None:
        """Keep this packet and those behind it for some time."""
        self._held = []
        self._line.later(seconds, lambda: self._release(head, body))

    def _release(self, head: int, body: bytes) -> bool:
        held, self._held = self._held or [], None
        return super()._handle(head, body) and all(self._handle(*it) for it in held)

    def _refuse(self, head: int, body: bytes, status: int, retry_after_seconds: int) -> bool:
        """A CONNECT gets a return code, a request a status; what has no answer ends the connection."""
        if head >> 4 == packets.CONNECT:
            raise ConnectRefused(min(status, 5), "refused by a fault or a limit that is switched on")
        message = self._dialect.read_publish(head, body)
        path, query = read_topic(message.topic)
        answers = next((to for prefix, to in _ANSWERS.items() if path.startswith(prefix)), None)
        if answers is None:
            self._line.close("refused by a fault or a limit that is switched on")
            return False
        if message.qos:
            self.outgoing.append(self._dialect.write_puback(message.packet_id))
        after = f"&retry-after={retry_after_seconds}" if answers.startswith("$dps") and status >= 429 else ""
        super().send(f"{answers}{status}/?$rid={query.get('$rid', '')}{after}", self._words(status))
        return True

    def _words(self, status: int) -> bytes:
        body = {
            "errorCode": status * 1000 + 1,
            "trackingId": str(uuid.uuid4()),
            "message": "A fault or a limit that is switched on in the local cloud.",
            "timestampUtc": self._switches.clock.text(),
        }
        return write_object(body)

    def _fault(self, stage: str, what: str) -> Fault | None:
        return self._switches.faults.hit("mqtt", stage, _host(self._device), what)

    def _described(self, head: int, body: bytes) -> str:
        if head >> 4 == packets.PUBLISH:
            return self._dialect.read_publish(head, body).topic
        connect = self._read_connect(body)
        self._device = (_asked_for(self._peer) if self._peer else "") or _device(connect.username)
        return f"CONNECT {connect.client_id}"

    def _operation(self, head: int, body: bytes) -> Operation | None:
        host = _host(self._device)
        if head >> 4 == packets.CONNECT:
            return None if host == GLOBAL_DPS else Operation(host, "connections")
        return of_message(host, self._dialect.read_publish(head, body).topic, self._device)


def _asked_for(peer: Peer) -> str:
    """AWS' host, which the handshake names; empty for Azure's, whose user names say more."""
    name = peer.server_name()
    return name if name.endswith(_AMAZON) else ""


def _device(username: str) -> str:
    """ "{hub host}" of a hub's user name, "{id scope}/{registration id}" of DPS' one."""
    first, _, rest = username.partition("/")
    if not rest.startswith("registrations/"):
        return first.partition(":")[0].lower()
    return f"{first}/{rest.split('/')[1]}".lower()


def _host(device: str) -> str:
    return GLOBAL_DPS if "/" in device else device
