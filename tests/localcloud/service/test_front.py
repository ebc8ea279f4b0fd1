"""The HTTPS front: hosts, error shapes, the log, the local endpoint; and bodies that are anything at all."""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from localcloud.azure.arm.resources import World
from localcloud.azure.arm.service import ArmService
from localcloud.azure.directory import Directory
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.dps.service import DpsService
from localcloud.azure.entra import ARM, DPS, HUB, Tokens, ensure_credentials
from localcloud.azure.gate import Gate
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.service import HubService
from localcloud.calls import Answer, Call
from localcloud.store import Store

from .conftest import ARM_SCOPE, Cloud, authority, dps_body, hub_body


@dataclass
class Inside:
    """The services without HTTP."""

    arm: ArmService
    dps: DpsService
    hub: HubService
    tokens: dict[str, str]
    subscription: str

    def put(self, below: str, body: object, version: str) -> Answer:
        path = f"/subscriptions/{self.subscription}/resourceGroups/{below}"
        return self.arm.answer(self._call("PUT", "management.azure.com", path, body, version, ARM))

    def patch(self, below: str, body: object) -> Answer:
        path = f"/subscriptions/{self.subscription}/resourceGroups/{below}"
        return self.arm.answer(self._call("PATCH", "management.azure.com", path, body, "2025-04-01", ARM))

    def enroll(self, body: object) -> Answer:
        host, path = "dps-x.azure-devices-provisioning.net", "/enrollmentGroups/g"
        return self.dps.answer(self._call("PUT", host, path, body, "2021-10-01", DPS))

    def device(self, method: str, path: str, body: object) -> Answer:
        call = self._call(method, "hub-x.azure-devices.net", path, body, "2021-04-12", HUB)
        answer = self.hub.answer(call)
        assert isinstance(answer, Answer), "nothing here has to wait"
        return answer

    def _call(self, method: str, host: str, path: str, body: object, version: str, audience: str) -> Call:
        headers = {"authorization": f"Bearer {self.tokens[audience]}"}
        return Call(method, host, path, {"api-version": version}, headers, json.dumps(body).encode())


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with closing(Store(":memory:")) as store:
        yield _inside(store, tmp_path_factory.mktemp("inside"))


def _inside(store: Store, folder: Path) -> Inside:
    owner = ensure_credentials(folder, store)
    directory, hubs, tokens = Directory(store), HubRegistry(store), Tokens(store)
    provisioning = ProvisioningRegistry(store, directory, hubs)
    gate = Gate(store, tokens)
    made = Inside(
        ArmService(World(store, directory, provisioning, hubs), gate),
        DpsService(store, directory, provisioning, gate),
        HubService(directory, hubs, gate),
        {it: tokens.issue(it, owner.object_id) for it in (ARM, DPS, HUB)},
        owner.subscription_id,
    )
    assert made.put("rg", {"location": "westeurope"}, "2025-04-01").status == 201
    assert made.put(f"rg{DEVICES}/IotHubs/hub-x", hub_body(), "2023-06-30").status == 201
    assert made.put(f"rg{DEVICES}/provisioningServices/dps-x", dps_body(), "2026-11-01").status == 201
    assert made.device("PUT", "/devices/pump", {"deviceId": "pump"}).status == 200
    return made


DEVICES = "/providers/Microsoft.Devices"
PLAIN = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=8)
JSON = some.recursive(
    PLAIN, lambda it: some.lists(it, max_size=3) | some.dictionaries(some.text(max_size=6), it, max_size=3)
)
GROUP = {
    "enrollmentGroupId": "g",
    "attestation": {
        "type": "x509",
        "x509": {"signingCertificates": {"primary": {"certificate": authority("ca").pem}}},
    },
    "initialTwin": {"tags": {"a": 1}, "properties": {"desired": {"b": 2}}},
    "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
    "provisioningStatus": "enabled",
    "allocationPolicy": "hashed",
    "iotHubs": [],
    "capabilities": {"iotEdge": False},
}
FULL_HUB = hub_body(
    authorizationPolicies=[{"keyName": "k", "rights": "RegistryRead"}],
    eventHubEndpoints={"events": {"partitionCount": 4}},
    minTlsVersion="1.2",
    cloudToDevice={"maxDeliveryCount": 10},
)
FULL_DPS = dps_body(
    iotHubs=[{"hostName": "h", "location": "l", "connectionString": "HostName=h", "allocationWeight": 1}],
    authorizationPolicies=[{"keyName": "k", "rights": "ServiceConfig"}],
    allocationPolicy="Hashed",
)


def _paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(path for key, it in inner for path in _paths(it, (*above, key)))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


def _mutants(body: Any) -> some.SearchStrategy[Any]:
    return some.builds(lambda path, new: _with(body, path, new), some.sampled_from(_paths(body)), JSON)


