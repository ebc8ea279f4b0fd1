"""Devices of every attestation, their tokens, and the world of the device side's tests."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud.azure.dps.device_https import DpsDeviceService
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, Kind
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.calls import Answer, Call
from localcloud.clock import Clock

from ..device.conftest import HUBS, SCOPE, Cloud, World, cloud, make_world, pki, world

__all__ = ["HUBS", "SCOPE", "Cloud", "Fleet", "World", "cloud", "make_world", "pki", "world"]

HOST = "global.azure-devices-provisioning.net"
NAMESPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DeviceRegistry/namespaces/coldchain"


class Fleet:
    """A service `fleet` in the world, its clock, and devices that call its HTTPS device API."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = Clock()
        self.registry = ProvisioningRegistry(world.store, world.directory, world.hubs, self.clock)
        self.refusals: list[str] = []
        self.registry.on_refused.append(lambda _dps, _id, refused: self.refusals.append(refused.reason))
        self.https = DpsDeviceService(self.registry, self.clock)

    def put(self, kind: Kind, identifier: str, attestation: Document, **more: Any) -> Document:
        """Write an enrollment."""
        body = {kind.member: identifier, "attestation": attestation, **more}
        around = self.registry.enrollments.surroundings("fleet")
        return self.registry.enrollments.put(kind, "fleet", identifier, body, None, around)

    def individual(self, identifier: str, attestation: Document, **more: Any) -> Document:
        return self.put(INDIVIDUAL, identifier, attestation, **more)

    def group(self, identifier: str, attestation: Document, **more: Any) -> Document:
        return self.put(GROUP, identifier, attestation, **more)

    def keys(self, kind: Kind, identifier: str) -> Document:
        found: Document = self.registry.enrollments.mechanism(kind, "fleet", identifier)["symmetricKey"]
        return found

    def call(self, method: str, path: str, body: bytes = b"{}", **how: Any) -> Answer:
        """One call; `token` and `peer` prove who it is, `version` is the API's."""
        headers = {"authorization": how["token"]} if how.get("token") else {}
        query = {"api-version": how.get("version", "2021-10-01")}
        return self.https.answer(
            Call(method, how.get("host", HOST), path, query, headers, body, tuple(how.get("peer", ())))
        )

    def register(self, name: str, body: bytes = b"{}", **how: Any) -> Answer:
        return self.call("PUT", f"/{SCOPE}/registrations/{name}/register", body, **how)

    def poll(self, name: str, answer: Answer, **how: Any) -> Answer:
        path = f"/{SCOPE}/registrations/{name}/operations/{answer.body['operationId']}"
        return self.call("GET", path, b"", **how)


def token(key: str, name: str, scope: str = SCOPE, seconds: float = 600, policy: str = "registration") -> str:
    """A shared access signature as devices make it."""
    return signed(lambda text: _hmac(key, text), name, scope, seconds, policy)


def signed(
    sign: Any, name: str, scope: str = SCOPE, seconds: float = 600, policy: str = "registration"
) -> str:
    resource = quote(f"{scope}/registrations/{name}", safe="")
    expiry = int(time.time() + seconds)
    signature = quote_plus(base64.b64encode(sign(f"{resource}\n{expiry}".encode())))
    named = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}{named}"


def _hmac(key: str, text: bytes) -> bytes:
    return hmac.new(base64.b64decode(key), text, hashlib.sha256).digest()


def request(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> x509.CertificateSigningRequest:
    """A PKCS#10 request for a name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder(subject)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def csr_text(made: x509.CertificateSigningRequest) -> str:
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def problem(answer: Answer) -> tuple[int, str]:
    """Status and words of a refusal, which must be in its published shape."""
    assert {"errorCode", "trackingId", "message", "timestampUtc"} == set(answer.body)
    assert answer.headers["x-ms-error-code"] == str(answer.body["errorCode"])
    return answer.status, answer.body["message"]


T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def result_of(work: Callable[[], T], error: type[E]) -> T | E:
    """What the work gives, or the one error that it may raise."""
    try:
        return work()
    except error as raised:
        return raised


@pytest.fixture
def fleet(world: World) -> Fleet:
    return Fleet(world)
