"""MQTT 5 packets, the server's half: what differs from `packets`, under the same names.

Source: OASIS "MQTT Version 5.0" (mqtt-v5.0-os), section numbers in brackets. What AWS IoT does not have is
refused: QoS 2, subscription identifiers, enhanced authentication. Refused too, where AWS has it, and told to
the client in CONNACK as the standard provides: topic aliases, retained messages, shared subscriptions. "No
local" has no such flag and ends the connection.
"""

from collections.abc import Callable
from typing import NamedTuple

from localcloud.mqtt import packets
from localcloud.mqtt.packets import (
    CONNACK,
    DISCONNECT,
    PUBACK,
    SUBACK,
    SUBSCRIPTION_REFUSED,
    UNSUBACK,
    Connect,
    MalformedPacket,
    Publish,
    Subscribe,
    Unsubscribe,
    write_length,
)

WITH_WILL, NOT_AUTHORIZED, PROTOCOL_ERROR, TAKEN_OVER = 0x04, 0x87, 0x82, 0x8E
KEEP_ALIVE_TIMEOUT, TOPIC_FILTER_INVALID, TOPIC_NAME_INVALID, TOO_LARGE = 0x8D, 0x8F, 0x90, 0x95
RETAIN_NOT_SUPPORTED, QOS_NOT_SUPPORTED, SHARED_NOT_SUPPORTED = 0x9A, 0x9B, 0x9E
ADMINISTRATIVE, SUBSCRIPTION_IDS_NOT_SUPPORTED, ALIAS_INVALID = 0x98, 0xA1, 0x94
QUOTA_EXCEEDED = 0x97
_CONNECT_CODES = {
    packets.ACCEPTED: 0x00,
    packets.WRONG_PROTOCOL: 0x84,
    packets.WRONG_CLIENT_ID: 0x85,
    packets.UNAVAILABLE: 0x88,
    packets.NOT_AUTHORIZED: 0x87,
}
# Properties [2.2.2.2]: what a value is, by identifier.
_EXPIRY, _RECEIVE_MAXIMUM, _ALIAS, _SUBSCRIPTION_ID = 0x11, 0x21, 0x23, 0x0B
_AUTHENTICATION, _SHARED_AVAILABLE, _IDS_AVAILABLE = 0x15, 0x2A, 0x29
_MAXIMUM_QOS, _RETAIN_AVAILABLE, _USER = 0x24, 0x25, 0x26
_FORWARDED = (0x01, 0x02, 0x03, 0x08, 0x09, _USER)
_IN_CONNECT = (_EXPIRY, _RECEIVE_MAXIMUM, 0x27, 0x22, 0x19, 0x17, _USER, _AUTHENTICATION, 0x16)
_IN_WILL = (0x18, *_FORWARDED)
_IN_PUBLISH = (*_FORWARDED, _ALIAS)
_IN_SUBSCRIBE = (_SUBSCRIPTION_ID, _USER)


class Property(NamedTuple):
    """One property: its identifier, its value (text pairs and bytes as they came), and its bytes."""

    identifier: int
    value: int
    raw: bytes


def read_connect(body: bytes) -> Connect:
    """Read a CONNECT of level 5 [3.1]."""
    level, flags, keep_alive, at = packets.read_opening(body)
    packets.check_connect_flags(flags)
    properties, at = _properties(body, at, _IN_CONNECT)
    numbers = {it.identifier: it.value for it in properties}
    if _AUTHENTICATION in numbers:
        raise MalformedPacket("enhanced authentication is not served", 0x8C)
    if numbers.get(_RECEIVE_MAXIMUM) == 0:
        raise MalformedPacket("the receive maximum is 0", PROTOCOL_ERROR)
    client_id, at = packets.read_text(body, at)
    will = None
    if flags & 0x04:
        more, at = _properties(body, at, _IN_WILL)
        topic, at = packets.read_text(body, at)
        payload, at = packets.read_binary(body, at)
        forwarded = b"".join(it.raw for it in more if it.identifier in _FORWARDED)
        will = Publish(topic, payload, flags >> 3 & 3, 0, bool(flags & 0x20), forwarded)
    username, password = packets.read_credentials(body, at, flags)
    return Connect(
        client_id,
        username,
        bool(flags & 0x02),
        keep_alive,
        level=level,
        password=password,
        will=will,
        expiry_seconds=numbers.get(_EXPIRY, 0),
        receive_maximum=numbers.get(_RECEIVE_MAXIMUM, 0xFFFF),
    )


