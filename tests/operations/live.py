"""A running local cloud with a fleet in it, a Muster project that describes it, and devices that register."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.reading import pem
from certs.store import KeyStore
from cli.main import main
from provider.clients import ARM_HOST, ARM_SCOPE, Azure
from provider.clients.arm import Arm
from provider.clients.credentials import Entra
from provider.clients.rest import Document, Rest
from provider.clients.retry import Clock
from provider.clients.transport import http_client
from provider.handlers import handlers
from tests.operations.conftest import NOW, Authority, make_authority

DPS_API, HUB_API, ROLE_API = "2026-11-01", "2023-06-30", "2022-04-01"
SERVICE = "coldchain-prod.azure-devices-provisioning.net"
DEVICES = "global.azure-devices-provisioning.net"
HUB = "coldchain-prod-eu-1.azure-devices.net"
STACK = """\
config:
  azure-native:location: westeurope
  muster:fleet:
    name: coldchain
    azure: {hubs: {eu-1: {localAuth: {devices: true}}}}
    identity:
      root: certs/root.pem
      issuers: {oslo: certs/oslo.pem, bergen: certs/bergen.pem}
    groups:
      reefers: {attestation: {x509: {issuer: oslo, secondary: bergen}}, allocation: {hubs: [eu-1]}}
      scanners: {attestation: {symmetricKey: {}}, allocation: {hubs: [eu-1]}}
    enrollments:
      bench-1: {attestation: {symmetricKey: {}}, allocation: {hubs: [eu-1]}}
"""
_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
_PASSPHRASE = "a passphrase for tests only"


@dataclass(frozen=True)
class Device:
    """A device with its certificate and key in files."""

    name: str
    leaf: x509.Certificate
    files: tuple[str, str]


@dataclass
class Live:
    """The cloud, the project, and how to act on both."""

    project: Path
    state: Path
    environment: dict[str, str]
    azure: Azure
    scope: str
    oslo: Authority
    bergen: Authority

    def device(self, name: str, issuer: Authority | None = None) -> Device:
        """Make a device's key and certificate; the certificate is among those issued."""
        issuer = issuer or self.oslo
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(name, key.public_key(), issuer)
        folder = self.project / "secret" / f"{name}-{leaf.serial_number:x}"
        folder.mkdir(parents=True)
        (folder / "leaf.pem").write_text(pem(leaf))
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        issued = self.project / "issued"
        issued.mkdir(exist_ok=True)
        (issued / f"{name}-{leaf.serial_number:x}.pem").write_text(pem(leaf))
        return Device(name, leaf, (str(folder / "leaf.pem"), str(folder / "key.pem")))

    def registers(self, device: Device) -> bool:
        """Whether DPS lets the device in, by its certificate."""
        return self._register(device.name, self._context(device), {})

    def registers_by_key(self, name: str, key: str) -> bool:
        """Whether DPS lets a device in, by a token."""
        resource = quote_plus(f"{self.scope}/registrations/{name}")
        expiry = int(time.time()) + 600
        digest = hmac.digest(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256)
        signature = quote_plus(base64.b64encode(digest).decode())
        token = f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=registration"
        return self._register(name, self._context(), {"Authorization": token})

    def connects(self, device: Device) -> bool:
        """Whether its hub takes a message of the device."""
        url = f"https://{HUB}/devices/{device.name}/messages/events"
        with self._client(self._context(device), {}) as client:
            answer = client.post(url, params={"api-version": "2020-03-13"}, content=b"{}")
        assert answer.status_code in (204, 401, 403), answer.text
        return answer.status_code == 204

    def muster(self, *arguments: str, code: int = 0) -> Result:
        """Run the command in the project; its exit code is checked."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.project)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code == code, (done.output, done.exception)
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run the command as a process of its own."""
        command = [str(Path(sys.executable).with_name("muster")), *arguments]
        environment = {**os.environ, **self.environment}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.project, env=environment, stdout=pipe, stderr=pipe, text=True
        )

    @property
    def record(self) -> Path:
        """The record of the stack."""
        return self.project / ".muster" / "prod" / "operations.jsonl"

    def crl(self, name: str, authority: Authority, *serials: int, **how: Any) -> Path:
        """A CRL in a file."""
        file = self.project / name
        file.write_bytes(authority.crl(serials, **how).public_bytes(serialization.Encoding.PEM))
        return file

    def identity(self, name: str) -> Document:
        found = self.azure.hub(HUB).get(f"/devices/{name}")
        assert found is not None
        return found

    def enrollment(self, name: str) -> Document | None:
        return self.azure.individuals(SERVICE).get(name)

    def _context(self, device: Device | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.environment["MUSTER_CA_FILE"])
        if device is not None:
            context.load_cert_chain(*device.files)
        return context

    def _client(self, context: ssl.SSLContext, headers: dict[str, str]) -> httpx.Client:
        proxy = self.environment["MUSTER_PROXY"]
        return httpx.Client(proxy=proxy, verify=context, trust_env=False, headers=headers, timeout=30)

    def _register(self, name: str, context: ssl.SSLContext, headers: dict[str, str]) -> bool:
        url = f"https://{DEVICES}/{self.scope}/registrations/{name}/register"
        with self._client(context, headers) as client:
            answer = client.put(url, params={"api-version": "2021-10-01"}, json={"registrationId": name})
            if answer.status_code == 202:
                answer = client.get(answer.headers["Location"])
        state = answer.json().get("registrationState") or {}
        return state.get("status") == "assigned"


