"""Devices' identities made at run time, and a local cloud with one hub, one group and its whole chain."""

import base64
import hashlib
import hmac
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
from localcloud.azure import adr
from localcloud.azure.directory import Directory
from localcloud.azure.dps.kinds import INDIVIDUAL
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.hub.registry import HubRegistry
from localcloud.clock import Clock
from localcloud.store import Store

from .processes import Device, Start

PROJECT = Path(__file__).parents[2]
PASSPHRASE = b"a passphrase for tests"
REGISTRY = {
    "namespaceName": "coldchain",
    "certificateAuthorityName": "default",
    "certificatePolicyName": "short",
}
NAMESPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DeviceRegistry/namespaces/coldchain"
POLICY_DAYS = 7
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

    def put_device(self, device: str, authentication: dict[str, Any], **more: Any) -> Any:
        """Register a device in the hub, or change it."""
        url = f"https://{HUB}/devices/{device}?api-version=2021-04-12"
        body = {"deviceId": device, "authentication": authentication, **more}
        known = {"if_match": None} if more.pop("is_new", True) else {}
        body.pop("is_new", None)
        return self._call("PUT", url, _HUB_AUDIENCE, body, **known)

    def connected_since(self, device: str) -> str | None:
        """When the device connected; None while it is not."""
        url = f"https://{HUB}/devices/{device}?api-version=2021-04-12"
        known = self._call("GET", url, _HUB_AUDIENCE)
        return str(known["connectionStateUpdatedTime"]) if known["connectionState"] == "Connected" else None

    def method(self, device: str, name: str) -> Any:
        """Call a direct method; the answer."""
        url = f"https://{HUB}/twins/{device}/methods?api-version=2021-04-12"
        body = {"methodName": name, "payload": {}, "responseTimeoutInSeconds": 5}
        return self._call("POST", url, _HUB_AUDIENCE, body)

    def key_of(self, device: str) -> str:
        """The key of a device of group sensors: derived, as whoever equips the device does it."""
        url = _GROUP.replace("reefers", "sensors/attestationmechanism")
        mechanism = self._call("POST", url, _DPS_AUDIENCE)
        key = base64.b64decode(mechanism["symmetricKey"]["primaryKey"])
        return base64.b64encode(hmac.new(key, device.encode(), hashlib.sha256).digest()).decode()

    def move_clock(self, days: float) -> None:
        """Let the cloud's time go on."""
        self._local("POST", "clock", {"advanceSeconds": days * 86_400})

    def counters(self) -> dict[str, int]:
        """Refusals by reason, messages by device."""
        found: dict[str, int] = self._local("GET", "counters")
        return found

    def _local(self, method: str, path: str, body: Any = None) -> Any:
        trust = ssl.create_default_context(cafile=str(self._state / "tls-ca.pem"))
        with httpx.Client(verify=trust, trust_env=False) as client:
            port = self._ports.split(",")[2]
            response = client.request(method, f"https://127.0.0.1:{port}/_local/{path}", json=body)
        assert response.is_success, response.text
        return response.json()

    def delete_device(self, device: str) -> None:
        """Take the device out of the hub, as when it was moved."""
        url = f"https://{HUB}/devices/{device}?api-version=2021-04-12"
        self._call("DELETE", url, _HUB_AUDIENCE, if_match='"*"')

    def switch_group(self, status: str) -> None:
        """Make the enrollment group enabled or disabled."""
        body = self._call("GET", _GROUP, _DPS_AUDIENCE)
        self._call("PUT", _GROUP, _DPS_AUDIENCE, {**body, "provisioningStatus": status})

    def _call(
        self, method: str, url: str, audience: str, body: Any = None, if_match: str | None = "*"
    ) -> Any:
        trust = ssl.create_default_context(cafile=str(self._state / "tls-ca.pem"))
        with httpx.Client(proxy=self.proxy, verify=trust, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {self._token(client, audience)}"}
            headers |= {"If-Match": if_match} if if_match else {}
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
    registry_link = {"namespaceResourceId": NAMESPACE}
    _put(store, "IotHubs/coldchain-eu-1", {"hostName": HUB, "deviceRegistry": registry_link})
    links = [{"name": HUB, "location": "westeurope", "allocationWeight": 1}]
    service: dict[str, Any] = {
        "idScope": SCOPE,
        "serviceOperationsHostName": f"{DPS}.azure-devices-provisioning.net",
    }
    service["deviceRegistryNamespaces"] = [{"resourceId": NAMESPACE, "authenticationType": "SystemAssigned"}]
    _put(store, f"ProvisioningServices/{DPS}", {**service, "iotHubs": links})
    adr.ensure_policy(store, Clock(), NAMESPACE, REGISTRY["certificatePolicyName"], POLICY_DAYS)
    policy = f"{NAMESPACE}/credentials/default/policies/short"
    store.put("arm", policy.lower(), {"id": policy, "name": "short", "properties": {}})
    root = base64.b64encode(chain.root.public_bytes(Encoding.DER)).decode()
    certificate = {"certificate": root, "isVerified": True}
    _put(store, "IotHubs/coldchain-eu-1/certificates/root", certificate)
    _put(store, f"ProvisioningServices/{DPS}/certificates/root", certificate)
    registry = ProvisioningRegistry(store, Directory(store), HubRegistry(store))
    registry.put_group(DPS, "reefers", _group(pem(chain.issuers["oslo"])))
    sensors = {"enrollmentGroupId": "sensors", "attestation": {"type": "symmetricKey"}, **REGISTRY}
    registry.put_group(DPS, "sensors", sensors)
    around = registry.enrollments.surroundings(DPS)
    by_root = {"type": "x509", "x509": {"caReferences": {"primary": "root"}}}
    van = {"registrationId": "van-1", "attestation": by_root, **REGISTRY}
    registry.enrollments.put(INDIVIDUAL, DPS, "van-1", van, None, around)
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
def start(tmp_path: Path, cloud: Cloud, issue: Issue, base_environment: dict[str, str]) -> Iterator[Start]:
    """Starts devices; those that still run are killed in the end."""
    devices: list[Device] = []

    def run(
        name: str = "reefer-1",
        *more: str,
        folder: Path | None = None,
        key: Path | None = None,
        scope: str | None = None,
        proxy: str | None = None,
        moved: Path | None = None,
    ) -> Device:
        place = [] if "--hub" in more else ["--id-scope", scope or cloud.scope]
        arguments = ["--registration-id", name, *place, *more, *_files(key, folder or issue, name)]
        environment = {**base_environment, **cloud.environment, **({"MUSTER_PROXY": proxy} if proxy else {})}
        devices.append(Device(arguments, environment, tmp_path / f"device-{len(devices)}.log", moved))
        return devices[-1]

    yield run
    for device in devices:
        device.kill()


def _files(key: Path | None, identity: Path | Issue, name: str) -> list[str]:
    if key is not None:
        return ["--symmetric-key-file", str(key)]
    folder = identity if isinstance(identity, Path) else identity(name)
    return ["--certificate", str(folder / "leaf.pem"), "--key", str(folder / "key.pem")]


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a symmetric key as devices keep it."""

    def write(key: str) -> Path:
        path = tmp_path / f"{hashlib.sha256(key.encode()).hexdigest()[:8]}.key"
        path.touch(0o600)
        path.write_text(f"{key}\n")
        return path

    return write


@pytest.fixture
def base_environment() -> dict[str, str]:
    """This process' environment without what would lead a device elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