def read_publish(head: int, body: bytes) -> Publish:
    """Read a PUBLISH [3.3]. Topic aliases were not offered, so none may come."""
    if not int.from_bytes(body[:2], "big"):
        raise MalformedPacket("the PUBLISH has no topic, and aliases are not offered", ALIAS_INVALID)
    topic, qos, packet_id, at = packets.read_address(head, body)
    found, at = _properties(body, at, _IN_PUBLISH)
    if any(it.identifier == _ALIAS for it in found):
        raise MalformedPacket("the PUBLISH has a topic alias, and none are offered", ALIAS_INVALID)
    properties = b"".join(it.raw for it in found)
    return Publish(topic, body[at:], qos, packet_id, bool(head & 1), properties)


def read_subscribe(body: bytes) -> Subscribe:
    """Read a SUBSCRIBE [3.8], at least one filter."""
    packet_id = packets.read_packet_id(body, 0)
    found, at = _properties(body, 2, _IN_SUBSCRIBE)
    if any(it.identifier == _SUBSCRIPTION_ID for it in found):
        raise MalformedPacket("subscription identifiers are not served", SUBSCRIPTION_IDS_NOT_SUPPORTED)
    filters: list[tuple[str, int]] = []
    while at < len(body):
        topic, at = packets.read_filter(body, at)
        if at >= len(body) or body[at] & 0xC0 or body[at] & 3 == 3 or body[at] >> 4 & 3 == 3:
            raise MalformedPacket("a SUBSCRIBE filter lacks options that are right")
        if body[at] & 4:
            raise MalformedPacket("the option 'no local' is not served", 0x83)
        filters.append((topic, body[at] & 3))
        at += 1
    if not filters:
        raise MalformedPacket("the SUBSCRIBE has no filter", PROTOCOL_ERROR)
    return Subscribe(packet_id, filters)


def read_unsubscribe(body: bytes) -> Unsubscribe:
    """Read an UNSUBSCRIBE [3.10], at least one filter."""
    packet_id = packets.read_packet_id(body, 0)
    _, at = _properties(body, 2, (_USER,))
    filters: list[str] = []
    while at < len(body):
        topic, at = packets.read_filter(body, at)
        filters.append(topic)
    if not filters:
        raise MalformedPacket("the UNSUBSCRIBE has no filter", PROTOCOL_ERROR)
    return Unsubscribe(packet_id, filters)


def read_puback(body: bytes) -> int:
    """Read a PUBACK [3.4]; a reason other than success acknowledges too."""
    if len(body) > 3:
        _properties(body, 3, (0x1F, _USER))
    return packets.read_packet_id(body, 0)


def write_connack(code: int, session_present: bool = False) -> bytes:
    """CONNACK [3.2] with what is not served. `code` is one of `packets`' codes."""
    reason = _CONNECT_CODES.get(code, 0x80)
    if reason:
        return bytes((CONNACK << 4, 3, 0, reason, 0))
    offered = ((_MAXIMUM_QOS, 1), (_RETAIN_AVAILABLE, 0), (_IDS_AVAILABLE, 0), (_SHARED_AVAILABLE, 0))
    properties = b"".join(bytes(it) for it in offered)
    body = bytes((session_present, 0)) + write_length(len(properties)) + properties
    return bytes((CONNACK << 4,)) + write_length(len(body)) + body