def _leaf(name: str, key: ec.EllipticCurvePublicKey, issuer: Authority) -> x509.Certificate:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(issuer.certificate.not_valid_after_utc)
        .add_extension(usage, critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


@contextmanager
def running(folder: Path, oslo: Authority, bergen: Authority) -> Iterator[Live]:
    """The local cloud with the fleet, while the block runs."""
    state, project = folder / "cloud", folder / "project"
    with _cloud(state), pytest.MonkeyPatch.context() as patch:
        environment = _environment(state)
        for name, value in environment.items():
            patch.setenv(name, value)
        _lay_out(project, oslo, bergen)
        _key_store(folder / "keys", patch, oslo, bergen)
        clock, entra = Clock(), Entra(environment)
        with closing(Azure(environment, clock, entra=entra)) as azure, http_client(environment) as http:
            rest = Rest(http, f"https://{ARM_HOST}", entra.authentication(ARM_SCOPE), clock)
            scope = _make(Arm(rest, clock), azure, environment["ARM_SUBSCRIPTION_ID"], oslo, bergen)
            yield Live(project, state, environment, azure, scope, oslo, bergen)


@contextmanager
def _cloud(state: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        watchdog.cancel()
        yield
        process.terminate()


def _environment(state: Path) -> dict[str, str]:
    lines = (state / "azure.env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    proxy = httpx.Response(200, content=(state / "endpoints.json").read_bytes()).json()["proxy"]
    return {**found, "MUSTER_PROXY": proxy, "MUSTER_CA_FILE": str(state / "tls-ca.pem"), "MUSTER_WHO": "ada"}


def _lay_out(project: Path, oslo: Authority, bergen: Authority) -> None:
    (project / "stacks").mkdir(parents=True)
    (project / "certs").mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project / "stacks" / "Pulumi.prod.yaml").write_text(STACK)
    (project / "certs" / "root.pem").write_text(pem(make_authority("coldchain root").certificate))
    (project / "certs" / "oslo.pem").write_text(pem(oslo.certificate))
    (project / "certs" / "bergen.pem").write_text(pem(bergen.certificate))


def _key_store(folder: Path, patch: pytest.MonkeyPatch, *authorities: Authority) -> None:
    patch.setenv("MUSTER_KEY_STORE", str(folder))
    patch.setenv("MUSTER_KEY_PASSPHRASE", _PASSPHRASE)
    patch.delenv("MUSTER_KEY_PASSPHRASE_FILE", raising=False)
    for authority in authorities:
        KeyStore(folder, _PASSPHRASE.encode()).add(authority.key)


def _make(arm: Arm, azure: Azure, subscription: str, oslo: Authority, bergen: Authority) -> str:
    """The service, its hub, proven authorities and enrollments; gives the id scope."""
    group = f"/subscriptions/{subscription}/resourceGroups/coldchain-prod"
    arm.put(group, "2021-04-01", {"location": "westeurope"})
    service_id = f"{group}/providers/Microsoft.Devices/provisioningServices/coldchain-prod"
    sku = {"name": "S1", "capacity": 1}
    identity = {"type": "SystemAssigned"}
    body = {"location": "westeurope", "sku": sku, "identity": identity, "properties": {}}
    service = arm.put(service_id, DPS_API, body)
    hub_id = f"{group}/providers/Microsoft.Devices/IotHubs/coldchain-prod-eu-1"
    arm.put(hub_id, HUB_API, {"location": "westeurope", "sku": sku, "properties": {}})
    role = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{_CONTRIBUTOR}"
    assigned = {"roleDefinitionId": role, "principalId": service["identity"]["principalId"]}
    assignment = f"{hub_id}/providers/Microsoft.Authorization/roleAssignments/{_CONTRIBUTOR}"
    properties = {**assigned, "principalType": "ServicePrincipal"}
    arm.put(assignment, ROLE_API, {"properties": properties})
    owner = {"provisioningServiceId": service_id}
    _create(azure, "HubLink", {**owner, "hubHost": HUB, "hubLocation": "westeurope"})
    for name, authority in (("oslo", oslo), ("bergen", bergen)):
        certificate = {"certificateName": name, "certificate": pem(authority.certificate)}
        _create(azure, "VerifiedCertificate", {**owner, **certificate})
    enrolling = {"serviceHost": SERVICE, "iotHubs": [HUB]}
    signing = {
        "signingCertificate": pem(oslo.certificate),
        "secondarySigningCertificate": pem(bergen.certificate),
    }
    _create(azure, "EnrollmentGroup", {**enrolling, "enrollmentGroupId": "reefers", **signing})
    _create(azure, "EnrollmentGroup", {**enrolling, "enrollmentGroupId": "scanners", "symmetricKey": True})
    _create(azure, "IndividualEnrollment", {**enrolling, "registrationId": "bench-1", "symmetricKey": True})
    return str(service["properties"]["idScope"])


def _create(azure: Azure, kind: str, inputs: dict[str, Any]) -> None:
    handler = handlers(azure)[f"muster:dps:{kind}"]
    checked = handler.check(inputs)
    assert checked.faults == ()
    handler.create(handler.state(checked.inputs, {}).inputs)
