"""Every type against the local cloud as a process: through its proxy, its TLS, its sign-in and its ARM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.providers.azure_native import settings
from localcloud.providers.azure_native.calls import Calls
from localcloud.providers.azure_native.entries import Function
from localcloud.providers.azure_native.plugin import AzureNative
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.table import FUNCTIONS, TYPES
from localcloud.providers.azure_native.table.storage import BLOB
from localcloud.providers.errors import CloudRefused
from localcloud.providers.plugin import Declaration
from localcloud.providers.wire import Secret

from .azure_material import DPS, GROUP, HUB, ROLE, SKU
from .cases import cases

ACCOUNT, CONTAINER = "azure-native:storage:StorageAccount", "azure-native:storage:BlobContainer"
PLAN, SITE = "azure-native:web:AppServicePlan", "azure-native:web:WebApp"

KINDS = {kind.token: kind for kind in TYPES}


@pytest.fixture
def session(cloud: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    for line in (cloud / "azure.env").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("MUSTER_PROXY", json.loads((cloud / "endpoints.json").read_text())["proxy"])
    monkeypatch.setenv("MUSTER_CA_FILE", str(cloud / "tls-ca.pem"))
    return Session(settings.read({"location": "westeurope"}))


def _lives(plugin: AzureNative, token: str, inputs: dict[str, Any], changed: dict[str, Any]) -> str:
    """Create, read without drift, import, update, see the difference to before; the id."""
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
    return made.identity


def test_life_of_every_type(session: Session) -> None:
    """In one run, since most stand on others; taken away in the opposite order, as the engine does."""
    plugin = AzureNative(session)
    made: list[tuple[str, str]] = []
    for case in cases(session.settings.subscription, ""):
        inputs = case.inputs | ({"principalId": _principal(plugin)} if case.token == ROLE else {})
        made.append((case.token, _lives(plugin, case.token, inputs, case.change)))
    for token, identity in reversed(made):
        plugin.resource(token).delete(identity)
        assert plugin.resource(token).read(identity, {}) is None
        plugin.resource(token).delete(identity)


def test_an_account_without_keys_takes_no_blob(session: Session) -> None:
    """As with the published plugin, which signs with a key of the account."""
    plugin = AzureNative(session)
    for case in cases(session.settings.subscription, ""):
        if case.token in (GROUP, ACCOUNT, CONTAINER):
            resource = plugin.resource(case.token)
            inputs = case.inputs | ({"allowSharedKeyAccess": False} if case.token == ACCOUNT else {})
            checked = resource.check(Declaration("live", inputs, {}, b"seed"))
            resource.update(resource.identity(checked.inputs), checked.inputs)
    blob = next(it for it in cases(session.settings.subscription, "") if it.token == BLOB)
    with pytest.raises(CloudRefused, match="Key based authentication is not permitted") as caught:
        plugin.resource(BLOB).create(blob.inputs)
    assert caught.value.status == 403


def _principal(plugin: AzureNative) -> str:
    service = plugin.invoke(
        "azure-native:deviceprovisioningservices:getIotDpsResource",
        {"resourceGroupName": "live", "provisioningServiceName": "dps-1"},
    )
    found: str = service["identity"]["principalId"]
    return found


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.token)
def test_keys_are_secrets(session: Session, function: Function) -> None:
    plugin = AzureNative(session)
    for case in cases(session.settings.subscription, ""):
        if case.token in (GROUP, HUB, DPS, PLAN, SITE):
            resource = plugin.resource(case.token)
            checked = resource.check(Declaration("live", case.inputs, {}, b"seed"))
            resource.update(resource.identity(checked.inputs), checked.inputs)
    given = {
        "resourceGroupName": "live",
        "resourceName": "eu-1",
        "provisioningServiceName": "dps-1",
        "name": "allocator",
        "keyName": "provisioningserviceowner" if "Dps" in function.token else "service",
    }
    answer = plugin.invoke(function.token, {it: given[it] for it in function.parameters})
    assert list(_keys(answer))
    assert all(isinstance(it, Secret) for it in _keys(answer))


def _keys(answer: Any) -> Iterator[Any]:
    if isinstance(answer, dict):
        yield from (it for name, it in answer.items() if it and name.endswith(("Key", "Keys")))
        yield from (found for it in answer.values() for found in _keys(it))
    elif isinstance(answer, list):
        yield from (found for it in answer for found in _keys(it))


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
