"""A bare MQTT 3.1.1 device on blocking sockets: enough to load the local cloud, too cheap to be measured.

It speaks what azure-iot-device 2.14.0 speaks (TLS 1.2, user names, topics); a flow here is the flow of a
genuine device without the SDK's own cost and without its 2 s pause before the first poll.
"""

import json
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DPS_HOST = "global.azure-devices-provisioning.net"
_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 0x10, 0x20, 0x30, 0x82, 0xE0
_NAMED, _CLEAN = 0x80, 0x02


@dataclass(frozen=True, slots=True)
class Device:
    """One device's identity on disk, and where the cloud listens on loopback."""

    registration_id: str
    id_scope: str
    certificate: Path
    key: Path
    trust: Path
    port: int
    patience: float = 30.0
    """Seconds that it waits for a connection, or for a packet that must come."""

    def tls(self) -> ssl.SSLContext:
        """A client context as the SDK makes it: TLS 1.2, host name checked, the device's chain presented."""
        context = ssl.create_default_context(cafile=str(self.trust))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


class Session:
    """One MQTT session over an open TLS socket."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._requests = 0

    def connect(self, client_id: str, username: str | None = None) -> None:
        """CONNECT; raises ConnectionError with the return code when the server refuses.

        Without a user name (AWS IoT wants none) nothing is kept of the session either.
        """
        flags, payload = _CLEAN, text(client_id)
        if username is not None:
            flags, payload = _NAMED, payload + text(username)
        self.send(_CONNECT, text("MQTT") + bytes([4, flags]) + struct.pack("!H", 240) + payload)
        kind, body = self.receive()
        if kind != _CONNACK or body[1] != 0:
            raise ConnectionError(f"{client_id}: CONNACK {body[1]}")

    def subscribe(self, *topics: str) -> None:
        """SUBSCRIBE at QoS 0, and wait for the SUBACK; raises ConnectionError when it grants not all."""
        self.send(_SUBSCRIBE, struct.pack("!H", 1) + b"".join(text(topic) + b"\0" for topic in topics))
        _, granted = self.receive()
        if any(granted[2:]):
            raise ConnectionError(f"SUBACK {list(granted[2:])} for {', '.join(topics)}")

    def request(self, topic: str, body: object = None) -> tuple[str, bytes]:
        """Publish at QoS 0 to a `$rid` topic and return the topic and payload of the answer."""
        self._requests += 1
        payload = b"" if body is None else json.dumps(body).encode()
        self.send(_PUBLISH, text(topic.format(rid=self._requests)) + payload)
        _, answer = self.receive()
        return message(answer)

    def silent_for(self, seconds: float) -> bool:
        """Wait for the next packet, at most so long; whether none came."""
        if self._connection.pending():
            return False
        poll = select.poll()  # unlike select(), it takes any number of open files
        poll.register(self._connection, select.POLLIN)
        return not poll.poll(seconds * 1000)

    def close(self) -> None:
        """DISCONNECT and close; it is closed, too, when it raises OSError because the connection was lost."""
        try:
            self.send(_DISCONNECT, b"")
        finally:
            self.drop()

    def drop(self) -> None:
        """Close without a word, as a device that loses its network."""
        self._connection.close()

    def send(self, head: int, body: bytes) -> None:
        """Any packet, by its first byte and what follows the length."""
        self._connection.sendall(bytes([head]) + _length(len(body)) + body)

    def receive(self) -> tuple[int, bytes]:
        """The next packet: type (the first byte without its flags) and body."""
        kind = self._exactly(1)[0]
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return kind & 0xF0, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._connection.recv(count - len(received))
            if not part:
                raise ConnectionError("the server closed the connection")
            received += part
        return received


def message(body: bytes) -> tuple[str, bytes]:
    """Topic and payload of a PUBLISH at QoS 0."""
    length = int.from_bytes(body[:2], "big")
    return body[2 : 2 + length].decode(), body[2 + length :]


@contextmanager
def session(device: Device, host: str) -> Iterator[Session]:
    """A TLS connection to `host` through the device's loopback port, closed at the end."""
    opened = Session(handshake(device, host))
    try:
        yield opened
    finally:
        opened.close()


def handshake(device: Device, host: str) -> ssl.SSLSocket:
    """TCP and a full mutual TLS handshake, nothing more."""
    plain = socket.create_connection(("127.0.0.1", device.port), timeout=device.patience)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return device.tls().wrap_socket(plain, server_hostname=host)


def enrol(device: Device) -> str:
    """Steps 2 to 6 of zero-touch provisioning; returns the host of the assigned hub.

    Raises OSError when there was no connection, or an answer that is not the one.
    """
    identity = device.registration_id
    with session(device, DPS_HOST) as dps:
        dps.connect(identity, f"{device.id_scope}/registrations/{identity}/api-version=2019-03-31")
        dps.subscribe("$dps/registrations/res/#")
        topic, body = dps.request(
            "$dps/registrations/PUT/iotdps-register/?$rid={rid}", {"registrationId": identity}
        )
        _require(topic, body, "$dps/registrations/res/202")
        operation = json.loads(body)["operationId"]
        while topic.startswith("$dps/registrations/res/202"):
            poll = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid={rid}&operationId=" + operation
            topic, body = dps.request(poll)
        _require(topic, body, "$dps/registrations/res/200")
    return str(json.loads(body)["registrationState"]["assignedHub"])


def come_up(device: Device, hub: str) -> None:
    """Steps 7 and 8: connect to the hub, read the desired state, report."""
    with session(device, hub) as connection:
        open_hub(connection, device, hub)
        _, twin = connection.request("$iothub/twin/GET/?$rid={rid}")
        desired = json.loads(twin)["desired"]["$version"]
        topic, _ = connection.request(
            "$iothub/twin/PATCH/properties/reported/?$rid={rid}", {"desiredVersion": desired}
        )
        if not topic.startswith("$iothub/twin/res/204"):
            raise ConnectionError(f"{device.registration_id}: report answered {topic}")


def open_hub(connection: Session, device: Device, hub: str) -> None:
    """CONNECT to a hub and subscribe to the twin's answers."""
    connection.connect(device.registration_id, f"{hub}/{device.registration_id}/?api-version=2019-10-01")
    connection.subscribe("$iothub/twin/res/#")


def _require(topic: str, body: bytes, start: str) -> None:
    if not topic.startswith(f"{start}/"):
        raise ConnectionError(f"{topic.partition('?')[0]}: {body[:200].decode(errors='replace')}")


def text(value: str) -> bytes:
    """A string as MQTT has it: its length in two bytes, then UTF-8."""
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)