@settings(max_examples=150, deadline=None)
@given(body=_mutants(FULL_HUB))
def test_any_hub_body_gets_an_answer(inside: Inside, body: Any) -> None:
    answer = inside.put(f"rg{DEVICES}/IotHubs/hub-x", body, "2023-06-30")
    assert answer.status in (200, 400, 409, 412)


@settings(max_examples=150, deadline=None)
@given(body=_mutants(FULL_DPS))
def test_any_service_body_gets_an_answer(inside: Inside, body: Any) -> None:
    answer = inside.put(f"rg{DEVICES}/provisioningServices/dps-x", body, "2026-11-01")
    assert answer.status in (200, 400, 409, 412)


@settings(max_examples=100, deadline=None)
@given(body=_mutants({"properties": {"certificate": base64.b64encode(b"x").decode(), "isVerified": False}}))
def test_any_certificate_body_gets_an_answer(inside: Inside, body: Any) -> None:
    path = f"rg{DEVICES}/provisioningServices/dps-x/certificates/c"
    assert inside.put(path, body, "2026-11-01").status == 400


@settings(max_examples=60, deadline=None)
@given(body=_mutants({"tags": {"a": "b"}}))
def test_any_patch_gets_an_answer(inside: Inside, body: Any) -> None:
    assert inside.patch("rg", body).status in (200, 400)


@settings(max_examples=150, deadline=None)
@given(body=_mutants(GROUP))
def test_any_group_body_gets_an_answer(inside: Inside, body: Any) -> None:
    assert inside.enroll(body).status in (200, 400)


@settings(max_examples=150, deadline=None)
@given(body=_mutants({"tags": {"a": 1}, "properties": {"desired": {"b": {"c": 2}}}}))
def test_any_twin_body_gets_an_answer(inside: Inside, body: Any) -> None:
    assert inside.device("PATCH", "/twins/pump", body).status in (200, 400)


@settings(max_examples=100, deadline=None)
@given(body=_mutants({"deviceId": "fresh", "status": "enabled", "authentication": {"type": "none"}}))
def test_any_device_body_gets_an_answer(inside: Inside, body: Any) -> None:
    assert inside.device("PUT", "/devices/fresh", body).status in (200, 400, 409)


def test_arm_refuses_before_it_looks(cloud: Cloud) -> None:
    with cloud.credential() as credential, cloud.http() as http:
        token = {"Authorization": f"Bearer {credential.get_token(ARM_SCOPE).token}"}
        base = f"https://management.azure.com/subscriptions/{cloud.subscription}"
        cases = {
            f"{base}/resourceGroups": (400, "MissingApiVersionParameter"),
            f"{base}/resourceGroups?api-version=1999-01-01": (400, "NoRegisteredProviderFound"),
            f"{base}/providers/Microsoft.Compute/virtualMachines?api-version=2024-03-01": (404, "NotFound"),
            "https://management.azure.com/subscriptions/other/resourceGroups?api-version=2025-04-01": (
                404,
                "SubscriptionNotFound",
            ),
        }
        for url, expected in cases.items():
            answer = http.get(url, headers=token)
            assert (answer.status_code, answer.json()["error"]["code"]) == expected
        broken = http.put(f"{base}/resourceGroups/g?api-version=2025-04-01", headers=token, content=b"{]")
        assert (broken.status_code, broken.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_unknown_hosts_and_the_local_endpoint(cloud: Cloud) -> None:
    with _direct(cloud) as http:
        url = f"https://127.0.0.1:{cloud.https_port}"
        assert http.get(f"{url}/_local/counters").json() == {}
        assert http.get(f"{url}/_local/none").status_code == 404
        other = http.get(f"{url}/_local/counters", headers={"Host": "example.org"})
        assert (other.status_code, other.json()["error"]["code"]) == (404, "HostNotFound")
        hub = http.get(f"{url}/_local/counters", headers={"Host": "some.azure-devices.net:443"})
        assert hub.json()["Message"].startswith("ErrorCode:IotHubNotFound;")


def test_the_log_has_no_query_and_no_header(cloud: Cloud) -> None:
    with _direct(cloud) as http:
        url = f"https://127.0.0.1:{cloud.https_port}/_local/none"
        http.get(url, params={"sig": "very-secret"}, headers={"Authorization": "Bearer very-secret"})
    lines = [json.loads(it) for it in (cloud.state / "cloud.log").read_text().splitlines()]
    found = [it for it in lines if it.get("path") == "/_local/none"]
    assert found
    assert found[-1]["status"] == 404
    assert "very-secret" not in json.dumps(lines)


def _direct(cloud: Cloud) -> httpx.Client:
    """Past the proxy, on loopback."""
    return httpx.Client(verify=ssl.create_default_context(cafile=cloud.ca_file), trust_env=False)
