"""ARM in this process, called as its front calls it; a state in memory that tests can read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from localcloud.azure import entra
from localcloud.azure.arm.resources import World
from localcloud.azure.arm.service import ArmService
from localcloud.azure.directory import Directory
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.gate import Gate
from localcloud.azure.hub.registry import HubRegistry
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.store import Store

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
OWNER = "99999999-1111-2222-3333-444444444444"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
LOCATION = "westeurope"
VERSIONS = {
    "Microsoft.Resources": "2024-03-01",
    "Microsoft.Devices/IotHubs": "2023-06-30",
    "Microsoft.Devices/provisioningServices": "2026-11-01",
    "Microsoft.Authorization": "2022-04-01",
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.DeviceRegistry": "2025-11-01-preview",
    "Microsoft.EventHub": "2024-01-01",
    "Microsoft.ServiceBus": "2026-01-01",
    "Microsoft.Storage": "2024-01-01",
    "Microsoft.OperationalInsights": "2023-09-01",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/actionGroups": "2024-10-01-preview",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network": "2024-05-01",
    "Microsoft.Web": "2025-05-01",
}


@dataclass
class Arm:
    """Calls by resource id, with the API version that azure-native speaks unless one is given."""

    world: World
    service: ArmService
    token: str

    def call(
        self, method: str, resource_id: str, body: Any = None, version: str = "", **headers: str
    ) -> Answer:
        call = Call(
            method=method,
            host="management.azure.com",
            path=resource_id.replace(" ", "%20"),
            query={"api-version": version or _version(resource_id)},
            headers={"authorization": f"Bearer {self.token}", **headers},
            raw=b"" if body is None else json.dumps(body).encode(),
        )
        answer = self.service.answer(call)
        assert isinstance(answer, Answer)
        return answer

    def put(self, resource_id: str, body: Any, version: str = "", **headers: str) -> dict[str, Any]:
        """The document of a PUT that is taken."""
        answer = self.call("PUT", resource_id, body, version, **headers)
        assert answer.status in (200, 201), answer.body
        found: dict[str, Any] = answer.body
        return found

    def refused(self, resource_id: str, body: Any, version: str = "") -> dict[str, str]:
        """What is wrong, by where, of a PUT that is not; of a refusal without places, by its code."""
        answer = self.call("PUT", resource_id, body, version)
        assert answer.status >= 400, answer.body
        error = answer.body["error"]
        found = {it["target"]: it["message"] for it in error.get("details", [])}
        return found or {error["code"]: error["message"]}

    def get(self, resource_id: str, version: str = "") -> dict[str, Any]:
        answer = self.call("GET", resource_id, version=version)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.body
        return found

    def grant(self, role: str, principal: str, scope: str) -> str:
        """Assign a built-in role; the assignment's id."""
        name = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
        role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        self.put(name, {"properties": {"principalId": principal, "roleDefinitionId": role}})
        return name

    def identity(self, name: str = "mover") -> tuple[str, str]:
        """A user-assigned identity: its id and its principal."""
        resource_id = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        made = self.put(resource_id, {"location": LOCATION})
        return resource_id, made["properties"]["principalId"]


def _version(resource_id: str) -> str:
    namespace, _, rest = resource_id.rpartition("/providers/")[2].partition("/")
    kind = f"{namespace}/{rest.partition('/')[0]}"
    found = VERSIONS.get(kind) or VERSIONS.get(namespace)
    return found or VERSIONS["Microsoft.Resources"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(":memory:")
    yield made
    made.close()


@pytest.fixture
def world(store: Store, clock: Clock) -> World:
    owner = entra.Application("t", "c", OWNER, SUBSCRIPTION, "h")
    store.put("entra", "application", vars(owner))
    directory, hubs = Directory(store), HubRegistry(store, clock)
    return World(store, directory, ProvisioningRegistry(store, directory, hubs, clock), hubs, clock)


@pytest.fixture
def arm(world: World, store: Store, clock: Clock) -> Arm:
    tokens = entra.Tokens(store, clock)
    made = Arm(world, ArmService(world, Gate(store, tokens, clock)), tokens.issue(entra.ARM, OWNER))
    made.put(GROUP, {"location": LOCATION})
    return made


def hub_id(name: str = "eu-1") -> str:
    return f"{GROUP}/providers/Microsoft.Devices/IotHubs/{name}"


def hub_body(sku: str = "S1", identity: Any = None, **properties: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "location": LOCATION,
        "sku": {"name": sku, "capacity": 1},
        "properties": properties,
    }
    return body | ({"identity": identity} if identity else {})
