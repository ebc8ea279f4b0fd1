"""The codec, the session and the TLS endpoint, with good bytes and any bytes."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from localcloud.clock import Clock
from localcloud.control.switches import Switches
from localcloud.mqtt import packets
from localcloud.mqtt.endpoint import Endpoint, Listener
from localcloud.mqtt.packets import Connect, MalformedPacket, Publish
from localcloud.mqtt.payloads import BadPayload, read_object, read_topic
from localcloud.mqtt.seats import Seats, TooManyTakeovers
from localcloud.mqtt.session import ConnectRefused
from localcloud.secure import tls_context

_topics = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40
)
_ids = st.integers(1, 0xFFFF)
_readers = (
    packets.read_connect,
    packets.read_subscribe,
    packets.read_unsubscribe,
    lambda body: packets.read_publish(0x32, body),
)


@given(_topics, st.binary(max_size=300), st.sampled_from([0, 1, 2]), _ids)
def test_publish_round_trip(topic: str, payload: bytes, qos: int, packet_id: int) -> None:
    data = packets.write_publish(topic, payload, qos, packet_id)
    ((head, body),), rest = packets.split(data)
    expected = Publish(topic, payload, qos, packet_id if qos else 0)
    assert (packets.read_publish(head, body), rest) == (expected, b"")


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


@given(_topics, _topics, st.booleans(), st.integers(0, 0xFFFF), st.booleans())
def test_connect_round_trip(client: str, user: str, clean: bool, keep: int, will: bool) -> None:
    flags = 0x80 | clean << 1 | (0x0C if will else 0)
    more = _text("will") + _text("gone") if will else b""
    body = _text("MQTT") + bytes((4, flags)) + keep.to_bytes(2, "big") + _text(client) + more + _text(user)
    last = Publish("will", b"gone", 1, 0) if will else None
    assert packets.read_connect(body) == Connect(client, user, clean, keep, will=last)


@given(_ids, st.lists(st.tuples(_topics, st.integers(0, 2)), min_size=1, max_size=5))
def test_subscribe_round_trip(packet_id: int, filters: list[tuple[str, int]]) -> None:
    head = packet_id.to_bytes(2, "big")
    body = head + b"".join(_text(topic) + bytes((qos,)) for topic, qos in filters)
    assert packets.read_subscribe(body) == (packet_id, filters)
    body = head + b"".join(_text(topic) for topic, _ in filters)
    assert packets.read_unsubscribe(body) == (packet_id, [topic for topic, _ in filters])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_a_stream_may_be_cut_anywhere(payloads: list[bytes], data: Any) -> None:
    stream = b"".join(packets.write_publish("t", payload) for payload in payloads)
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = packets.split(stream[:cut])
    second, left = packets.split(rest + stream[cut:])
    found = [packets.read_publish(*packet).payload for packet in (*first, *second)]
    assert (found, left) == (payloads, b"")


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_malformed(data: bytes) -> None:
    with suppress(MalformedPacket):
        for head, body in packets.split(data).packets:
            packets.read_publish(head, body)
    for read in _readers:
        with suppress(MalformedPacket):
            read(data)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\0\4MQXX\4\2\0\0\0\0", "not MQTT"),
        (b"\0\4MQTT\4\3\0\0\0\0", "flags 0x03"),
        (b"\0\4MQTT\4\x42\0\0\0\0\0\0", "password and no user name"),
        (b"\0\4MQTT\4\x1a\0\0\0\0", "flags"),
        (b"\0\4MQTT\4\2\0\0\0\0x", "left over"),
        (b"\0\4MQTT\4\2\0\0\0\2\xff\xff", "not UTF-8"),
        (b"\0\4MQTT\4\2\0\0\0\1\0", "U+0000"),
        (b"\0\4MQTT\4", "cut short"),
    ],
)
def test_malformed_connects(body: bytes, words: str) -> None:
    with pytest.raises(MalformedPacket) as error:
        packets.read_connect(body)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "data", [b"\x00\x00", b"\xf0\x00", b"\x80\x00", b"\x11\x00", b"\x30\xff\xff\xff\xff\x01"]
)
def test_malformed_headers(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        packets.split(data)


def test_size_limit() -> None:
    with pytest.raises(MalformedPacket, match="larger"):
        packets.split(b"\x30" + packets.write_length(packets.SIZE_LIMIT_BYTES + 1))
    assert packets.split(b"\x30" + packets.write_length(packets.SIZE_LIMIT_BYTES)).packets == []


def test_old_protocol_is_refused_by_level() -> None:
    assert packets.read_connect(b"\0\6MQIsdp\3\2\0\x3c\0\1a").level == 3
    assert packets.read_connect(b"\0\4MQTT\5\2\0\x3c\0\0\1a").level == 5


@given(st.binary(max_size=60))
def test_any_payload_is_an_object_or_bad(payload: bytes) -> None:
    with suppress(BadPayload):
        assert isinstance(read_object(payload), dict)


def test_topics_with_queries() -> None:
    assert read_topic("a/?$rid=x") == ("a/", {"$rid": "x"})
    assert read_topic("a/?$rid=1&operationId=4.a%20b") == ("a/", {"$rid": "1", "operationId": "4.a b"})
    assert read_topic("a/") == ("a/", {})


class _Holder:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def close(self, reason: str) -> None:
        self.reasons.append(reason)


def test_seats_limit_takeovers_with_growing_waits() -> None:
    now = [100.0]
    seats: Seats[_Holder] = Seats(lambda: now[0])
    holders = [_Holder() for _ in range(6)]
    for holder in holders:
        seats.take("pump", holder)
    assert [len(holder.reasons) for holder in holders] == [1, 1, 1, 1, 1, 0]
    waits = []
    for _ in range(3):
        with pytest.raises(TooManyTakeovers) as refused:
            seats.take("pump", _Holder())
        waits.append(refused.value.seconds)
        now[0] += refused.value.seconds + 0.1
    assert waits == [2.0, 4.0, 8.0]
    assert seats.holder("pump") is holders[5]
    seats.take("other", _Holder())
    now[0] += 61
    seats.forget_quiet()
    seats.take("pump", newest := _Holder())
    assert (seats.leave("pump", holders[5]), seats.leave("pump", newest)) == (False, True)
    assert seats.holder("pump") is None


class _Transport(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ends: list[str] = []

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("abort")


class _Echo:
    """Admits everyone but "nobody"; answers each message with itself."""

    def __init__(self) -> None:
        self.session_present = False
        self.open = 0
        self.peer: list[x509.Certificate] = []

    def accept(self, connect: Connect, peer: Any, channel: Any) -> "_Echo":
        if connect.client_id == "nobody":
            raise ConnectRefused(packets.NOT_AUTHORIZED, "nobody")
        self.peer = peer.chain()
        self.open += 1
        self._channel = channel
        return self

    def publish(self, message: Publish) -> None:
        self._channel.publish(message.topic, message.payload)

    def subscribe(self, topic_filter: str, qos: int) -> int:
        return qos if topic_filter else packets.SUBSCRIPTION_REFUSED

    def unsubscribe(self, topic_filter: str) -> None:
        assert topic_filter

    def closed(self) -> None:
        self.open -= 1


class Wire:
    """A TLS client in memory against an endpoint in memory."""

    def __init__(self, pki: Any, certificates: list[Any]) -> None:
        server = pki.leaf("server", None)
        self.now = 100.0
        self.service = _Echo()
        context = tls_context(server.certificate, server.key)
        self.listener = Listener(context, self.service, Switches(Clock(), lambda _: None), lambda: self.now)
        self.endpoint: Endpoint = self.listener.new_endpoint()
        self.transport = _Transport()
        self.endpoint.connection_made(self.transport)
        client = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if certificates:
            client.use_certificate(certificates[0].certificate)
            client.use_privatekey(certificates[0].key)
        for issuer in certificates[1:]:
            client.add_extra_chain_cert(issuer.certificate)
        self.client = SSL.Connection(client, None)
        self.client.set_connect_state()

    def carry(self) -> None:
        """Bytes both ways until there are none."""
        for _ in range(4):
            try:
                self.raw(self.client.bio_read(1 << 20))
            except SSL.WantReadError:
                return
            if self.transport.written:
                self.client.bio_write(self.transport.written)
                self.transport.written = b""
            self._step()

    def raw(self, data: bytes) -> None:
        for start in range(0, len(data), 60_000):
            part = data[start : start + 60_000]
            self.endpoint.get_buffer(-1)[: len(part)] = part
            self.endpoint.buffer_updated(len(part))

    def _step(self) -> None:
        try:
            self.client.do_handshake()
        except SSL.WantReadError:
            return

    def shake(self) -> "Wire":
        self._step()
        self.carry()
        return self

    def say(self, data: bytes) -> bytes:
        """Send and give what comes back; b"" when the server ended."""
        self.client.send(data)
        self.carry()
        if self.transport.written:
            self.client.bio_write(self.transport.written)
            self.transport.written = b""
        try:
            return self.client.recv(1 << 20)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return b""

    def lose(self) -> None:
        self.endpoint.connection_lost(None)


CONNECT = b"\x10\x0d\0\4MQTT\4\2\0\x0a\0\1a"
NOBODY = b"\x10\x12\0\4MQTT\4\2\0\x0a\0\6nobody"


def test_endpoint_gives_leaf_and_chain(pki: Any) -> None:
    root = pki.authority("root")
    leaf = pki.leaf("pump", root)
    wire = Wire(pki, [leaf, root]).shake()
    assert wire.say(CONNECT) == b"\x20\2\0\0"
    assert wire.service.peer == [leaf.certificate, root.certificate]
    assert wire.say(packets.write_publish("t", b"x")) == packets.write_publish("t", b"x")
    assert wire.say(b"\xc0\0\xc0\0") == b"\xd0\0\xd0\0"
    assert wire.say(b"\xa2\5\0\7\0\1t") == b"\xb0\2\0\7"
    assert wire.say(b"\xe0\0") == b""
    assert (wire.transport.ends, wire.service.open) == (["close"], 0)
    wire.lose()
    assert wire.listener.endpoints == set()


def test_endpoint_without_certificate_and_refusal(pki: Any) -> None:
    wire = Wire(pki, []).shake()
    assert wire.say(NOBODY) == b"\x20\2\0\5"
    assert wire.transport.ends == ["close"]
    wire = Wire(pki, []).shake()
    assert wire.say(CONNECT.replace(b"\4\2\0\x0a", b"\6\2\0\x0a")) == b"\x20\2\0\1"


def test_large_messages_cross_records(pki: Any) -> None:
    wire = Wire(pki, []).shake()
    wire.say(CONNECT)
    message = packets.write_publish("t", bytes(200_000))
    for start in range(0, len(message), 10_000):
        wire.client.send(message[start : start + 10_000])
        wire.raw(wire.client.bio_read(1 << 20))
    wire.client.bio_write(wire.transport.written)
    answer = b""
    while len(answer) < len(message):
        answer += wire.client.recv(1 << 20)
    assert answer == message


def test_silence_is_ended_then_dropped(pki: Any) -> None:
    wire = Wire(pki, []).shake()
    wire.say(CONNECT)
    ends = []
    for seconds in (14, 2, 4, 2):
        wire.now += seconds
        wire.listener.sweep()
        ends.append(list(wire.transport.ends))
    assert ends == [[], ["close"], ["close"], ["close", "abort"]]


def test_no_hello_is_ended_too(pki: Any) -> None:
    wire = Wire(pki, [])
    wire.now += 21
    wire.listener.sweep()
    assert wire.transport.ends == ["close"]


@settings(max_examples=150, deadline=None)
@given(data=st.binary(min_size=1, max_size=400), greeted=st.booleans())
def test_any_bytes_after_tls(pki: Any, data: bytes, greeted: bool) -> None:
    wire = Wire(pki, []).shake()
    if greeted:
        assert wire.say(CONNECT) == b"\x20\2\0\0"
    wire.say(data)
    wire.lose()
    assert wire.service.open == 0


@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=1, max_size=400), shaken=st.booleans())
def test_any_bytes_instead_of_tls(pki: Any, data: bytes, shaken: bool) -> None:
    wire = Wire(pki, [])
    if shaken:
        wire.shake()
    wire.raw(data)
    wire.raw(data)
    wire.lose()
    assert wire.service.open == 0
