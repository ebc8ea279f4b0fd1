"""Every resource over the wire: real TLS, the CONNECT proxy, Entra tokens from azure-identity, the local
cloud.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from provider.clients import ARM_HOST, ARM_SCOPE, Azure
from provider.clients.arm import Arm
from provider.clients.credentials import Entra
from provider.clients.rest import Rest
from provider.clients.retry import Clock
from provider.clients.transport import http_client
from provider.handlers import handlers
from provider.resource import Handler

DPS_API = "2026-11-01"
HUB_API = "2023-06-30"
ROLE_API = "2022-04-01"
CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
"""IoT Hub Data Contributor (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""


@dataclass
class World:
    """A running local cloud with a resource group, a provisioning service and two hubs it may write to."""

    azure: Azure
    arm: Arm
    service_id: str
    hosts: list[str]

    def handler(self, token: str) -> Handler[Any, Any]:
        return handlers(self.azure)[token]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    state = tmp_path_factory.mktemp("cloud")
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield cloud_environment(state)
        watchdog.cancel()
        process.terminate()


def cloud_environment(state: Path) -> dict[str, str]:
    lines = (state / "azure.env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    proxy = httpx.Response(200, content=(state / "endpoints.json").read_bytes()).json()["proxy"]
    return {**found, "MUSTER_PROXY": proxy, "MUSTER_CA_FILE": str(state / "tls-ca.pem")}


@pytest.fixture(scope="module")
def world(environment: dict[str, str]) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        clock, entra = Clock(), Entra(environment)
        azure = Azure(environment, clock, entra=entra)
        with closing(azure), http_client(environment) as http:
            rest = Rest(http, f"https://{ARM_HOST}", entra.authentication(ARM_SCOPE), clock)
            yield make_world(environment["ARM_SUBSCRIPTION_ID"], azure, Arm(rest, clock))


def make_world(subscription_id: str, azure: Azure, arm: Arm) -> World:
    subscription = f"/subscriptions/{subscription_id}"
    group = f"{subscription}/resourceGroups/fleet"
    arm.put(group, "2021-04-01", {"location": "westeurope"})
    service_id = f"{group}/providers/Microsoft.Devices/provisioningServices/muster-wire"
    service = arm.put(
        service_id,
        DPS_API,
        {
            "location": "westeurope",
            "sku": {"name": "S1", "capacity": 1},
            "identity": {"type": "SystemAssigned"},
            "properties": {},
        },
    )
    principal = service["identity"]["principalId"]
    hosts = [make_hub(arm, subscription, group, f"muster-wire-{name}", principal) for name in ("one", "two")]
    return World(azure, arm, service_id, hosts)


def make_hub(arm: Arm, subscription: str, group: str, name: str, principal: str) -> str:
    hub_id = f"{group}/providers/Microsoft.Devices/IotHubs/{name}"
    body = {"location": "westeurope", "sku": {"name": "S1", "capacity": 1}, "properties": {}}
    hub = arm.put(hub_id, HUB_API, body)
    role = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
    assignment = uuid.uuid5(uuid.NAMESPACE_DNS, name)
    properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
    arm.put(
        f"{hub_id}/providers/Microsoft.Authorization/roleAssignments/{assignment}",
        ROLE_API,
        {"properties": properties},
    )
    return str(hub["properties"]["hostName"])


def test_links_certificates_and_groups(world: World, life: Any, key_store: Any, oslo: Any) -> None:
    key_store.add(oslo.key)
    links = [life(world.handler("muster:dps:HubLink")) for _ in world.hosts]
    for link, host in zip(links, world.hosts, strict=True):
        link.create(
            {"provisioningServiceId": world.service_id, "hubHost": host, "hubLocation": "West Europe"}
        )
    certificate = life(world.handler("muster:dps:VerifiedCertificate"))
    certificate.create(
        {"provisioningServiceId": world.service_id, "certificateName": "oslo", "certificate": oslo.pem}
    )
    assert certificate.properties["isVerified"] is True
    group = life(world.handler("muster:dps:EnrollmentGroup"))
    group.create(
        {
            "serviceHost": "muster-wire.azure-devices-provisioning.net",
            "enrollmentGroupId": "reefers",
            "signingCertificate": oslo.pem,
            "iotHubs": world.hosts,
            "initialTwin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
        }
    )
    for one in (*links, certificate, group):
        before = dict(one.properties)
        assert one.refresh()
        before |= {key: one.properties[key] for key in ("serviceEtag",) if key in before}
        assert one.properties == before, "a refresh of what nobody changed is quiet"
        assert one.changed() == {}
        live = one.handler.read(one.resource_id, None)
        assert one.handler.check(one.handler.found({}, live).inputs).faults == ()

    group.update(enabled=False, reprovision="keep")
    assert group.refresh()
    assert (group.inputs["enabled"], group.inputs["reprovision"]) == (False, "keep")
    links[0].update(allocationWeight=3)
    assert links[0].refresh()
    assert links[0].inputs["allocationWeight"] == 3
    assert links[1].refresh()

    for one in (group, certificate, *links):
        one.handler.delete(one.resource_id)
        assert not one.refresh()


def test_a_put_of_the_service_drops_links_and_an_update_brings_them_back(world: World, life: Any) -> None:
    link = life(world.handler("muster:dps:HubLink"))
    link.create(
        {"provisioningServiceId": world.service_id, "hubHost": world.hosts[0], "hubLocation": "westeurope"}
    )
    service = world.arm.get(world.service_id, DPS_API)
    assert service is not None
    body = {key: service[key] for key in ("location", "sku", "identity")}
    world.arm.put(world.service_id, DPS_API, {**body, "properties": {}})
    link.update(serviceRevision="r2")
    assert link.refresh()
    link.handler.delete(link.resource_id)
