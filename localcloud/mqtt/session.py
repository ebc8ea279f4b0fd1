"""One client's MQTT conversation: CONNECT first, then requests, each handed to the service that admitted it.

A `Service` decides on a CONNECT and gives a `Conversation`; the conversation answers through a `Channel`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography import x509

from localcloud.mqtt import packets
from localcloud.mqtt.packets import Connect, MalformedPacket, Publish

# The longest that the service allows; 0 gets it too (iot-mqtt-connect-to-iot-hub, "keep-alive time-out").
LONGEST_SILENCE_SECONDS = 1767.0
FIRST_PACKET_SECONDS = 20.0


class ConnectRefused(Exception):  # noqa: N818 - a decision, not a fault
    """A CONNECT is answered with this return `code` and the connection closed. Already logged and counted."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Peer(Protocol):
    """Who is at the other end: what it proved in the TLS handshake."""

    def leaf(self) -> x509.Certificate | None:
        """The client certificate, None when it sent none."""

    def chain(self) -> Sequence[x509.Certificate]:
        """Leaf first, then what else the client presented; empty when it sent none."""


class Channel(Protocol):
    """Where a conversation sends."""

    def publish(self, topic: str, payload: bytes, done: Callable[[], None] | None = None) -> None:
        """Send a message: at QoS 0, or at QoS 1 with `done`, which is called when it is acknowledged."""

    def close(self, reason: str) -> None:
        """End the connection; `reason` is for the log."""


class Conversation(Protocol):
    """An admitted client's requests."""

    session_present: bool

    def publish(self, message: Publish) -> None:
        """The client published; raises MalformedPacket for what is not allowed."""

    def subscribe(self, topic_filter: str, qos: int) -> int:
        """The client subscribes; gives the granted QoS or SUBSCRIPTION_REFUSED."""

    def unsubscribe(self, topic_filter: str) -> None:
        """The client unsubscribes."""

    def closed(self) -> None:
        """The connection is gone; called once."""


class Service(Protocol):
    """Decides on clients."""

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """Admit a client. Raises ConnectRefused."""


class Session:
    """The state of one connection; `feed` takes decrypted bytes, `outgoing` collects the answers."""

    __slots__ = (
        "_channel",
        "_conversation",
        "_peer",
        "_rest",
        "_service",
        "_unacknowledged",
        "outgoing",
        "silence_seconds",
    )

    def __init__(self, service: Service, peer: Peer, channel: Channel) -> None:
        self._service = service
        self._peer: Peer | None = peer
        self._channel = channel
        self._conversation: Conversation | None = None
        self._rest = b""
        self._unacknowledged: dict[int, Callable[[], None]] | None = None  # most connections never have any
        self.outgoing: list[bytes] = []
        self.silence_seconds = FIRST_PACKET_SECONDS

    def feed(self, data: bytes) -> bool:
        """Handle bytes; False when the connection is to end. Raises MalformedPacket, ConnectRefused."""
        whole, self._rest = packets.split(self._rest + data if self._rest else data)
        return all(self._handle(head, body) for head, body in whole)

    def send(self, topic: str, payload: bytes, done: Callable[[], None] | None = None) -> None:
        """Add a message to `outgoing`; see `Channel.publish`."""
        if done is None:
            self.outgoing.append(packets.write_publish(topic, payload))
            return
        waiting = self._unacknowledged = self._unacknowledged or {}
        packet_id = next(it for it in range(1, len(waiting) + 2) if it not in waiting)
        waiting[packet_id] = done
        self.outgoing.append(packets.write_publish(topic, payload, 1, packet_id))

    def closed(self) -> None:
        """The connection is gone."""
        conversation, self._conversation, self._peer = self._conversation, None, None
        self._unacknowledged = None
        if conversation is not None:
            conversation.closed()

    def _handle(self, head: int, body: bytes) -> bool:
        kind = head >> 4
        conversation = self._conversation
        if conversation is None:
            return self._connect(kind, body)
        if kind == packets.PUBLISH:
            self._publish(conversation, packets.read_publish(head, body))
        elif kind == packets.SUBSCRIBE:
            self._subscribe(conversation, body)
        elif kind == packets.PINGREQ:
            self.outgoing.append(packets.PINGRESP_BYTES)
        elif kind == packets.UNSUBSCRIBE:
            self._unsubscribe(conversation, body)
        elif kind == packets.DISCONNECT:
            return False
        elif kind == packets.PUBACK:
            self._acknowledged(packets.read_puback(body))
        else:
            raise MalformedPacket(f"a client must not send packet type {kind} here")
        return True

    def _connect(self, kind: int, body: bytes) -> bool:
        """The first packet; False when the connection has ended and this is a late one."""
        if self._peer is None:
            return False
        if kind != packets.CONNECT:
            raise MalformedPacket("the first packet is not CONNECT")
        connect = packets.read_connect(body)
        if connect.level != 4:
            raise ConnectRefused(packets.WRONG_PROTOCOL, f"protocol level {connect.level}")
        place = len(self.outgoing)
        conversation = self._service.accept(connect, self._peer, self._channel)
        self._conversation, self._peer = conversation, None
        connack = packets.write_connack(packets.ACCEPTED, conversation.session_present)
        self.outgoing.insert(place, connack)  # before what the service sends at once
        wished = connect.keep_alive_seconds * 1.5
        self.silence_seconds = min(wished or LONGEST_SILENCE_SECONDS, LONGEST_SILENCE_SECONDS)
        return True

    def _publish(self, conversation: Conversation, message: Publish) -> None:
        if message.qos == 2:
            raise MalformedPacket("the service does not take QoS 2")
        if message.qos == 1:
            self.outgoing.append(packets.write_puback(message.packet_id))
        conversation.publish(message)

    def _acknowledged(self, packet_id: int) -> None:
        """A PUBACK that answers nothing is let be: it may be for a message of an earlier connection."""
        done = self._unacknowledged.pop(packet_id, None) if self._unacknowledged else None
        if done is not None:
            done()

    def _subscribe(self, conversation: Conversation, body: bytes) -> None:
        packet_id, filters = packets.read_subscribe(body)
        place = len(self.outgoing)
        codes = [conversation.subscribe(topic, qos) for topic, qos in filters]
        self.outgoing.insert(place, packets.write_suback(packet_id, codes))

    def _unsubscribe(self, conversation: Conversation, body: bytes) -> None:
        packet_id, filters = packets.read_unsubscribe(body)
        for topic in filters:
            conversation.unsubscribe(topic)
        self.outgoing.append(packets.write_unsuback(packet_id))
