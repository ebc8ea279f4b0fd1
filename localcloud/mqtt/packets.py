"""MQTT 3.1.1 packets, the server's half: split a stream, read what clients send, write what servers send.

Source: OASIS "MQTT Version 3.1.1" (mqtt-v3.1.1-os), section numbers in brackets. Pure functions on bytes.
MQTT 5 has the same packets with more in them: `packets5`, whose functions have the same names.
Everything that a client may send wrongly raises `MalformedPacket`, and nothing else.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

ACCEPTED, WRONG_PROTOCOL, WRONG_CLIENT_ID, UNAVAILABLE, NOT_AUTHORIZED = 0, 1, 2, 3, 5
SUBSCRIPTION_REFUSED = 0x80
PINGRESP_BYTES = bytes((PINGRESP << 4, 0))

# A hub takes messages of 256 KB (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-quotas-throttling).
SIZE_LIMIT_BYTES = 256 * 1024 + 4096
_WITH_FLAGS_2 = (SUBSCRIBE, UNSUBSCRIBE)


class MalformedPacket(Exception):  # noqa: N818 - names the packet, as the standard does
    """The client broke the protocol; the connection must be closed [4.8]. Says how.

    `code` is the reason that MQTT 5 gives a client on its way out (mqtt-v5.0-os, 2.4).
    """

    def __init__(self, words: str, code: int = 0x81) -> None:
        super().__init__(words)
        self.code = code


class Split(NamedTuple):
    """Whole packets (first header byte, body) and the bytes of a packet that is not complete yet."""

    packets: list[tuple[int, bytes]]
    rest: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT packet [3.1]. `keep_alive_seconds` 0 means none.

    The password is kept out of repr(), as it is a credential. MQTT 5 alone has the last two: for how long the
    session outlives the connection, and how many messages the client takes unacknowledged.
    """

    client_id: str
    username: str
    clean_session: bool
    keep_alive_seconds: int
    level: int = 4
    password: str = field(default="", repr=False)
    will: "Publish | None" = None
    expiry_seconds: int = 0
    receive_maximum: int = 0xFFFF


class Publish(NamedTuple):
    """A PUBLISH packet [3.3]; `packet_id` is 0 at QoS 0. `properties`, of MQTT 5, go on to subscribers."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retain: bool = False
    properties: bytes = b""


class Subscribe(NamedTuple):
    """A SUBSCRIBE packet [3.8]: filters with the QoS asked for."""

    packet_id: int
    filters: list[tuple[str, int]]


class Unsubscribe(NamedTuple):
    """An UNSUBSCRIBE packet [3.10]."""

    packet_id: int
    filters: list[str]


def split(data: bytes) -> Split:
    """Cut a stream into packets [2.2]; header flags are checked here."""
    packets: list[tuple[int, bytes]] = []
    start, end = 0, len(data)
    while end - start >= 2:
        head = data[start]
        _check_flags(head)
        length, body = _remaining_length(data, start + 1)
        if body < 0 or body + length > end:
            break
        packets.append((head, data[body : body + length]))
        start = body + length
    return Split(packets, data[start:])


class Opening(NamedTuple):
    """The part of a CONNECT that all levels of the protocol have; what follows starts at `end`."""

    level: int
    flags: int
    keep_alive_seconds: int
    end: int


def read_opening(body: bytes) -> Opening:
    """Read a CONNECT up to its keep-alive time. Level 3 stands for any that is too old [3.1.2.2]."""
    name, at = read_text(body, 0)
    if name not in ("MQTT", "MQIsdp"):
        raise MalformedPacket("the protocol name is not MQTT")
    if len(body) < at + 4:
        raise MalformedPacket("the CONNECT is cut short")
    level, flags = body[at], body[at + 1]
    keep_alive = int.from_bytes(body[at + 2 : at + 4], "big")
    return Opening(3 if name != "MQTT" and level == 4 else level, flags, keep_alive, at + 4)


def read_connect(body: bytes) -> Connect:
    """Read a CONNECT. Another protocol level than 4 is for the caller to refuse, by `level` [3.1.2.2]."""
    level, flags, keep_alive, at = read_opening(body)
    if level != 4:
        return Connect("", "", True, keep_alive, level=level)
    check_connect_flags(flags)
    if flags & 0x40 and not flags & 0x80:
        raise MalformedPacket("the CONNECT has a password and no user name")
    client_id, at = read_text(body, at)
    will = None
    if flags & 0x04:
        topic, at = read_text(body, at)
        payload, at = read_binary(body, at)
        will = Publish(topic, payload, flags >> 3 & 3, 0, bool(flags & 0x20))
    username, password = read_credentials(body, at, flags)
    return Connect(client_id, username, bool(flags & 0x02), keep_alive, password=password, will=will)


def read_credentials(body: bytes, at: int, flags: int) -> tuple[str, str]:
    """The user name and the password, with which a CONNECT ends."""
    username, password = "", b""
    if flags & 0x80:
        username, at = read_text(body, at)
    if flags & 0x40:
        password, at = read_binary(body, at)
    if at != len(body):
        raise MalformedPacket("the CONNECT has bytes left over")
    return username, password.decode(errors="replace")


def read_publish(head: int, body: bytes) -> Publish:
    """Read a PUBLISH; `head` is its first byte."""
    topic, qos, packet_id, at = read_address(head, body)
    return Publish(topic, body[at:], qos, packet_id, bool(head & 1))


def read_address(head: int, body: bytes) -> tuple[str, int, int, int]:
    """Topic, QoS and identifier of a PUBLISH, and where the rest starts."""
    qos = head >> 1 & 3
    if qos == 3:
        raise MalformedPacket("the PUBLISH has QoS 3")
    topic, at = read_text(body, 0)
    if not topic or "+" in topic or "#" in topic:
        raise MalformedPacket("the PUBLISH topic is empty or has wildcards")
    if not qos:
        return topic, qos, 0, at
    return topic, qos, read_packet_id(body, at), at + 2


def read_subscribe(body: bytes) -> Subscribe:
    """Read a SUBSCRIBE, at least one filter."""
    packet_id, at = read_packet_id(body, 0), 2
    filters: list[tuple[str, int]] = []
    while at < len(body):
        topic, at = read_filter(body, at)
        if at >= len(body) or body[at] > 2:
            raise MalformedPacket("a SUBSCRIBE filter lacks a QoS of 0 to 2")
        filters.append((topic, body[at]))
        at += 1
    if not filters:
        raise MalformedPacket("the SUBSCRIBE has no filter")
    return Subscribe(packet_id, filters)


def read_unsubscribe(body: bytes) -> Unsubscribe:
    """Read an UNSUBSCRIBE, at least one filter."""
    packet_id, at = read_packet_id(body, 0), 2
    filters: list[str] = []
    while at < len(body):
        topic, at = read_filter(body, at)
        filters.append(topic)
    if not filters:
        raise MalformedPacket("the UNSUBSCRIBE has no filter")
    return Unsubscribe(packet_id, filters)


def read_puback(body: bytes) -> int:
    """Read a PUBACK [3.4]: which message the client acknowledges."""
    if len(body) != 2:
        raise MalformedPacket("a PUBACK has two bytes")
    return read_packet_id(body, 0)


def write_connack(code: int, session_present: bool = False) -> bytes:
    """CONNACK [3.2]; a refusal never has a session."""
    return bytes((CONNACK << 4, 2, session_present and code == ACCEPTED, code))


def write_publish(
    topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, _properties: bytes = b""
) -> bytes:
    """PUBLISH [3.3] without DUP and RETAIN; properties are MQTT 5's."""
    name = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    length = 2 + len(name) + len(identifier) + len(payload)
    head = bytes((PUBLISH << 4 | qos << 1,))
    return b"".join((head, write_length(length), len(name).to_bytes(2, "big"), name, identifier, payload))


