"""Certificates made at run time, a clock that does not wait, and an Azure in memory that tests can edit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.store import KeyStore
from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.errors import CancelledError
from provider.clients.retry import Clock
from provider.handlers import handlers
from provider.handlers.enrollment_group import EnrollmentGroup
from provider.handlers.hub_link import HubLink
from provider.handlers.individual_enrollment import IndividualEnrollment
from provider.handlers.verified_certificate import VerifiedCertificate
from provider.resource import Handler, Made
from tests.provider.memory.arm import ArmMemory
from tests.provider.memory.dps import DpsMemory
from tests.provider.memory.hub import HubMemory

PASSPHRASE = "a passphrase for tests only"
TOKEN = "token-that-must-never-be-seen"
SERVICE_ID = "/subscriptions/s1/resourceGroups/fleet/providers/Microsoft.Devices/provisioningServices/contoso"
HOST = "contoso.azure-devices-provisioning.net"
HUBS = ["one.azure-devices.net", "two.azure-devices.net"]


class StillClock(Clock):
    """Sleeping takes no time, but the clock moves on; `slept` remembers how long."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def today(self) -> datetime:
        return datetime(2026, 11, 22, 12, 0, tzinfo=UTC) + timedelta(seconds=self.seconds - 1000.0)

    def sleep(self, seconds: float) -> None:
        if self._cancelled.is_set():
            raise CancelledError("cancelled")
        self.slept.append(seconds)
        self.seconds += seconds


class Credential:
    """Gives the one token, whatever the scope."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(TOKEN, 2_000_000_000)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Cloud(DpsMemory, ArmMemory, HubMemory):
    """Azure in memory: documents that tests may read and edit, and what was asked of it."""

    requests: list[httpx.Request] = field(default_factory=list)
    answers: list[httpx.Response | Exception] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.url.host == "management.azure.com":
            return self.resource_manager(request)
        if request.url.host.endswith("azure-devices.net"):
            return self.hub(request)
        return self.dps(request)

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(arm={SERVICE_ID.lower(): service_document()})


def service_document() -> dict[str, Any]:
    return {
        "id": SERVICE_ID,
        "name": "contoso",
        "type": "Microsoft.Devices/provisioningServices",
        "location": "westeurope",
        "etag": "e0",
        "sku": {"name": "S1", "capacity": 1},
        "properties": {"idScope": "0ne1", "state": "Active", "allocationPolicy": "Hashed"},
    }


@pytest.fixture
def azure(cloud: Cloud, clock: StillClock) -> Iterator[Azure]:
    with httpx.Client(transport=httpx.MockTransport(cloud.handle)) as http:
        yield Azure({}, clock, http=http, entra=Entra({}, Credential()))


@pytest.fixture
def key_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KeyStore:
    """An empty key store that the environment names."""
    monkeypatch.setenv("MUSTER_KEY_STORE", str(tmp_path / "keys"))
    monkeypatch.setenv("MUSTER_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("MUSTER_KEY_PASSPHRASE_FILE", raising=False)
    return KeyStore(tmp_path / "keys", PASSPHRASE.encode())


@dataclass(frozen=True)
class Authority:
    """A throw-away CA: its certificate as PEM, and its key in memory only."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def make_authority(name: str, *, ca: bool = True) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _key_usage() -> x509.KeyUsage:
    off = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        decipher_only=False,
        **dict.fromkeys(off, False),
    )


@pytest.fixture(scope="session")
def oslo() -> Authority:
    return make_authority("oslo")


@pytest.fixture(scope="session")
def bergen() -> Authority:
    return make_authority("bergen")


@pytest.fixture(scope="session")
def leaf() -> Authority:
    return make_authority("no-authority", ca=False)


@pytest.fixture
def group_inputs(oslo: Authority) -> dict[str, Any]:
    return {
        "serviceHost": HOST,
        "enrollmentGroupId": "reefers",
        "signingCertificate": oslo.pem,
        "iotHubs": list(HUBS),
        "initialTwin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
        "reprovision": "migrate",
    }


@pytest.fixture
def device_inputs() -> dict[str, Any]:
    return {
        "serviceHost": HOST,
        "registrationId": "truck-7",
        "symmetricKey": True,
        "iotHubs": list(HUBS),
    }


@pytest.fixture
def certificate_inputs(oslo: Authority) -> dict[str, Any]:
    return {"provisioningServiceId": SERVICE_ID, "certificateName": "oslo", "certificate": oslo.pem}


@pytest.fixture
def link_inputs() -> dict[str, Any]:
    return {
        "provisioningServiceId": SERVICE_ID,
        "hubHost": HUBS[0],
        "hubLocation": "westeurope",
        "serviceRevision": "r1",
    }


@pytest.fixture
def groups(azure: Azure) -> EnrollmentGroup:
    found = handlers(azure)["muster:dps:EnrollmentGroup"]
    assert isinstance(found, EnrollmentGroup)
    return found


@pytest.fixture
def individuals(azure: Azure) -> IndividualEnrollment:
    found = handlers(azure)["muster:dps:IndividualEnrollment"]
    assert isinstance(found, IndividualEnrollment)
    return found


@pytest.fixture
def certificates(azure: Azure, key_store: KeyStore, oslo: Authority) -> VerifiedCertificate:
    key_store.add(oslo.key)
    found = handlers(azure)["muster:dps:VerifiedCertificate"]
    assert isinstance(found, VerifiedCertificate)
    return found


@pytest.fixture
def links(azure: Azure) -> HubLink:
    found = handlers(azure)["muster:dps:HubLink"]
    assert isinstance(found, HubLink)
    return found


@dataclass
class Life:
    """Drives a handler with plain properties, as the engine does, and keeps the state between the steps."""

    handler: Handler[Any, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    resource_id: str = ""

    def create(self, given: dict[str, Any]) -> Made[Any]:
        checked = self.handler.check(given)
        assert checked.faults == ()
        typed = self.handler.state(checked.inputs, {}).inputs
        made = self.handler.create(typed)
        self._keep(checked.inputs, made)
        self.resource_id = self.handler.resource_id(typed)
        return made

    def update(self, **changed: Any) -> Made[Any]:
        new = self.handler.check({**self.inputs, **changed}).inputs
        old = self.handler.state(self.inputs, self.properties)
        made = self.handler.update(old, self.handler.state(new, {}).inputs)
        self._keep(new, made)
        return made

    def refresh(self) -> bool:
        """Read what is live into the state; False when it is gone."""
        known = self.handler.state(self.inputs, self.properties)
        live = self.handler.read(self.resource_id, known)
        if live is not None:
            found = self.handler.found(self.inputs, live)
            self.inputs, self.properties = found.inputs, found.properties
        return live is not None

    def changed(self, **changed: Any) -> dict[str, bool]:
        """The paths that a diff names, and whether they replace the resource."""
        diff = self.handler.diff(self.inputs, self.properties, {**self.inputs, **changed})
        return {each.path: bool(each.replaces) for each in diff.changes}

    def _keep(self, inputs: dict[str, Any], made: Made[Any]) -> None:
        self.inputs = inputs
        self.properties = self.handler.properties(inputs, made.outputs)


@pytest.fixture
def life() -> type[Life]:
    return Life


@pytest.fixture
def credential() -> Credential:
    return Credential()


@pytest.fixture
def token() -> str:
    return TOKEN
