"""Every type through its azure-mgmt client against a fake ARM, from create to delete, and what can fail."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from localcloud.providers.azure_native.plugin import AzureNative
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.settings import Settings
from localcloud.providers.azure_native.table.storage import BLOB
from localcloud.providers.errors import (
    BadConfiguration,
    CloudRefused,
    CloudUnreachable,
    Incomplete,
    ProviderError,
    UnknownToken,
)
from localcloud.providers.wire import Secret, holds, reveal

from .azure_material import DPS, GROUP, HUB, ROLE, SKU, SUBSCRIPTION, Case
from .cases import cases

GUID = "11111111-2222-3333-4444-555555555555"
ALL = [it for it in cases(SUBSCRIPTION, GUID) if it.token != BLOB]
"""Blobs are none of ARM's: `test_azure_native_live`."""
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    GROUP: (
        {"resourceGroupName": "rg", "location": "westeurope", "tags": {"a": "b"}},
        {"tags": {"a": "c"}},
    ),
    HUB: (
        {"resourceGroupName": "rg", "resourceName": "eu-1", "location": "westeurope", "sku": SKU},
        {"sku": SKU | {"capacity": 2}},
    ),
    DPS: (
        {
            "resourceGroupName": "rg",
            "provisioningServiceName": "dps-1",
            "location": "westeurope",
            "sku": SKU,
            "properties": {"allocationPolicy": "Hashed"},
        },
        {"properties": {"allocationPolicy": "GeoLatency"}},
    ),
    ROLE: (
        {
            "scope": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Devices/IotHubs/eu-1",
            "roleAssignmentName": GUID,
            "principalId": GUID,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{GUID}",
        },
        {"description": "why"},
    ),
}


@pytest.fixture(params=ALL, ids=lambda it: it.token)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], dict[str, Any]]:
    one: Case = request.param
    return one.token, one.inputs, one.inputs | one.change


def test_life_of_a_resource(plugin: AzureNative, arm: Any, case: Any) -> None:
    token, inputs, changed = case
    resource = plugin.resource(token)
    made = resource.create(inputs)
    assert made.identity.lower() in arm.documents
    assert made.outputs["name"] == made.identity.rpartition("/")[2]
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert seen.inputs == inputs
    assert resource.diff(inputs, seen.inputs).changes == ()
    resource.update(made.identity, changed)
    drifted = resource.read(made.identity, changed)
    assert drifted is not None
    assert drifted.inputs == changed
    resource.delete(made.identity)
    assert resource.read(made.identity, inputs) is None
    resource.delete(made.identity)


def test_import_reads_all_that_could_have_been_declared(plugin: AzureNative, case: Any) -> None:
    token, inputs, _ = case
    resource = plugin.resource(token)
    made = resource.create(inputs)
    found = resource.read(made.identity, {})
    assert found is not None
    for name, value in inputs.items():
        declared = found.inputs[name]
        assert declared == value or set(value) <= set(declared)


def test_drift_is_seen_and_service_defaults_are_none(plugin: AzureNative, arm: Any) -> None:
    inputs = CASES[HUB][0] | {"tags": {"line": "reefer"}, "properties": {"comments": "ours"}}
    resource = plugin.resource(HUB)
    made = resource.create(inputs)
    document = arm.documents[made.identity.lower()]
    document["tags"] = {"line": "reefer", "by": "hand"}
    document["properties"]["comments"] = "theirs"
    document["sku"] = {"name": "S1", "tier": "Standard", "capacity": 3}
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert seen.inputs["tags"] == {"line": "reefer", "by": "hand"}
    assert seen.inputs["properties"] == {"comments": "theirs"}
    assert seen.inputs["sku"] == {"name": "S1", "capacity": 3}
    changed = {change.path for change in resource.diff(seen.inputs, inputs).changes}
    assert changed == {("tags", "by"), ("properties", "comments"), ("sku", "capacity")}


def test_a_choice_written_in_other_letters_is_no_drift(plugin: AzureNative, arm: Any) -> None:
    resource = plugin.resource(DPS)
    inputs = CASES[DPS][0]
    made = resource.create(inputs)
    arm.documents[made.identity.lower()]["properties"]["allocationPolicy"] = "hashed"
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert seen.inputs == inputs


