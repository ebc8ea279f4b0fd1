"""Shapes read from published models: exact faults beside their input."""

from typing import Any

import pytest

from localcloud.azure.arm.models import Published
from localcloud.azure.shapes import Fault

HUB = Published("azure.mgmt.iothub.v2023_06_30", "IotHubDescription").shape
DPS = Published("azure.mgmt.iothubprovisioningservices", "ProvisioningServiceDescription").shape
ROLE = Published("azure.mgmt.authorization.v2022_04_01", "RoleAssignmentCreateParameters").shape


@pytest.mark.parametrize(
    ("shape", "body", "wrong"),
    [
        (HUB, [], ["body: must be an object, not []"]),
        (
            HUB,
            {"location": "l", "sku": {"name": "S1", "capacity": True}},
            ["sku.capacity: must be a whole number, not true"],
        ),
        (
            HUB,
            {"location": "l", "sku": {"name": "S1"}, "Identity": {}},
            ["Identity: is no property of IotHubDescription; did you mean 'identity'?"],
        ),
        (HUB, {"location": "l", "sku": {"name": "S1"}, "tags": {"a": 1}}, ["tags.a: must be text, not 1"]),
        (
            HUB,
            {
                "location": "l",
                "sku": {"name": "S1"},
                "properties": {"cloudToDevice": {"maxDeliveryCount": 101}},
            },
            ["properties.cloudToDevice.maxDeliveryCount: must be at most 100, not 101"],
        ),
        (
            DPS,
            {"location": "l", "sku": {"name": "S2"}, "properties": {}},
            ["sku.name: must be one of S1, not 'S2'"],
        ),
        (DPS, {"location": "l", "sku": {}}, ["properties: is required by ProvisioningServiceDescription"]),
        (
            ROLE,
            {"properties": {"roleDefinitionId": "r"}},
            ["properties.principalId: is required by RoleAssignmentCreateParameters.properties"],
        ),
    ],
)
def test_faults(shape: Any, body: Any, wrong: list[str]) -> None:
    faults: list[Fault] = []
    shape.check(body, "", faults)
    assert [str(it) for it in faults] == wrong


def test_a_body_is_cleaned() -> None:
    faults: list[Fault] = []
    body = {
        "id": "/read/only",
        "location": "l",
        "tags": None,
        "sku": {"name": "s1", "tier": "Standard"},
        "properties": {"authorizationPolicies": [{"keyName": "k", "rights": "registryread, DEVICECONNECT"}]},
    }
    policies = [{"keyName": "k", "rights": "RegistryRead, DeviceConnect"}]
    cleaned = {"location": "l", "sku": {"name": "S1"}, "properties": {"authorizationPolicies": policies}}
    assert HUB.check(body, "", faults) == cleaned
    assert faults == []
