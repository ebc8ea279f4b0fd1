"""A started local cloud, reached as production is: by production names, over TLS, through the proxy."""

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.identity import EnvironmentCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.iothub import IotHubClient
from azure.mgmt.iothubprovisioningservices import IotDpsClient
from azure.mgmt.iothubprovisioningservices.models import ProvisioningServiceDescription
from azure.mgmt.resource.resources import ResourceManagementClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOCATION = "westeurope"
DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
ARM_SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True)
class Cloud:
    """A running local cloud and what its clients need."""

    state: Path
    proxy: str
    https_port: int
    settings: dict[str, str]

    @property
    def ca_file(self) -> str:
        return str(self.state / "tls-ca.pem")

    @property
    def subscription(self) -> str:
        return self.settings["ARM_SUBSCRIPTION_ID"]

    @property
    def transport(self) -> dict[str, Any]:
        """What every azure-core client takes."""
        return {"proxies": {"https": self.proxy}, "connection_verify": self.ca_file}

    def credential(self) -> EnvironmentCredential:
        return EnvironmentCredential(**self.transport)

    def http(self) -> httpx.Client:
        """A bare client, for what SDKs hide."""
        context = ssl.create_default_context(cafile=self.ca_file)
        return httpx.Client(proxy=self.proxy, verify=context, trust_env=False, timeout=20)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state = tmp_path_factory.mktemp("cloud")
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == "ready"
            yield _cloud(state)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _cloud(state: Path) -> Cloud:
    endpoints = json.loads((state / "endpoints.json").read_text())
    lines = (state / "azure.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    return Cloud(state, endpoints["proxy"], endpoints["https_port"], settings)


@pytest.fixture(scope="session", autouse=True)
def _environment(cloud: Cloud) -> Iterator[None]:
    """What azure-identity's EnvironmentCredential reads."""
    before = dict(os.environ)
    os.environ.update(cloud.settings)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def credential(cloud: Cloud, _environment: None) -> Iterator[EnvironmentCredential]:
    with cloud.credential() as found:
        yield found


@pytest.fixture(scope="session")
def groups(cloud: Cloud, credential: EnvironmentCredential) -> Iterator[ResourceManagementClient]:
    with ResourceManagementClient(credential, cloud.subscription, **cloud.transport) as client:
        yield client


@pytest.fixture(scope="session")
def hubs(cloud: Cloud, credential: EnvironmentCredential) -> Iterator[IotHubClient]:
    with IotHubClient(credential, cloud.subscription, **cloud.transport) as client:
        yield client


@pytest.fixture(scope="session")
def services(cloud: Cloud, credential: EnvironmentCredential) -> Iterator[IotDpsClient]:
    with IotDpsClient(credential, cloud.subscription, **cloud.transport) as client:
        yield client


@pytest.fixture(scope="session")
def roles(cloud: Cloud, credential: EnvironmentCredential) -> Iterator[AuthorizationManagementClient]:
    with AuthorizationManagementClient(credential, cloud.subscription, **cloud.transport) as client:
        yield client


@pytest.fixture
def group(groups: ResourceManagementClient) -> str:
    name = f"rg-{uuid4().hex[:8]}"
    groups.resource_groups.create_or_update(name, {"location": LOCATION})
    return name


def hub_body(**properties: Any) -> dict[str, Any]:
    return {"location": LOCATION, "sku": {"name": "S1", "capacity": 1}, "properties": properties}


def dps_body(**properties: Any) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "sku": {"name": "S1", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
        "properties": properties,
    }


def dps_model(**properties: Any) -> ProvisioningServiceDescription:
    """The same body as the SDK takes it."""
    return ProvisioningServiceDescription(dps_body(**properties))


@pytest.fixture
def hub(hubs: IotHubClient, group: str) -> Any:
    """A hub with keys on."""
    return hubs.iot_hub_resource.begin_create_or_update(group, f"hub-{uuid4().hex[:8]}", hub_body()).result()


@pytest.fixture
def dps(services: IotDpsClient, group: str) -> Any:
    """A provisioning service with an identity, without hubs."""
    name = f"dps-{uuid4().hex[:8]}"
    return services.iot_dps_resource.begin_create_or_update(group, name, dps_model()).result()


@pytest.fixture
def linked(
    hub: Any, dps: Any, group: str, services: IotDpsClient, roles: AuthorizationManagementClient
) -> Any:
    """The provisioning service, linked to the hub by its identity."""
    grant(roles, hub.id, dps.identity.principal_id)
    link = {
        "hostName": hub.properties.host_name,
        "location": LOCATION,
        "authenticationType": "SystemAssigned",
    }
    body = dps_model(iotHubs=[link])
    return services.iot_dps_resource.begin_create_or_update(group, dps.name, body).result()


def grant(roles: AuthorizationManagementClient, scope: str, principal: str) -> Any:
    role = f"/subscriptions/{scope.split('/')[2]}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {"roleDefinitionId": f"{role}/{DATA_CONTRIBUTOR}", "principalId": principal}
    return roles.role_assignments.create(scope, str(uuid4()), {"properties": properties})


@dataclass(frozen=True)
class Authority:
    """A throwaway CA."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, common_name: str, *, days: int = 1) -> x509.Certificate:
        return _certificate(common_name, self.certificate.subject, self.key, ca=None, days=days)


def authority(common_name: str, *, ca: bool | None = True, days: int = 30) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return Authority(_certificate(common_name, name, key, ca=ca, days=days, own=key), key)


def _certificate(
    common_name: str,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool | None,
    days: int,
    own: ec.EllipticCurvePrivateKey | None = None,
) -> x509.Certificate:
    key = own or ec.generate_private_key(ec.SECP256R1())
    start = datetime.now(UTC) - timedelta(days=60)
    end = datetime.now(UTC) + timedelta(days=days)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number(), start, end)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(signer, hashes.SHA256())


def encoded(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds
