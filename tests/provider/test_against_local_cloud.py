"""Every resource over the wire: real TLS, the CONNECT proxy, Entra tokens from azure-identity, the local
cloud.
"""

from __future__ import annotations

import base64
import struct
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
from cryptography.hazmat.primitives.asymmetric import rsa

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
APPLIED = "SELECT deviceId FROM devices WHERE configurations.[[{configurationId}]].status = 'Applied'"
SERVICE_HOST = "muster-wire.azure-devices-provisioning.net"
CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
"""IoT Hub Data Contributor (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""


def endorsement_key() -> str:
    """A made-up endorsement key of the usual template: an RSA key of 2048 bits, restricted to decryption."""
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n.to_bytes(256, "big")
    parameters = struct.pack(">HHHHHI", 0x0006, 128, 0x0043, 0x0010, 2048, 0)
    body = struct.pack(">HHIH", 0x0001, 0x000B, 0x000300B2, 32) + bytes(32) + parameters
    body += struct.pack(">H", len(modulus)) + modulus
    return base64.b64encode(struct.pack(">H", len(body)) + body).decode()


ENDORSEMENT_KEY = endorsement_key()


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
            "serviceHost": SERVICE_HOST,
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


def quiet(one: Any) -> None:
    """A refresh of what nobody changed changes nothing, and an import reads the same."""
    before = dict(one.properties)
    assert one.refresh()
    assert one.properties == before
    assert one.changed() == {}


def test_every_kind_of_enrollment(world: World, life: Any, oslo: Any, leaf: Any) -> None:
    links = [life(world.handler("muster:dps:HubLink")) for _ in world.hosts]
    for link, host in zip(links, world.hosts, strict=True):
        link.create({"provisioningServiceId": world.service_id, "hubHost": host, "hubLocation": "westeurope"})
    group: dict[str, Any] = {"serviceHost": SERVICE_HOST, "iotHubs": world.hosts}
    hook = {"allocationPolicy": "custom", "webhookUrl": "https://hook.azurewebsites.net/api/a?code=k"}
    device = {"serviceHost": SERVICE_HOST, "iotHubs": world.hosts[:1], "allocationPolicy": "static"}
    made = [
        ("Group", {**group, "enrollmentGroupId": "keys", "symmetricKey": True, "reprovision": "reset"}),
        ("Group", {**group, "enrollmentGroupId": "hook", "signingCertificate": oslo.pem, **hook}),
        ("Individual", {**device, "registrationId": "no-authority", "clientCertificate": leaf.pem}),
        ("Individual", {**device, "registrationId": "keyed", "symmetricKey": True, "deviceId": "Keyed#1"}),
        ("Individual", {**device, "registrationId": "tpm", "endorsementKey": ENDORSEMENT_KEY}),
    ]
    tokens = {"Group": "muster:dps:EnrollmentGroup", "Individual": "muster:dps:IndividualEnrollment"}
    for kind, inputs in made:
        one = life(world.handler(tokens[kind]))
        one.create(inputs)
        quiet(one)
        one.update(enabled=False, capabilities={"iotEdge": True})
        quiet(one)
        live = one.handler.read(one.resource_id, None)
        assert one.handler.check(one.handler.found({}, live).inputs).faults == ()
        one.handler.delete(one.resource_id)
        assert not one.refresh()
    for link in links:
        link.handler.delete(link.resource_id)


def test_symmetric_keys_outlive_a_change(world: World, life: Any) -> None:
    one = life(world.handler("muster:dps:EnrollmentGroup"))
    one.create(
        {"serviceHost": SERVICE_HOST, "enrollmentGroupId": "kept", "iotHubs": [], "symmetricKey": True}
    )
    client = world.azure.groups(SERVICE_HOST)
    keys = client.attestation("kept")["symmetricKey"]
    one.update(reprovision="keep")
    assert client.attestation("kept")["symmetricKey"] == keys
    assert keys["primaryKey"] not in repr((one.inputs, one.properties))
    one.handler.delete(one.resource_id)


def test_gateways_modules_and_configurations(world: World, life: Any) -> None:
    host = world.hosts[0]
    gateway = life(world.handler("muster:hub:Device"))
    gateway.create({"hubHost": host, "deviceId": "gateway", "iotEdge": True, "certificateAuthority": True})
    child = life(world.handler("muster:hub:Device"))
    child.create(
        {
            "hubHost": host,
            "deviceId": "Child#1",
            "symmetricKey": True,
            "parentDeviceId": "gateway",
            "initialTwin": {"tags": {"line": "reefer"}, "desired": {"interval": {"seconds": 60}}},
        }
    )
    module = life(world.handler("muster:hub:Module"))
    module.create({"hubHost": host, "deviceId": "Child#1", "moduleId": "probe", "desired": {"rate": 5}})
    configuration = life(world.handler("muster:hub:Configuration"))
    given = {
        "hubHost": host,
        "configurationId": "reefers",
        "targetCondition": "tags.line = 'reefer'",
        "priority": 10,
        "content": {"deviceContent": {"properties.desired.mode": "cold"}},
        "metrics": {"mine": APPLIED},
    }
    (text,) = [each.text for each in preview(configuration.handler, given)]
    assert text == "its condition is met by 1 devices now; who meets it later gets it, too"
    configuration.create(given)
    twin = world.azure.hub(host).get("/twins/Child%231")
    assert twin is not None
    assert twin["properties"]["desired"]["mode"] == "cold"
    for one in (gateway, child, module, configuration):
        quiet(one)
    child.update(parentDeviceId=None, initialTwin={"tags": {"line": "reefer"}})
    configuration.update(priority=11, labels={"owner": "cold chain"})
    module.update(desired={"rate": 6}, certificateAuthority=True)
    for one in (child, module, configuration):
        quiet(one)
    wrong = configuration.handler.check({**given, "targetCondition": "tags.line = "})
    assert [each.path for each in wrong.faults] == ["targetCondition"]
    other = {**given, "configurationId": "other", "priority": 11, "metrics": {}}
    warnings = [each.text for each in preview(configuration.handler, other) if each.warning]
    assert len(warnings) == 1
    assert "same priority 11 and sets properties.desired.mode of 1 of the same devices" in warnings[0]
    for one in (configuration, module, child, gateway):
        one.handler.delete(one.resource_id)
        assert not one.refresh()


def preview(handler: Handler[Any, Any], given: dict[str, Any]) -> tuple[Any, ...]:
    checked = handler.check(given)
    assert checked.faults == ()
    return handler.notices(None, handler.state(checked.inputs, {}).inputs)


def test_a_hub_trusts_a_proven_authority(world: World, life: Any, key_store: Any, bergen: Any) -> None:
    key_store.add(bergen.key)
    hub_id = world.service_id.replace("provisioningServices/muster-wire", "IotHubs/muster-wire-one")
    one = life(world.handler("muster:hub:VerifiedCertificate"))
    one.create({"hubId": hub_id, "certificateName": "bergen", "certificate": bergen.pem})
    assert one.properties["isVerified"] is True
    quiet(one)
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
