"""Devices' identities made at run time, and a local cloud with one hub, one group and its whole chain."""

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certs import authority
from certs.chain import Chain, pem
from certs.issue import issue_device
from certs.store import KeyStore
from localcloud.azure.directory import Directory
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.store import Store

PROJECT = Path(__file__).parents[2]
PASSPHRASE = b"a passphrase for tests"
SCOPE, DPS, HUB = "0ne00AB12CD", "coldchain", "coldchain-eu-1.azure-devices.net"

_DEVICES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices"
_GROUP = f"https://{DPS}.azure-devices-provisioning.net/enrollmentGroups/reefers?api-version=2021-10-01"
_DPS_AUDIENCE, _HUB_AUDIENCE = "https://azure-devices-provisioning.net", "https://iothubs.azure.net"

Issue = Callable[[str], Path]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority: root.pem, oslo.pem, keys/."""
    folder = tmp_path_factory.mktemp("pki") / "pki"
    authority.init(folder, "coldchain", ["oslo"], PASSPHRASE)
    return folder


@pytest.fixture(scope="session")
def issue(pki: Path, tmp_path_factory: pytest.TempPathFactory) -> Issue:
    """Makes the identity of a device; the folder with its leaf.pem and key.pem."""
    issuer = authority.load(pki).issuers["oslo"]
    signer = KeyStore(pki / authority.KEYS, PASSPHRASE).signer_for(issuer)

    def make(registration_id: str) -> Path:
        folder = tmp_path_factory.mktemp("device") / registration_id
        issue_device(signer, issuer, registration_id, 30).write(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def identity(issue: Issue) -> Path:
    """The identity of device reefer-1."""
    return issue("reefer-1")


class Cloud:
    """The local cloud as a process, and what an operator does to it over REST."""

    scope, hub = SCOPE, HUB

    def __init__(self, state: Path) -> None:
        self._state = state
        self._ports = "0,0,0"
        self._process: subprocess.Popen[str] | None = None
        self.proxy = ""

    def start(self) -> None:
        """Start it, or start it again on the ports it had."""
        command = [sys.executable, "-m", "localcloud", "--state", str(self._state), "--ports", self._ports]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"
        told = json.loads((self._state / "endpoints.json").read_text())
        self.proxy = told["proxy"]
        self._ports = f"{self.proxy.rpartition(':')[2]},{told['mqtt_port']},{told['https_port']}"

    def end(self, number: int = signal.SIGTERM) -> None:
        if self._process and self._process.stdout:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process.stdout.close()
        self._process = None

    @property
    def environment(self) -> dict[str, str]:
        """What a device is told of it."""
        return {"MUSTER_PROXY": self.proxy, "MUSTER_CA_FILE": str(self._state / "tls-ca.pem")}

    def twin(self, device: str, patch: dict[str, Any] | None = None) -> Any:
        """A device's twin, after a patch when one is given."""
        url = f"https://{HUB}/twins/{device}?api-version=2021-04-12"
        return self._call("GET" if patch is None else "PATCH", url, _HUB_AUDIENCE, patch)

    def delete_device(self, device: str) -> None:
        """Take the device out of the hub, as when it was moved."""
        url = f"https://{HUB}/devices/{device}?api-version=2021-04-12"
        self._call("DELETE", url, _HUB_AUDIENCE, if_match='"*"')

    def switch_group(self, status: str) -> None:
        """Make the enrollment group enabled or disabled."""
        body = self._call("GET", _GROUP, _DPS_AUDIENCE)
        self._call("PUT", _GROUP, _DPS_AUDIENCE, {**body, "provisioningStatus": status})

    def _call(self, method: str, url: str, audience: str, body: Any = None, if_match: str = "*") -> Any:
        trust = ssl.create_default_context(cafile=str(self._state / "tls-ca.pem"))
        with httpx.Client(proxy=self.proxy, verify=trust, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {self._token(client, audience)}", "If-Match": if_match}
            response = client.request(method, url, headers=headers, json=body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def _token(self, client: httpx.Client, audience: str) -> str:
        lines = (self._state / "azure.env").read_text().splitlines()
        known = dict(line.split("=", 1) for line in lines)
        form = {
            "grant_type": "client_credentials",
            "client_id": known["AZURE_CLIENT_ID"],
            "client_secret": known["AZURE_CLIENT_SECRET"],
            "scope": f"{audience}/.default",
        }
        url = f"https://login.microsoftonline.com/{known['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        return str(client.post(url, data=form).json()["access_token"])


@pytest.fixture
def cloud(tmp_path: Path, pki: Path) -> Iterator[Cloud]:
    """A running cloud with a provisioned fleet; devices are not in it yet."""
    state = tmp_path / "cloud"
    state.mkdir(mode=0o700)
    _provision(Store(state / "azure.sqlite"), authority.load(pki))
    cloud = Cloud(state)
    cloud.start()
    yield cloud
    cloud.end()


def _provision(store: Store, chain: Chain) -> None:
    """What `pulumi up` would leave: a hub, a provisioning service linked to it, its root, a group."""
    _put(store, "IotHubs/coldchain-eu-1", {"hostName": HUB})
    links = [{"name": HUB, "location": "westeurope", "allocationWeight": 1}]
    service = {"idScope": SCOPE, "serviceOperationsHostName": f"{DPS}.azure-devices-provisioning.net"}
    _put(store, f"ProvisioningServices/{DPS}", {**service, "iotHubs": links})
    root = base64.b64encode(chain.root.public_bytes(Encoding.DER)).decode()
    certificate = {"certificate": root, "isVerified": True}
    _put(store, f"ProvisioningServices/{DPS}/certificates/root", certificate)
    registry = ProvisioningRegistry(store, Directory(store), HubRegistry(store))
    registry.put_group(DPS, "reefers", _group(pem(chain.issuers["oslo"])))
    store.close()


def _group(certificate: str) -> dict[str, Any]:
    signing = {"signingCertificates": {"primary": {"certificate": certificate}}}
    return {
        "enrollmentGroupId": "reefers",
        "attestation": {"type": "x509", "x509": signing},
        "initialTwin": {"tags": {}, "properties": {"desired": {"intervalSeconds": 30}}},
    }


def _put(store: Store, path: str, properties: dict[str, Any]) -> None:
    kind, _, name = path.partition("/")
    middle = "/certificates" if "/" in name else ""
    document = {
        "id": f"{_DEVICES}/{path}",
        "name": name.rpartition("/")[2],
        "type": f"Microsoft.Devices/{kind}{middle}",
        "location": "westeurope",
        "properties": properties,
    }
    store.put("arm", f"{_DEVICES}/{path}".lower(), document)


@pytest.fixture
def base_environment() -> dict[str, str]:
    """This process' environment without what would lead a device elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
