"""A local cloud as a process, boto3 through its proxy, and devices on the official SDK."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.localcloud.sdk_device import SdkDevice

ROOT = Path(__file__).parents[4]
REGION = "eu-west-1"
_PEM = serialization.Encoding.PEM


class Cloud:
    """The process, and what is needed to reach it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.proxy = json.loads((state / "endpoints.json").read_text())["proxy"]
        self.trust = state / "tls-ca.pem"
        self.keys = dict(line.split("=", 1) for line in (state / "aws.env").read_text().splitlines())
        self._clients: dict[str, Any] = {}
        self.endpoint = self.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    def stop(self) -> None:
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()
        for client in self._clients.values():
            client.close()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.client_of(service, self.keys)
        return self._clients[service]

    def client_of(self, service: str, keys: dict[str, str]) -> Any:
        address = {"endpoint_url": f"https://{self.endpoint}"} if service == "iot-data" else {}
        return boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            verify=str(self.trust),
            config=Config(
                proxies={"https": self.proxy, "http": self.proxy}, retries={"total_max_attempts": 1}
            ),
            **address,
        )

    def device(self, *steps: str, **options: str) -> "Device":
        return Device(self, steps, options)

    def tls(self, host: str, port: int, identity: "Identity | None" = None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", int(self.proxy.rpartition(":")[2])), timeout=10)
        plain.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert plain.recv(1024).startswith(b"HTTP/1.1 200")
        context = ssl.create_default_context(cafile=str(self.trust))
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        return context.wrap_socket(plain, server_hostname=host)


class Identity:
    """A certificate and its key as files."""

    def __init__(
        self, folder: Path, name: str, issuer: "Identity | None" = None, *, ca: bool = False
    ) -> None:
        self.secret = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.made.subject if issuer else subject)
            .public_key(self.secret.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )
        self.made: x509.Certificate = builder.sign(issuer.secret if issuer else self.secret, hashes.SHA256())
        self.pem = self.made.public_bytes(_PEM).decode()
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.certificate.write_text(self.pem)
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        with os.fdopen(os.open(self.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self.secret.private_bytes(_PEM, form, none))


class Device(SdkDevice):
    """The script `device.py`."""

    def __init__(self, cloud: Cloud, steps: tuple[str, ...], options: dict[str, str]) -> None:
        port = cloud.proxy.rpartition(":")[2]
        given = {"endpoint": cloud.endpoint, "trust": str(cloud.trust), "proxy": port, **options}
        super().__init__(str(Path(__file__).with_name("device.py")), json.dumps(given), *steps)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    started = Cloud(tmp_path_factory.mktemp("cloud"))
    yield started
    started.stop()
