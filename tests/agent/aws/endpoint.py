"""An endpoint of AWS IoT that does what a test wants, wrong things too: TLS, MQTT 3.1.1, a shadow, a claim.

The local cloud is the endpoint that is strict; this one ends connections, leaves requests unanswered and says
no, at the moment that a test chooses. It stands behind a CONNECT proxy, as production names are reached.
"""

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from localcloud.mqtt import packets
from localcloud.mqtt.packets import Publish

HOST = "a1b2c3-ats.iot.eu-west-1.amazonaws.com"
TOKEN = "a-token-that-nobody-else-sees"
_CREATE = "$aws/certificates/create-from-csr/json"
_NAME = x509.Name.from_rfc4514_string("CN=AWS IoT Certificate")

Json = dict[str, Any]


@dataclass
class Endpoint:
    """One account's endpoint. Tests read what happened, and set what is to happen."""

    folder: Path
    trust: Path
    """A PEM file: the CAs whose clients are let through the handshake."""
    turned_away: int = 0
    """So many connections are ended behind the handshake, -1: all."""
    is_deaf: bool = False
    """Whether CONNECT is not answered."""
    garbled: set[str] = field(default_factory=set)
    """Topics that bear no JSON."""
    silent: set[str] = field(default_factory=set)
    """Topics whose requests are done, and not answered."""
    ends: set[str] = field(default_factory=set)
    """Topics whose requests end the connection, as one does that no policy allows."""
    refusals: dict[str, Json] = field(default_factory=dict)
    """Topics whose requests are refused, and with what."""
    desired: Json = field(default_factory=dict)
    reported: Json = field(default_factory=dict)
    version: int = 1
    asked: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, Json]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    """Whose certificate each connection showed; "own" for those made here."""
    alpn: set[str | None] = field(default_factory=set)
    is_closed: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._open: dict[Any, set[str]] = {}
        self._made: list[Any] = []
        self._registered: list[Any] = []
        self._authority = ec.generate_private_key(ec.SECP256R1())
        self._ca = self._certificate("CN=local AWS", self._authority.public_key(), ca=True)
        self.ca_file = self.folder / "endpoint-ca.pem"
        self.ca_file.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))
        self._context = self._tls()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.proxy = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.is_closed = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def change(self, desired: Json) -> None:
        """Replace the desired state, as an operator does."""
        with self._lock:
            self._update("desired", desired)

    def end_connections(self) -> None:
        """Close every connection, as a network does that breaks."""
        with self._lock:
            for stream in list(self._open):
                stream.shutdown(socket.SHUT_RDWR)

    def _certificate(self, name: str, key: Any, *, ca: bool = False, host: str = "") -> x509.Certificate:
        subject = x509.Name.from_rfc4514_string(name)
        issuer = subject if ca else self._ca.subject
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(
            issuer,
            subject,
            key,
            x509.random_serial_number(),
            now - timedelta(hours=1),
            now + timedelta(days=9),
        ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if host:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return made.sign(self._authority, hashes.SHA256())

    def _tls(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        files = self.folder / "endpoint.pem", self.folder / "endpoint.key"
        made = self._certificate("CN=endpoint", key.public_key(), host=HOST)
        files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        context.load_verify_locations(self.trust)
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        return context

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(connection,), daemon=True).start()

    def _tunnel(self, connection: socket.socket) -> None:
        """What a proxy does, and everything behind it; a device that goes ends it."""
        try:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            if not head.startswith(f"CONNECT {HOST}:".encode()):
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with self._context.wrap_socket(connection, server_side=True) as stream:
                self._talk(stream)
        except OSError:
            return

    def _talk(self, stream: ssl.SSLSocket) -> None:
        shown = x509.load_der_x509_certificate(stream.getpeercert(binary_form=True) or b"")
        with self._lock:
            self.alpn.add(stream.selected_alpn_protocol())
            self.subjects.append(
                "own" if shown.issuer == self._ca.subject else shown.subject.rfc4514_string()
            )
            is_unknown = self.subjects[-1] == "own" and shown.public_key() not in self._registered
            if self.turned_away or is_unknown:
                self.turned_away -= 1 if self.turned_away else 0
                return
            self._open[stream] = set()
        rest = b""
        try:
            while data := stream.recv(65536):
                split = packets.split(rest + data)
                rest = split.rest
                for head, body in split.packets:
                    with self._lock:
                        self._handle(stream, head, body)
        finally:
            with self._lock:
                del self._open[stream]

    def _handle(self, stream: ssl.SSLSocket, head: int, body: bytes) -> None:
        match head >> 4:
            case packets.CONNECT if not self.is_deaf:
                stream.sendall(packets.write_connack(0))
            case packets.SUBSCRIBE:
                asked = packets.read_subscribe(body)
                self._open[stream] |= {topic for topic, _ in asked.filters}
                stream.sendall(packets.write_suback(asked.packet_id, [1] * len(asked.filters)))
            case packets.PUBLISH:
                message = packets.read_publish(head, body)
                if message.packet_id:
                    stream.sendall(packets.write_puback(message.packet_id))
                if message.topic in self.ends:
                    stream.shutdown(socket.SHUT_RDWR)
                    return
                self._published(message)
            case packets.PINGREQ:
                stream.sendall(packets.PINGRESP_BYTES)

    def _published(self, message: Publish) -> None:
        topic, body = message.topic, json.loads(message.payload or b"{}")
        self.asked[topic] += 1
        self.told.append((topic, body))
        answer = self._answers(topic)(topic, body)
        if topic in self.silent or answer is None:
            return
        token = {"clientToken": body["clientToken"]} if "clientToken" in body else {}
        if topic in self.refusals:
            self._send(f"{topic}/rejected", {**self.refusals[topic], **token})
        else:
            self._send(f"{topic}/accepted", {**answer, **token})

    def _answers(self, topic: str) -> Callable[[str, Json], Json | None]:
        if topic == _CREATE:
            return self._created
        if topic.endswith("/provision/json"):
            return self._thing
        if topic.endswith("/shadow/get"):
            return lambda *_: self._document()
        if topic.endswith("/shadow/update"):
            return self._reported
        return lambda *_: None

    def _created(self, _: str, body: Json) -> Json:
        request = x509.load_pem_x509_csr(body["certificateSigningRequest"].encode())
        made = self._certificate(_NAME.rfc4514_string(), request.public_key())
        pem = made.public_bytes(serialization.Encoding.PEM).decode()
        self._made.append(request.public_key())
        number = f"{made.serial_number:064x}"
        return {"certificateId": number, "certificatePem": pem, "certificateOwnershipToken": TOKEN}

    def _thing(self, topic: str, body: Json) -> Json:
        self._registered += self._made if topic not in self.refusals else []
        return {"thingName": body["parameters"]["SerialNumber"], "deviceConfiguration": {}}

    def _document(self) -> Json:
        state = {"desired": self.desired, "reported": self.reported}
        return {"state": state, "version": self.version}

    def _reported(self, topic: str, body: Json) -> Json:
        if topic not in self.refusals:
            self._update("reported", body["state"]["reported"])
        return {"state": body["state"], "version": self.version}

    def _update(self, part: str, state: Json) -> None:
        before = self._document()
        kept = {key: value for key, value in state.items() if value is not None}
        self.desired, self.reported = (
            (kept, self.reported) if part == "desired" else (self.desired, {**self.reported, **kept})
        )
        self.version += 1
        for heard in {it for topics in self._open.values() for it in topics}:
            if heard.endswith("/shadow/update/documents"):
                self._send(heard, {"previous": before, "current": self._document()})

    def _send(self, topic: str, body: Json) -> None:
        payload = b"\xff{no" if topic in self.garbled else json.dumps(body).encode()
        for stream, topics in self._open.items():
            if topic in topics:
                stream.sendall(packets.write_publish(topic, payload))
