"""CONNECT as it comes is CONNECT as it goes, but for the password; what is none is refused, never a crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.gateway import packets
from agent.gateway.packets import Connect, MalformedPacketError, read_connect

texts = st.text(max_size=200).filter(lambda it: len(it.encode()) < 65_536)
wills = st.just((0, b"")) | st.binary(max_size=40).map(
    lambda it: (0x0C, b"\x00\x01t" + len(it).to_bytes(2, "big") + it)
)
connects = st.builds(
    lambda clean, alive, name, will, user, password: Connect(
        clean | will[0], alive, name, will[1], user, password
    ),
    st.sampled_from([0, 2]),
    st.integers(0, 65_535),
    texts,
    wills,
    texts,
    texts.filter(bool),
)


def _body(packet: bytes) -> bytes:
    """Without the fixed header, whose length must be right."""
    size, place = 0, 1
    while True:
        size |= (packet[place] & 0x7F) << (7 * (place - 1))
        place += 1
        if not packet[place - 1] & 0x80:
            break
    assert len(packet) - place == size
    return packet[place:]


@given(connects)
def test_what_is_written_is_read(connect: Connect) -> None:
    packet = connect.write()
    assert packet[0] == packets.CONNECT
    assert read_connect(_body(packet)) == connect


def test_a_packet_of_paho_with_another_password() -> None:
    """Bytes as azure-iot-device 2.14 (paho-mqtt 1.6) sends them: no clean session, user name, password."""
    name = b"hub/child-1/?api-version=2019-10-01"
    head = b"\x00\x04MQTT\x04\xc0\x00\x3c\x00\x07child-1" + len(name).to_bytes(2, "big") + name
    connect = read_connect(head + b"\x00\x03old")
    assert (connect.client_id, connect.username, connect.keep_alive_seconds) == ("child-1", name.decode(), 60)
    assert _body(connect.with_password("newer").write()) == head + b"\x00\x05newer"


def test_a_password_is_in_no_repr() -> None:
    assert "old" not in repr(Connect(0, 60, "child-1", b"", "user", "old"))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    for start in (b"", b"\x00\x04MQTT\x04"):
        try:
            read = read_connect(start + body)
        except MalformedPacketError:
            continue
        assert _body(read.write())


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00",
        b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00",
        b"\x00\x04MQTT\x04\x01\x00\x3c\x00\x00",
        b"\x00\x04MQTT\x04\x42\x00\x3c\x00\x00\x00\x01p",
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x05ab",
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\xff",
        b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a more",
    ],
    ids=["MQTT 3.1", "MQTT 5", "reserved flag", "password alone", "too short", "no UTF-8", "too long"],
)
def test_what_is_no_connect(body: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        read_connect(body)


def test_connack() -> None:
    assert packets.read_connack(packets.connack(packets.NOT_AUTHORIZED)) == packets.NOT_AUTHORIZED
    for wrong in (b"", b"\x20\x02\x00", b"\x30\x02\x00\x00"):
        with pytest.raises(MalformedPacketError):
            packets.read_connack(wrong)
