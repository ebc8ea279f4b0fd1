"""CONNECT and CONNACK of MQTT 3.1.1 (OASIS standard, sections 3.1 and 3.2), as far as a gateway must know."""

import struct
from dataclasses import dataclass, field, replace

CONNECT, CONNACK = 0x10, 0x20
ACCEPTED, UNAVAILABLE, NOT_AUTHORIZED = 0, 3, 5
CONNACK_BYTES = 4
LARGEST_CONNECT_BYTES = 64 * 1024

_PROTOCOL = b"\x00\x04MQTT\x04"
_WILL, _USERNAME, _PASSWORD, _RESERVED = 0x04, 0x80, 0x40, 0x01


class MalformedPacketError(Exception):
    """What came is no CONNECT of MQTT 3.1.1."""


@dataclass(frozen=True)
class Connect:
    """A CONNECT. `flags` are those of the session and the will; `will` is its topic and message, encoded."""

    flags: int
    keep_alive_seconds: int
    client_id: str
    will: bytes
    username: str
    password: str = field(repr=False)

    def with_password(self, password: str) -> "Connect":
        """The same client with another password."""
        return replace(self, password=password)

    def write(self) -> bytes:
        """The whole packet."""
        flags = self.flags | _USERNAME | (_PASSWORD if self.password else 0)
        body = _PROTOCOL + struct.pack("!BH", flags, self.keep_alive_seconds) + _text(self.client_id)
        body += self.will + _text(self.username) + (_text(self.password) if self.password else b"")
        return bytes((CONNECT,)) + _length(len(body)) + body


def connack(code: int) -> bytes:
    """A CONNACK without a session."""
    return bytes((CONNACK, 2, 0, code))


def read_connack(packet: bytes) -> int:
    """The return code. Raises MalformedPacketError."""
    if len(packet) != CONNACK_BYTES or packet[:2] != bytes((CONNACK, 2)):
        raise MalformedPacketError("the hub's first packet is no CONNACK")
    return packet[3]


def read_connect(body: bytes) -> Connect:
    """A CONNECT without its fixed header. Raises MalformedPacketError."""
    if not body.startswith(_PROTOCOL):
        raise MalformedPacketError("the first packet is no CONNECT of MQTT 3.1.1")
    reader = _Reader(body[len(_PROTOCOL) :])
    flags, keep_alive = struct.unpack("!BH", reader.take(3))
    if flags & _RESERVED or (flags & _PASSWORD and not flags & _USERNAME):
        raise MalformedPacketError("the flags of CONNECT contradict each other")
    client_id = reader.text()
    will = reader.field() + reader.field() if flags & _WILL else b""
    username = reader.text() if flags & _USERNAME else ""
    password = reader.text() if flags & _PASSWORD else ""
    if reader.rest:
        raise MalformedPacketError("CONNECT is longer than what it holds")
    return Connect(flags & ~(_USERNAME | _PASSWORD), keep_alive, client_id, will, username, password)


class _Reader:
    """Takes a packet's body apart."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken, self.rest = self.rest[:count], self.rest[count:]
        if len(taken) < count:
            raise MalformedPacketError("CONNECT ends too early")
        return taken

    def field(self) -> bytes:
        """The next field with its length before it."""
        size = self.take(2)
        return size + self.take(int.from_bytes(size, "big"))

    def text(self) -> str:
        """The next field as text."""
        try:
            return self.field()[2:].decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError("CONNECT holds text that is not UTF-8") from error


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


def _length(size: int) -> bytes:
    """A remaining length: seven bits a byte, the lowest first (section 2.2.3)."""
    found = bytearray()
    while True:
        size, digit = divmod(size, 128)
        found.append(digit | 0x80 if size else digit)
        if not size:
            return bytes(found)
