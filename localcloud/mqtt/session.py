"""One client's MQTT conversation: CONNECT first, then requests, each handed to the service that admitted it.

A `Service` decides on a CONNECT and gives a `Conversation`; the conversation answers through a `Channel`.
Levels 4 (3.1.1) and 5 of the protocol are read; a service that does not want one refuses it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from cryptography import x509

from localcloud.mqtt import packets, packets5
from localcloud.mqtt.packets import Connect, MalformedPacket, Publish, Subscribe, Unsubscribe

# The longest that the service allows; 0 gets it too (iot-mqtt-connect-to-iot-hub, "keep-alive time-out").
LONGEST_SILENCE_SECONDS = 1767.0
FIRST_PACKET_SECONDS = 20.0


class ConnectRefused(Exception):  # noqa: N818 - a decision, not a fault
    """A CONNECT is answered with this return `code`, or None with nothing, and the connection closed.

    Already logged and counted.
    """

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Peer(Protocol):
    """Who is at the other end: what it proved in the TLS handshake."""

    def leaf(self) -> x509.Certificate | None:
        """The client certificate, None when it sent none."""

    def chain(self) -> Sequence[x509.Certificate]:
        """Leaf first, then what else the client presented; empty when it sent none."""

    def server_name(self) -> str:
        """The host that it asked for in the handshake; empty when it named none."""


class Channel(Protocol):
    """Where a conversation sends."""

    def publish(
        self, topic: str, payload: bytes, done: Callable[[], None] | None = None, properties: bytes = b""
    ) -> None:
        """Send a message: at QoS 0, or at QoS 1 with `done`, which is called when it is acknowledged."""

    def close(self, reason: str, code: int | None = None) -> None:
        """End the connection; `reason` is for the log, `code` for a client of MQTT 5."""


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


@runtime_checkable
class Polite(Protocol):
    """A conversation that wants to know whether its client said goodbye."""

    def left(self) -> None:
        """The client sent DISCONNECT; `closed` comes next."""


class Service(Protocol):
    """Decides on clients."""

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """Admit a client. Raises ConnectRefused."""


class Dialect(Protocol):
    """A level of the protocol: `packets` or `packets5`."""

    def read_publish(self, head: int, body: bytes) -> Publish:
        """Read a PUBLISH."""

    def read_subscribe(self, body: bytes) -> Subscribe:
        """Read a SUBSCRIBE."""

    def read_unsubscribe(self, body: bytes) -> Unsubscribe:
        """Read an UNSUBSCRIBE."""

    def read_puback(self, body: bytes) -> int:
        """Read a PUBACK."""

    def write_connack(self, code: int, session_present: bool = ..., /) -> bytes:
        """CONNACK."""

    def write_publish(
        self, topic: str, payload: bytes, qos: int = ..., packet_id: int = ..., properties: bytes = ..., /
    ) -> bytes:
        """PUBLISH."""

    def write_puback(self, packet_id: int) -> bytes:
        """PUBACK."""

    def write_suback(self, packet_id: int, codes: list[int]) -> bytes:
        """SUBACK."""

    def write_unsuback(self, packet_id: int, count: int = ..., /) -> bytes:
        """UNSUBACK for so many filters."""

    def write_disconnect(self, code: int, /) -> bytes:
        """DISCONNECT, where servers send it."""


class Session:
    """The state of one connection; `feed` takes decrypted bytes, `outgoing` collects the answers."""

    __slots__ = (
        "_channel",
        "_conversation",
        "_dialect",
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
        self._dialect: Dialect = packets
        self._rest = b""
        self._unacknowledged: dict[int, Callable[[], None]] | None = None  # most connections never have any
        self.outgoing: list[bytes] = []
        self.silence_seconds = FIRST_PACKET_SECONDS

    def feed(self, data: bytes) -> bool:
        """Handle bytes; False when the connection is to end. Raises MalformedPacket, ConnectRefused."""
        whole, self._rest = packets.split(self._rest + data if self._rest else data)
        return all(self._handle(head, body) for head, body in whole)

    def send(
        self, topic: str, payload: bytes, done: Callable[[], None] | None = None, properties: bytes = b""
    ) -> None:
        """Add a message to `outgoing`; see `Channel.publish`."""
        if done is None:
            self.outgoing.append(self._dialect.write_publish(topic, payload, 0, 0, properties))
            return
        waiting = self._unacknowledged = self._unacknowledged or {}
        packet_id = next(it for it in range(1, len(waiting) + 2) if it not in waiting)
        waiting[packet_id] = done
        self.outgoing.append(self._dialect.write_publish(topic, payload, 1, packet_id, properties))

    def refuse(self, code: int | None) -> None:
        """Add the answer to a CONNECT that is refused: one of `packets`' codes, or None for no answer."""
        if code is not None:
            self.outgoing.append(self._dialect.write_connack(code))

    def dismiss(self, code: int) -> None:
        """Add a goodbye, to a client that was admitted and whose protocol has one."""
        if self._conversation is not None:
            self.outgoing.append(self._dialect.write_disconnect(code))

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
            self._publish(conversation, self._dialect.read_publish(head, body))
        elif kind == packets.SUBSCRIBE:
            self._subscribe(conversation, body)
        elif kind == packets.PINGREQ:
            self.outgoing.append(packets.PINGRESP_BYTES)
        elif kind == packets.UNSUBSCRIBE:
            self._unsubscribe(conversation, body)
        elif kind == packets.DISCONNECT:
            return self._disconnect(conversation, body)
        elif kind == packets.PUBACK:
            self._acknowledged(self._dialect.read_puback(body))
        else:
            raise MalformedPacket(f"a client must not send packet type {kind} here")
        return True

    def _connect(self, kind: int, body: bytes) -> bool:
        """The first packet; False when the connection has ended and this is a late one."""
        if self._peer is None:
            return False
        if kind != packets.CONNECT:
            raise MalformedPacket("the first packet is not CONNECT")
        connect = self._read_connect(body)
        place = len(self.outgoing)
        conversation = self._service.accept(connect, self._peer, self._channel)
        self._conversation, self._peer = conversation, None
        connack = self._dialect.write_connack(packets.ACCEPTED, conversation.session_present)
        self.outgoing.insert(place, connack)  # before what the service sends at once
        wished = connect.keep_alive_seconds * 1.5
        self.silence_seconds = min(wished or LONGEST_SILENCE_SECONDS, LONGEST_SILENCE_SECONDS)
        return True

    def _publish(self, conversation: Conversation, message: Publish) -> None:
        if message.qos == 2:
            raise MalformedPacket("the service does not take QoS 2", packets5.QOS_NOT_SUPPORTED)
        place = len(self.outgoing)
        conversation.publish(message)
        if message.qos == 1:
            self.outgoing.insert(place, self._dialect.write_puback(message.packet_id))

    def _disconnect(self, conversation: Conversation, body: bytes) -> bool:
        """False, as the connection is to end. A client of MQTT 5 may want its will published all the same."""
        with_will = self._dialect is packets5 and body[:1] == bytes((packets5.WITH_WILL,))
        if isinstance(conversation, Polite) and not with_will:
            conversation.left()
        return False

    def _read_connect(self, body: bytes) -> Connect:
        """A CONNECT of a level that is known; from then on this session speaks it."""
        level = packets.read_opening(body).level
        if level == 5:
            self._dialect = packets5
            return packets5.read_connect(body)
        if level != 4:
            raise ConnectRefused(packets.WRONG_PROTOCOL, f"protocol level {level}")
        return packets.read_connect(body)

    def _acknowledged(self, packet_id: int) -> None:
        """A PUBACK that answers nothing is let be: it may be for a message of an earlier connection."""
        done = self._unacknowledged.pop(packet_id, None) if self._unacknowledged else None
        if done is not None:
            done()

    def _subscribe(self, conversation: Conversation, body: bytes) -> None:
        packet_id, filters = self._dialect.read_subscribe(body)
        place = len(self.outgoing)
        codes = [conversation.subscribe(topic, qos) for topic, qos in filters]
        self.outgoing.insert(place, self._dialect.write_suback(packet_id, codes))

    def _unsubscribe(self, conversation: Conversation, body: bytes) -> None:
        packet_id, filters = self._dialect.read_unsubscribe(body)
        for topic in filters:
            conversation.unsubscribe(topic)
        self.outgoing.append(self._dialect.write_unsuback(packet_id, len(filters)))