def write_puback(packet_id: int) -> bytes:
    """PUBACK [3.4]."""
    return bytes((PUBACK << 4, 2, packet_id >> 8, packet_id & 0xFF))


def write_suback(packet_id: int, codes: list[int]) -> bytes:
    """SUBACK [3.9]: the granted QoS, or SUBSCRIPTION_REFUSED, for each filter."""
    head = bytes((SUBACK << 4,)) + write_length(2 + len(codes))
    return head + packet_id.to_bytes(2, "big") + bytes(codes)


def write_unsuback(packet_id: int, _count: int = 0) -> bytes:
    """UNSUBACK [3.11]."""
    return bytes((UNSUBACK << 4, 2, packet_id >> 8, packet_id & 0xFF))


def write_disconnect(_code: int) -> bytes:
    """Nothing: only MQTT 5 has servers say goodbye."""
    return b""


def write_length(length: int) -> bytes:
    """Remaining length, seven bits a byte [2.2.3]."""
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def _check_flags(head: int) -> None:
    kind, flags = head >> 4, head & 0x0F
    if kind == PUBLISH:
        return
    if kind in (0, 15):
        raise MalformedPacket(f"packet type {kind} does not exist")
    if flags != (2 if kind in _WITH_FLAGS_2 or kind == 6 else 0):
        raise MalformedPacket(f"packet type {kind} has header flags {flags}")


def _remaining_length(data: bytes, at: int) -> tuple[int, int]:
    """The length and where the body starts; the start is -1 while bytes are missing."""
    length = 0
    for place, digit in enumerate(data[at : at + 4]):
        length |= (digit & 0x7F) << 7 * place
        if digit < 0x80:
            if length > SIZE_LIMIT_BYTES:
                raise MalformedPacket(f"a packet of {length} bytes is larger than {SIZE_LIMIT_BYTES}")
            return length, at + place + 1
    if len(data) >= at + 4:
        raise MalformedPacket("the remaining length has more than four bytes")
    return 0, -1


def check_connect_flags(flags: int) -> None:
    """[3.1.2.3] to [3.1.2.9]."""
    will, will_qos, will_retain = flags & 0x04, flags >> 3 & 3, flags & 0x20
    if flags & 0x01 or will_qos == 3 or (not will and (will_qos or will_retain)):
        raise MalformedPacket(f"the CONNECT has flags {flags:#04x}")


def read_binary(body: bytes, at: int) -> tuple[bytes, int]:
    """A field of bytes with its length before it, and where it ends."""
    start = at + 2
    end = start + int.from_bytes(body[at:start], "big")
    if len(body) < start or len(body) < end:
        raise MalformedPacket("a field is cut short")
    return body[start:end], end


def read_text(body: bytes, at: int) -> tuple[str, int]:
    """A text [1.5.3], and where it ends."""
    raw, end = read_binary(body, at)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("a text is not UTF-8") from error
    if "\0" in text:
        raise MalformedPacket("a text holds U+0000")
    return text, end


def read_filter(body: bytes, at: int) -> tuple[str, int]:
    """A topic filter, and where it ends."""
    topic, end = read_text(body, at)
    if not topic:
        raise MalformedPacket("a topic filter is empty")
    return topic, end


def read_packet_id(body: bytes, at: int) -> int:
    """A packet identifier [2.3.1]."""
    packet_id = int.from_bytes(body[at : at + 2], "big")
    if len(body) < at + 2 or packet_id == 0:
        raise MalformedPacket("the packet identifier is missing or 0")
    return packet_id
