"""A gateway of the local cloud's hub, its children, and the network that leads them to it."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ..processes import Device, Start

HOST = "localhost"


class Network:
    """An HTTP CONNECT proxy that leads every name and port to the gateway: SDKs know no port but 8883."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._target = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def lead_to(self, gateway: Device) -> None:
        self._target = int(gateway.wait("gateway-open")["address"].rpartition(":")[2])

    def cut(self) -> None:
        """Break all connections."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            far = socket.create_connection(("127.0.0.1", self._target))
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._open += [near, far]
            _splice(near, far)
        except (OSError, ValueError):
            return
        finally:
            near.close()


def _splice(near: socket.socket, far: socket.socket) -> None:
    with far:
        while True:
            for end in select.select([near, far], [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                (far if end is near else near).sendall(data)


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def authority(name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A root."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _signed(name, key.public_key(), name, key, x509.BasicConstraints(ca=True, path_length=None)), key


def leaf_of(name: str, issuer: x509.Certificate, signer: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate below a root that has another name than the root."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name = str(issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    return _signed(name, key.public_key(), f"{issuer_name} root", signer)


def self_signed(name: str, folder: Path) -> x509.Certificate:
    """A device's own certificate, in the files that a device starts with."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(name, key.public_key(), name, key, x509.BasicConstraints(ca=False, path_length=None))
    folder.mkdir()
    _write(folder / "leaf.pem", folder / "key.pem", made, key)
    return made


def _signed(
    name: str, key: Any, issuer: str, signer: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
) -> x509.Certificate:
    above, own = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, it)]) for it in (issuer, name))
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=5), now + timedelta(days=2)
    made = x509.CertificateBuilder(above, own, key, x509.random_serial_number(), start, end)
    for extension in extensions:
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return made.sign(signer, hashes.SHA256())


def _write(leaf: Path, key_file: Path, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    leaf.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.touch(0o600)
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write_server(folder: Path, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey) -> None:
    """A root's root.pem, and server.pem with server.key: its certificate for loopback's names."""
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = str(root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    names = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))])
    server = _signed(HOST, key.public_key(), issuer, root_key, names)
    _write(folder / "server.pem", folder / "server.key", server, key)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a site with a root of its own: root.pem, and the gateway's server.pem, server.key."""
    folder = tmp_path / "site"
    folder.mkdir()
    write_server(folder, *authority("site"))
    return folder


class Site:
    """What an operator does at a site: the gateway `gateway-1` and its children."""

    def __init__(self, cloud: Any, start: Start, network: Network, folder: Path, key_file: Any) -> None:
        self._cloud = cloud
        self._start = start
        self._network = network
        self._folder = folder
        self._key_file = key_file
        edge = cloud.put_device("gateway-1", {"type": "sas"}, capabilities={"iotEdge": True})
        self._gateway_key = edge["authentication"]["symmetricKey"]["primaryKey"]
        self.scope = edge["deviceScope"]
        self.secrets = [self._gateway_key]

    def gateway(self, *more: str) -> Device:
        """Start it; children are led to it from then on."""
        arguments = ["--hub", self._cloud.hub, "--gateway", "--listen", "127.0.0.1:0", *more]
        arguments += ["--server-certificate", str(self._folder / "server.pem")]
        arguments += ["--server-key", str(self._folder / "server.key")]
        gateway = self._start("gateway-1", *arguments, key=self._key_file(self._gateway_key))
        self._network.lead_to(gateway)
        return gateway

    def register(self, name: str, authentication: dict[str, Any], *, parent: bool = True) -> Any:
        """A device in the hub, below the gateway or not."""
        more = {"parentScopes": [self.scope]} if parent else {}
        return self._cloud.put_device(name, authentication, **more)

    def key_child(self, name: str, *more: str, parent: bool = True) -> Device:
        """Register and start a child with a key."""
        made = self.register(name, {"type": "sas"}, parent=parent)
        key = made["authentication"]["symmetricKey"]["primaryKey"]
        self.secrets.append(key)
        return self.child(name, *more, key=self._key_file(key))

    def child(self, name: str, *more: str, **how: Any) -> Device:
        """Start a device that is registered."""
        trust = ("--trust", str(self._folder / "root.pem"))
        way = ("--hub", self._cloud.hub, "--gateway-host", HOST, *trust, *more)
        return self._start(name, *way, proxy=self._network.proxy, **how)


@pytest.fixture
def at(cloud: Any, start: Start, network: Network, site: Path, key_file: Callable[[str], Path]) -> Site:
    return Site(cloud, start, network, site, key_file)
