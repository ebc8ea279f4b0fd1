"""A certificate authority, a seeded state and a running local cloud for the device side's tests."""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.azure.directory import Directory
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.hub.registry import HubRegistry
from localcloud.mqtt import packets
from localcloud.store import Store

ROOT = Path(__file__).parents[3]
SCOPE, OTHER_SCOPE = "0ne00000001", "0ne00000002"
HUBS = ("hub-a.azure-devices.net", "hub-b.azure-devices.net")
_PROVIDERS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices"
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Holder:
    """A certificate and the key it belongs to."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(_PEM).decode()


class Pki:
    """Certificates by wish, keys made at run time."""

    def authority(self, name: str, issuer: Holder | None = None, **wishes: Any) -> Holder:
        return self.make(name, issuer, ca=True, **wishes)

    def leaf(self, name: str, issuer: Holder | None, **wishes: Any) -> Holder:
        return self.make(name, issuer, ca=False, **wishes)

    def make(
        self,
        name: str,
        issuer: Holder | None,
        *,
        ca: bool,
        from_days: float = -1,
        to_days: float = 30,
        path_length: int | None = None,
        usages: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
        may_sign: bool = True,
    ) -> Holder:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=from_days))
            .not_valid_after(now + timedelta(days=to_days))
            .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        )
        if ca:
            builder = builder.add_extension(_signing_usage(may_sign), critical=True)
        elif usages is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return Holder(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _signing_usage(may_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not may_sign, False, False, False, False, may_sign, False, False, False)


@dataclass
class World:
    """A store with two hubs, two provisioning services, and the registries over it."""

    store: Store
    pki: Pki
    root: Holder
    factory: Holder
    directory: Directory = field(init=False)
    hubs: HubRegistry = field(init=False)
    provisioning: ProvisioningRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.directory = Directory(self.store)
        self.hubs = HubRegistry(self.store)
        self.provisioning = ProvisioningRegistry(self.store, self.directory, self.hubs)
        for host in HUBS:
            self._put_arm("IotHubs", host.split(".")[0], {"hostName": host})
        for name, scope in (("fleet", SCOPE), ("other", OTHER_SCOPE)):
            properties = {
                "idScope": scope,
                "serviceOperationsHostName": f"{name}.azure-devices-provisioning.net",
                "iotHubs": [{"name": host, "allocationWeight": 1} for host in HUBS],
            }
            self._put_arm("ProvisioningServices", name, properties)
        self.verify("fleet", "root", self.root)

    def verify(self, dps: str, name: str, authority: Holder, is_verified: bool = True) -> None:
        encoded = base64.b64encode(authority.certificate.public_bytes(serialization.Encoding.DER)).decode()
        self._put_arm(
            "ProvisioningServices",
            f"{dps}/certificates/{name}",
            {"certificate": encoded, "isVerified": is_verified},
        )

    def group(self, group_id: str = "pumps", dps: str = "fleet", **changes: Any) -> dict[str, Any]:
        signing = changes.pop("signing", self.factory)
        body = {
            "enrollmentGroupId": group_id,
            "attestation": {
                "type": "x509",
                "x509": {"signingCertificates": {"primary": {"certificate": signing.pem}}},
            },
            "initialTwin": {"tags": {"line": "a"}, "properties": {"desired": {"interval": 60}}},
            **changes,
        }
        return self.provisioning.put_group(dps, group_id, body)

    def chain(self, name: str, issuer: Holder | None = None) -> list[x509.Certificate]:
        issuer = issuer or self.factory
        return [self.pki.leaf(name, issuer).certificate, issuer.certificate]

    def link(self, dps: str, hubs: list[dict[str, Any]]) -> None:
        key = f"{_PROVIDERS}/ProvisioningServices/{dps}".lower()
        document = self.store.get("arm", key)
        assert document is not None
        document["properties"]["iotHubs"] = hubs
        self.store.put("arm", key, document)

    def _put_arm(self, kind: str, name: str, properties: dict[str, Any]) -> None:
        identifier = f"{_PROVIDERS}/{kind}/{name}"
        middle = "/certificates" if "/" in name else ""
        document = {
            "id": identifier,
            "name": name.split("/")[-1],
            "type": f"Microsoft.Devices/{kind}{middle}",
            "location": "westeurope",
            "properties": properties,
        }
        self.store.put("arm", identifier.lower(), document)


class Cloud:
    """A local cloud as a process, and devices that reach it."""

    def __init__(self, state: Path, world: World) -> None:
        self.state = state
        self.world = world
        self.process: subprocess.Popen[str] | None = None
        self.endpoints: dict[str, Any] = {}

    def start(self, ports: str = "0,0,0") -> None:
        command = [sys.executable, "-m", "localcloud", "--state", str(self.state), "--ports", ports]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.endpoints = json.loads((self.state / "endpoints.json").read_text())

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process.stdout.close()
        self.process = None
        return code

    @property
    def proxy_port(self) -> int:
        return int(self.endpoints["proxy"].rpartition(":")[2])

    @property
    def trust(self) -> Path:
        return self.state / "tls-ca.pem"

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / "cloud.log").read_text().splitlines()]

    def identity(self, holder: Holder, *more: Holder) -> tuple[Path, Path]:
        """Chain and key as files."""
        name = f"{holder.certificate.serial_number:x}"
        chain, key = self.state / f"{name}.pem", self.state / f"{name}.key"
        chain.write_text("".join(it.pem for it in (holder, *more)))
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(holder.key.private_bytes(_PEM, form, none))
        return chain, key

    def connect(self, host: str, identity: tuple[Path, Path] | None = None) -> "RawDevice":
        """TLS through the proxy."""
        plain = socket.create_connection(("127.0.0.1", self.proxy_port), timeout=10)
        plain.sendall(f"CONNECT {host}:8883 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = plain.recv(1024)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        context = ssl.create_default_context(cafile=str(self.trust))
        if identity:
            context.load_cert_chain(*identity)
        return RawDevice(context.wrap_socket(plain, server_hostname=host))


class RawDevice:
    """MQTT on a blocking socket, packet by packet."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self._rest = b""
        self._packets: list[tuple[int, bytes]] = []

    def __enter__(self) -> "RawDevice":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def login(
        self, client_id: str, username: str, *, clean: bool = False, keep_alive: int = 60
    ) -> tuple[int, int]:
        """CONNECT; gives session present and return code."""
        flags = 0x80 | (0x02 if clean else 0)
        head = text("MQTT") + bytes((4, flags)) + keep_alive.to_bytes(2, "big")
        self.send(0x10, head + text(client_id) + text(username))
        kind, body = self.receive()
        assert kind == 0x20
        return body[0], body[1]

    def subscribe(self, *topics: str) -> bytes:
        self.send(0x82, b"\0\1" + b"".join(text(topic) + b"\1" for topic in topics))
        kind, body = self.receive()
        assert kind == 0x90
        return body[2:]

    def publish(self, topic: str, payload: bytes = b"", packet_id: int = 0) -> None:
        identifier = packet_id.to_bytes(2, "big") if packet_id else b""
        self.send(0x32 if packet_id else 0x30, text(topic) + identifier + payload)

    def ask(self, topic: str, payload: bytes = b"") -> tuple[str, bytes]:
        self.publish(topic, payload)
        return self.message()

    def message(self) -> tuple[str, bytes]:
        kind, body = self.receive()
        assert kind == 0x30, (kind, body)
        message = packets.read_publish(kind, body)
        return message.topic, message.payload

    def send(self, head: int, body: bytes) -> None:
        self.connection.sendall(bytes((head,)) + packets.write_length(len(body)) + body)

    def receive(self) -> tuple[int, bytes]:
        while not self._packets:
            data = self.connection.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self._packets, self._rest = packets.split(self._rest + data)
        return self._packets.pop(0)

    def is_closed(self) -> bool:
        try:
            return self.connection.recv(65536) == b""
        except (ConnectionError, ssl.SSLError):
            return True


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki()


@pytest.fixture
def make_world(pki: Pki) -> Iterator[Callable[[Path | str], World]]:
    stores: list[Store] = []

    def make(path: Path | str = ":memory:") -> World:
        root = pki.authority("root")
        stores.append(Store(path))
        return World(stores[-1], pki, root, pki.authority("factory", root))

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def cloud(tmp_path: Path, make_world: Callable[..., World]) -> Iterator[Cloud]:
    """Seeded with group `pumps` in service `fleet`; the test may seed more before `start`, and read after."""
    seeded = Cloud(tmp_path, make_world(tmp_path / "azure.sqlite"))
    seeded.world.group()
    yield seeded
    if seeded.process is not None:
        seeded.stop(signal.SIGKILL)
