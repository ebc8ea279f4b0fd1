"""MQTT 5 as far as it differs: what clients write is read back, what is not served is refused, any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.mqtt import packets, packets5
from localcloud.mqtt.packets import Connect, MalformedPacket, Publish

_topics = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40
)
_ids = st.integers(1, 0xFFFF)


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def _properties(*raw: bytes) -> bytes:
    data = b"".join(raw)
    return packets.write_length(len(data)) + data


def _user(key: str, value: str) -> bytes:
    return b"\x26" + _text(key) + _text(value)


_users = st.lists(st.builds(_user, _topics, _topics), max_size=3).map(b"".join)


@given(_topics, st.binary(max_size=300), st.sampled_from([0, 1]), _ids, _users)
def test_publish_round_trip(topic: str, payload: bytes, qos: int, packet_id: int, properties: bytes) -> None:
    data = packets5.write_publish(topic, payload, qos, packet_id, properties)
    ((head, body),), rest = packets.split(data)
    expected = Publish(topic, payload, qos, packet_id if qos else 0, properties=properties)
    assert (packets5.read_publish(head, body), rest) == (expected, b"")


@given(
    _topics,
    _topics,
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(1, 9),
    _users,
)
def test_connect_round_trip(
    client: str, user: str, clean: bool, keep: int, expiry: int, receive: int, properties: bytes
) -> None:
    own = _properties(b"\x11" + expiry.to_bytes(4, "big"), b"\x21" + receive.to_bytes(2, "big"))
    will = _properties(b"\x18\0\0\0\1", properties) + _text("gone") + _text("yes")
    head = _text("MQTT") + bytes((5, 0xCC | clean << 1)) + keep.to_bytes(2, "big")
    body = head + own + _text(client) + will + _text(user) + _text("secret")
    last = Publish("gone", b"yes", 1, 0, False, properties)
    assert packets5.read_connect(body) == Connect(
        client, user, clean, keep, 5, "secret", last, expiry, receive
    )


@given(_ids, st.lists(st.tuples(_topics, st.integers(0, 2)), min_size=1, max_size=5), _users)
def test_subscribe_round_trip(packet_id: int, filters: list[tuple[str, int]], properties: bytes) -> None:
    head = packet_id.to_bytes(2, "big") + _properties(properties)
    body = head + b"".join(_text(topic) + bytes((qos | 0x18,)) for topic, qos in filters)
    assert packets5.read_subscribe(body) == (packet_id, filters)
    body = head + b"".join(_text(topic) for topic, _ in filters)
    assert packets5.read_unsubscribe(body) == (packet_id, [topic for topic, _ in filters])


def test_what_servers_write() -> None:
    offered = b"\x24\1\x25\0\x29\0\x2a\0"
    assert packets5.write_connack(packets.ACCEPTED, True) == b"\x20\x0b\1\0\x08" + offered
    assert packets5.write_connack(packets.NOT_AUTHORIZED, True) == b"\x20\3\0\x87\0"
    assert packets5.write_suback(7, [1, packets.SUBSCRIPTION_REFUSED, 0x9E]) == b"\x90\6\0\7\0\1\x87\x9e"
    assert packets5.write_unsuback(7, 2) == b"\xb0\5\0\7\0\0\0"
    assert packets5.write_puback(7) == b"\x40\2\0\7"
    assert packets5.write_disconnect(0x87) == b"\xe0\2\x87\0"
    assert packets.write_disconnect(0x87) == b""
    assert packets5.read_puback(b"\0\7") == packets5.read_puback(b"\0\7\x10\0") == 7


_HEAD = _text("MQTT") + b"\5\2\0\x0a"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_HEAD + _properties(b"\x15" + _text("SCRAM")) + _text("a"), 0x8C),
        (_HEAD + _properties(b"\x21\0\0") + _text("a"), 0x82),
        (_HEAD + _properties(b"\x11\0\0\0\1\x11\0\0\0\1") + _text("a"), 0x82),
        (_HEAD + _properties(b"\x23\0\1") + _text("a"), 0x82),
        (_HEAD + b"\xff\xff\xff\xff\x7f" + _text("a"), 0x81),
        (_HEAD + b"\x05\x11\0\0\0", 0x81),
    ],
)
def test_connects_that_are_refused(body: bytes, code: int) -> None:
    with pytest.raises(MalformedPacket) as caught:
        packets5.read_connect(body)
    assert caught.value.code == code


def test_what_is_not_offered() -> None:
    for head, body, code in (
        (0x30, _text("") + _properties(b"\x23\0\1"), 0x94),
        (0x30, _text("a") + _properties(b"\x23\0\1"), 0x94),
    ):
        with pytest.raises(MalformedPacket) as caught:
            packets5.read_publish(head, body)
        assert caught.value.code == code
    for body, code in ((b"\0\1\2\x0b\1" + _text("a") + b"\0", 0xA1), (b"\0\1\0" + _text("a") + b"\4", 0x83)):
        with pytest.raises(MalformedPacket) as caught:
            packets5.read_subscribe(body)
        assert caught.value.code == code


_readers = (
    packets5.read_connect,
    packets5.read_subscribe,
    packets5.read_unsubscribe,
    packets5.read_puback,
    lambda body: packets5.read_publish(0x32, body),
)


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(data: bytes, more: bytes) -> None:
    for body in (data, _HEAD + data, _HEAD + _properties(more) + data, b"\0\1" + _properties(more) + data):
        for read in _readers:
            with suppress(MalformedPacket):
                read(body)
