"""Every type against the local cloud as a process: through its proxy, its TLS, its sign-in and its ARM."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.providers.azure_native import settings
from localcloud.providers.azure_native.calls import Calls
from localcloud.providers.azure_native.plugin import AzureNative
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.table import TYPES
from localcloud.providers.errors import CloudRefused
from localcloud.providers.plugin import Declaration
from localcloud.providers.wire import Secret

KINDS = {kind.token: kind for kind in TYPES}
GROUP = "azure-native:resources:ResourceGroup"
HUB = "azure-native:iothub:IotHubResource"
DPS = "azure-native:deviceprovisioningservices:IotDpsResource"
ROLE = "azure-native:authorization:RoleAssignment"
DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"  # built-in role "IoT Hub Data Contributor"
SKU = {"name": "S1", "capacity": 1}
LOCAL = {"resourceGroupName": "live", "sku": SKU, "identity": {"type": "SystemAssigned"}}
DECLARED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    GROUP: ({"resourceGroupName": "live", "tags": {"a": "b"}}, {"tags": {"a": "c"}}),
    HUB: (
        LOCAL | {"resourceName": "eu-1", "properties": {"disableLocalAuth": True, "minTlsVersion": "1.2"}},
        {"sku": SKU | {"capacity": 2}},
    ),
    DPS: (
        LOCAL | {"provisioningServiceName": "dps-1", "properties": {"allocationPolicy": "Hashed"}},
        {"properties": {"allocationPolicy": "GeoLatency"}},
    ),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    state = tmp_path_factory.mktemp("cloud")
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield state
        process.terminate()


@pytest.fixture
def session(cloud: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    for line in (cloud / "azure.env").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("MUSTER_PROXY", json.loads((cloud / "endpoints.json").read_text())["proxy"])
    monkeypatch.setenv("MUSTER_CA_FILE", str(cloud / "tls-ca.pem"))
    return Session(settings.read({"location": "westeurope"}))


def _lives(plugin: AzureNative, token: str, inputs: dict[str, Any], changed: dict[str, Any]) -> None:
    """Create, read without drift, import, update, see the difference to before."""
    resource = plugin.resource(token)
    checked = resource.check(Declaration("live", inputs, {}, b"seed"))
    assert checked.faults == ()
    made = resource.create(checked.inputs)
    seen = resource.read(made.identity, checked.inputs)
    assert seen is not None
    assert resource.diff(checked.inputs, seen.inputs).changes == ()
    imported = resource.read(made.identity, {})
    assert imported is not None
    assert resource.check(Declaration("live", imported.inputs, imported.inputs)).faults == ()
    resource.update(made.identity, checked.inputs | changed)
    drifted = resource.read(made.identity, checked.inputs)
    assert drifted is not None
    assert {str(it.path[0]) for it in resource.diff(checked.inputs, drifted.inputs).changes} == set(changed)


def test_life_of_every_type(session: Session) -> None:
    plugin = AzureNative(session)
    for token, (inputs, changed) in DECLARED.items():
        _lives(plugin, token, inputs, changed)
    identity = {token: Calls(KINDS[token], session).identity(DECLARED[token][0]) for token in DECLARED}
    service = plugin.resource(DPS).read(identity[DPS], {})
    assert service is not None
    role = f"/subscriptions/{session.settings.subscription}/providers/Microsoft.Authorization/roleDefinitions"
    assignment = {
        "scope": identity[HUB],
        "principalId": service.outputs["identity"]["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"{role}/{DATA_CONTRIBUTOR}",
        "roleAssignmentName": "11111111-2222-3333-4444-555555555555",
        "description": "reads",
    }
    _lives(plugin, ROLE, assignment, {"description": "reads and writes"})
    keys = plugin.invoke(
        "azure-native:deviceprovisioningservices:listIotDpsResourceKeys",
        {"resourceGroupName": "live", "provisioningServiceName": "dps-1"},
    )
    assert all(isinstance(it["primaryKey"], Secret) for it in keys["value"])
    identity[ROLE] = Calls(KINDS[ROLE], session).identity(assignment)
    for token in (ROLE, DPS, HUB, GROUP):
        plugin.resource(token).delete(identity[token])
        assert plugin.resource(token).read(identity[token], {}) is None


@pytest.mark.parametrize(
    ("token", "names", "body", "said"),
    [
        (GROUP, {"resourceGroupName": "r"}, {"location": "westeurope", "nope": 1}, "nope"),
        (
            HUB,
            {"resourceGroupName": "r", "resourceName": "bad_name"},
            {"location": "westeurope", "sku": SKU},
            "bad_name",
        ),
    ],
)
def test_arm_itself_refuses(session: Session, token: str, names: Any, body: Any, said: str) -> None:
    AzureNative(session).resource(GROUP).update(
        Calls(KINDS[GROUP], session).identity({"resourceGroupName": "r"}),
        {"resourceGroupName": "r", "location": "westeurope"},
    )
    calls = Calls(KINDS[token], session)
    with pytest.raises(CloudRefused, match=said):
        calls.put(calls.identity(names), body)