def test_links_that_others_made_are_no_drift_and_are_not_kept(plugin: AzureNative, arm: Any) -> None:
    inputs = CASES[DPS][0]
    resource = plugin.resource(DPS)
    made = resource.create(inputs)
    link = {"location": "westeurope", "name": "eu-1.azure-devices.net"}
    arm.documents[made.identity.lower()]["properties"]["iotHubs"] = [link]
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert seen.inputs == inputs
    assert seen.outputs["properties"]["iotHubs"] == [link]
    resource.update(made.identity, inputs)
    assert "iotHubs" not in arm.documents[made.identity.lower()]["properties"]


def test_a_key_stays_secret_and_is_not_lost_behind_its_stars(plugin: AzureNative) -> None:
    connection = Secret("HostName=h;SharedAccessKeyName=x;SharedAccessKey=abc")
    links = [{"location": "westeurope", "connectionString": connection}]
    inputs = CASES[DPS][0] | {"properties": {"iotHubs": links}}
    resource = plugin.resource(DPS)
    made = resource.create(inputs)
    assert made.outputs["properties"]["iotHubs"][0]["connectionString"].endswith("****")
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert isinstance(seen.inputs["properties"]["iotHubs"][0]["connectionString"], Secret)
    assert reveal(seen.inputs) == reveal(inputs)


def test_a_key_that_arm_hides_does_not_hide_the_rest(plugin: AzureNative, arm: Any) -> None:
    resource = plugin.resource(HUB)
    made = resource.create(CASES[HUB][0])
    endpoints = {"$default": {"connectionString": "", "containerName": ""}}
    arm.documents[made.identity.lower()]["properties"]["storageEndpoints"] = endpoints
    seen = resource.read(made.identity, CASES[HUB][0])
    assert seen is not None
    assert not holds(seen.outputs, Secret)


def test_user_assigned_identities_are_a_list_here_and_an_object_there(plugin: AzureNative, arm: Any) -> None:
    who = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
    inputs = CASES[HUB][0] | {"identity": {"type": "UserAssigned", "userAssignedIdentities": [who]}}
    resource = plugin.resource(HUB)
    made = resource.create(inputs)
    sent = arm.documents[made.identity.lower()]["identity"]["userAssignedIdentities"]
    assert sent == {who: {}}
    seen = resource.read(made.identity, inputs)
    assert seen is not None
    assert seen.inputs == inputs


def test_flattened_properties(plugin: AzureNative, arm: Any) -> None:
    inputs = CASES[ROLE][0]
    made = plugin.resource(ROLE).create(inputs)
    sent = next(body for method, _, body in arm.requests if method == "PUT")
    assert sent == {"properties": {name: inputs[name] for name in sent["properties"]}}
    assert set(sent["properties"]) == {"principalId", "principalType", "roleDefinitionId"}
    assert made.outputs["principalId"] == GUID
    assert "properties" not in made.outputs


def test_create_takes_over_what_an_interrupted_run_left(plugin: AzureNative, arm: Any) -> None:
    resource = plugin.resource(HUB)
    resource.create(CASES[HUB][0])
    resource.create(CASES[HUB][0])
    assert [method for method, _, _ in arm.requests].count("PUT") == 1


def test_create_does_not_overwrite_another_resource(plugin: AzureNative, arm: Any) -> None:
    resource = plugin.resource(HUB)
    resource.create(CASES[HUB][0])
    with pytest.raises(ProviderError, match=r"exists already.*pulumi import azure-native:iothub"):
        resource.create(CASES[HUB][0] | {"sku": SKU | {"name": "S3"}})
    assert [method for method, _, _ in arm.requests].count("PUT") == 1


def test_refusal_says_code_message_and_what_to_do(plugin: AzureNative, arm: Any) -> None:
    arm.refuse("PUT", 409, "NameNotAvailable", "eu-1 is taken")
    with pytest.raises(CloudRefused, match=r"NameNotAvailable: eu-1 is taken\n.*name is taken") as caught:
        plugin.resource(HUB).create(CASES[HUB][0])
    assert caught.value.status == 409
    assert caught.value.__cause__ is None


def test_property_path_of_a_refusal(plugin: AzureNative, arm: Any) -> None:
    detail = {"code": "Invalid", "target": "properties.routing", "message": "too many routes"}
    error = {"code": "InvalidRequestContent", "message": "not valid", "details": [detail]}
    arm.refusals.append(("PUT", 400, {"error": error}, {}))
    with pytest.raises(CloudRefused, match=r"not valid\n  properties\.routing: too many routes"):
        plugin.resource(HUB).create(CASES[HUB][0])