def write_publish(
    topic: str, payload: bytes, qos: int = 0, packet_id: int = 0, properties: bytes = b""
) -> bytes:
    """PUBLISH [3.3] without DUP and RETAIN; `properties` are those of a Publish."""
    name = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    head = len(name).to_bytes(2, "big") + name + identifier + write_length(len(properties)) + properties
    first = bytes((packets.PUBLISH << 4 | qos << 1,))
    return first + write_length(len(head) + len(payload)) + head + payload


def write_puback(packet_id: int) -> bytes:
    """PUBACK [3.4], success."""
    return bytes((PUBACK << 4, 2, packet_id >> 8, packet_id & 0xFF))


def write_suback(packet_id: int, codes: list[int]) -> bytes:
    """SUBACK [3.9]: SUBSCRIPTION_REFUSED becomes "not authorized"; other codes are as they are."""
    reasons = bytes(NOT_AUTHORIZED if it == SUBSCRIPTION_REFUSED else it for it in codes)
    return (
        bytes((SUBACK << 4,)) + write_length(3 + len(codes)) + packet_id.to_bytes(2, "big") + b"\0" + reasons
    )


def write_unsuback(packet_id: int, count: int = 0) -> bytes:
    """UNSUBACK [3.11], success for each filter."""
    return bytes((UNSUBACK << 4,)) + write_length(3 + count) + packet_id.to_bytes(2, "big") + bytes(1 + count)


def write_disconnect(code: int) -> bytes:
    """DISCONNECT [3.14]."""
    return bytes((DISCONNECT << 4, 2, code, 0))


def _properties(body: bytes, at: int, allowed: tuple[int, ...]) -> tuple[list[Property], int]:
    """The properties [2.2.2] and where they end; each at most once, but for user properties."""
    length, at = _varying(body, at)
    end = at + length
    if end > len(body):
        raise MalformedPacket("the properties are cut short")
    found: list[Property] = []
    while at < end:
        identifier, start = body[at], at
        if identifier not in allowed:
            raise MalformedPacket(f"property {identifier:#04x} does not belong here", PROTOCOL_ERROR)
        if identifier != _USER and any(it.identifier == identifier for it in found):
            raise MalformedPacket(f"property {identifier:#04x} comes twice", PROTOCOL_ERROR)
        value, at = _READERS[identifier](body, at + 1)
        if at > end:
            raise MalformedPacket("a property reaches over the end of the properties")
        found.append(Property(identifier, value, body[start:at]))
    return found, end


def _varying(body: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer [1.5.5]."""
    value = 0
    for place, digit in enumerate(body[at : at + 4]):
        value |= (digit & 0x7F) << 7 * place
        if digit < 0x80:
            return value, at + place + 1
    raise MalformedPacket("a length is cut short or has more than four bytes")


def _fixed(size: int) -> Callable[[bytes, int], tuple[int, int]]:
    def read(body: bytes, at: int) -> tuple[int, int]:
        if len(body) < at + size:
            raise MalformedPacket("a property is cut short")
        return int.from_bytes(body[at : at + size], "big"), at + size

    return read


def _skipped_text(body: bytes, at: int) -> tuple[int, int]:
    return 0, packets.read_text(body, at)[1]


def _skipped_bytes(body: bytes, at: int) -> tuple[int, int]:
    return 0, packets.read_binary(body, at)[1]


def _skipped_pair(body: bytes, at: int) -> tuple[int, int]:
    return _skipped_text(body, _skipped_text(body, at)[1])


_READERS: dict[int, Callable[[bytes, int], tuple[int, int]]] = {
    0x01: _fixed(1),
    0x02: _fixed(4),
    0x03: _skipped_text,
    0x08: _skipped_text,
    0x09: _skipped_bytes,
    _SUBSCRIPTION_ID: _varying,
    _EXPIRY: _fixed(4),
    _AUTHENTICATION: _skipped_text,
    0x16: _skipped_bytes,
    0x17: _fixed(1),
    0x18: _fixed(4),
    0x19: _fixed(1),
    0x1F: _skipped_text,
    _RECEIVE_MAXIMUM: _fixed(2),
    0x22: _fixed(2),
    _ALIAS: _fixed(2),
    _USER: _skipped_pair,
    0x27: _fixed(4),
}