@pytest.mark.parametrize(("status", "words"), [(412, "changed since"), (403, "may not")])
def test_hints(plugin: AzureNative, arm: Any, status: int, words: str) -> None:
    arm.refuse("PUT", status, "Code", "message")
    with pytest.raises(CloudRefused, match=words):
        plugin.resource(GROUP).create(CASES[GROUP][0])


def test_too_many_requests_are_repeated(plugin: AzureNative, arm: Any) -> None:
    arm.refusals.append(("PUT", 429, {"error": {"code": "TooMany", "message": "m"}}, {"Retry-After": "0"}))
    plugin.resource(GROUP).create(CASES[GROUP][0])
    assert [method for method, _, _ in arm.requests].count("PUT") == 2


def test_what_arm_accepted_and_did_not_finish_keeps_its_id(plugin: AzureNative, arm: Any) -> None:
    resource = plugin.resource(HUB)
    original = arm._answer

    def accept_then_fail(method: str, identity: str, body: Any) -> Any:
        if method == "PUT":
            arm.refuse("GET", 400, "ProvisioningFailed", "no capacity")
        return original(method, identity, body)

    arm._answer = accept_then_fail
    with pytest.raises(Incomplete, match="no capacity") as caught:
        resource.create(CASES[HUB][0])
    assert caught.value.identity.endswith("/IotHubs/eu-1")
    assert caught.value.inputs == CASES[HUB][0]


def test_another_types_id_is_refused(plugin: AzureNative) -> None:
    with pytest.raises(ProviderError, match=r"no id of azure-native:iothub:IotHubResource; one looks like"):
        plugin.resource(HUB).read("/subscriptions/s/resourceGroups/rg", {})


def test_functions(plugin: AzureNative) -> None:
    arguments = {"resourceGroupName": "rg", "resourceName": "eu-1"}
    keys = plugin.invoke("azure-native:iothub:listIotHubResourceKeys", arguments)
    assert isinstance(keys["value"][0]["primaryKey"], Secret)
    plugin.resource(HUB).create(CASES[HUB][0])
    hub = plugin.invoke("azure-native:iothub:getIotHubResource", arguments)
    assert hub["properties"]["hostName"] == "eu-1.azure-devices.net"
    assert hub["id"].endswith("/eu-1")


def test_who_is_signed_in(session: Session, sign_in: Any) -> None:
    settings = replace(session.settings, tenant_id="t", client_id="c")
    opaque = Session(settings, sign_in("opaque"))
    known = {"subscriptionId": settings.subscription, "tenantId": "t", "clientId": "c"}
    assert opaque.client_config() == known
    claims = base64.urlsafe_b64encode(json.dumps({"oid": "o", "appid": "a", "tid": "u"}).encode()).decode()
    named = Session(settings, sign_in(f"x.{claims.rstrip('=')}.x"))
    assert named.client_config() == known | {"objectId": "o", "clientId": "a", "tenantId": "u"}


def test_no_subscription() -> None:
    with pytest.raises(BadConfiguration, match="ARM_SUBSCRIPTION_ID"):
        AzureNative(Session(Settings())).resource(HUB).create(CASES[HUB][0])


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, sign_in: Any) -> None:
    monkeypatch.setattr("localcloud.providers.azure_native.session._CONNECT_RETRIES", 0)
    session = Session(Settings(subscription_id="s", proxy="http://127.0.0.1:9"), sign_in("opaque"))
    with pytest.raises(CloudUnreachable, match=r"no answer from Azure.*is the local cloud running"):
        AzureNative(session).resource(HUB).create(CASES[HUB][0])


def test_function_without_an_argument(plugin: AzureNative) -> None:
    with pytest.raises(ProviderError, match="missing resourceName"):
        plugin.invoke("azure-native:iothub:getIotHubResource", {"resourceGroupName": "rg"})


@pytest.mark.parametrize("token", ["azure-native:compute:VirtualMachine", "azure-native:iothub:IotHub"])
def test_unserved_token(plugin: AzureNative, token: str) -> None:
    with pytest.raises(UnknownToken, match=r"(?s)IotHubResource.*table\.py"):
        plugin.resource(token)
    with pytest.raises(UnknownToken, match=r"(?s)getClientConfig.*getIotHubResource.*table\.py"):
        plugin.invoke(token, {})


def test_location_of_the_group(plugin: AzureNative, arm: Any) -> None:
    assert plugin._group_location("rg") is None
    plugin.resource(GROUP).create(CASES[GROUP][0] | {"location": "norwayeast"})
    assert plugin._group_location("rg") == "norwayeast"
