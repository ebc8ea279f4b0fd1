"""Check, diff and preview: tables of inputs and what is said of them, with no client at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from localcloud.providers.azure_native import naming
from localcloud.providers.azure_native.models import answer
from localcloud.providers.azure_native.resource import ArmResource
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.settings import Settings, faults
from localcloud.providers.azure_native.table import TYPES
from localcloud.providers.difference import Kind
from localcloud.providers.paths import render
from localcloud.providers.plugin import Checked, Declaration, Proposal
from localcloud.providers.wire import UNKNOWN, Secret

from .azure_material import ROLE_NAME, SUBSCRIPTION, Case
from .cases import cases

CASES = cases(SUBSCRIPTION, ROLE_NAME.replace("1", "2"))
KINDS = {kind.token.removeprefix("azure-native:"): kind for kind in TYPES}
_MODULES = {
    "ResourceGroup": "resources",
    "IotHubResource": "iothub",
    "IotDpsResource": "deviceprovisioningservices",
    "RoleAssignment": "authorization",
}
SKU = {"name": "S1", "capacity": 1}
HUB: dict[str, Any] = {
    "resourceGroupName": "rg",
    "resourceName": "eu-1",
    "location": "westeurope",
    "sku": SKU,
}
DPS: dict[str, Any] = {
    "resourceGroupName": "rg",
    "provisioningServiceName": "dps-1",
    "location": "westeurope",
    "sku": SKU,
    "properties": {},
}
ROLE: dict[str, Any] = {
    "scope": "/subscriptions/s",
    "principalId": "p",
    "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/r",
    "roleAssignmentName": "11111111-2222-3333-4444-555555555555",
}


def make(name: str, location: str = "westeurope", group: str | None = None) -> ArmResource:
    kind = KINDS[name if ":" in name else f"{_MODULES[name]}:{name}"]
    return ArmResource(kind, Session(Settings(location=location)), lambda _name: group)


def check(name: str, inputs: dict[str, Any], **rest: Any) -> Checked:
    return make(name).check(Declaration("urn-name", inputs, rest.pop("old", {}), b"seed", **rest))


def said(checked: Checked) -> dict[str, str]:
    return {render(fault.path): fault.reason for fault in checked.faults}


def test_all_faults_at_once() -> None:
    inputs = HUB | {
        "resourceName": "no_underscores",
        "sku": {"name": "S9", "capacity": "two"},
        "tag": {},
        "tags": {"a.b": 1},
        "properties": {
            "minTlsVersion": 1.2,
            "hostName": "mine",
            "cloudToDevice": {"maxDeliveryCount": 200},
            "routing": {"routes": [{"name": "r", "source": "DeviceMessages", "endpointNames": []}]},
            "ipFilterRules": {},
        },
    }
    found = said(check("IotHubResource", inputs))
    assert found == {
        "resourceName": "'no_underscores' is not allowed: 3 to 50 letters, digits and hyphens, "
        "not all digits, no hyphen first or last",
        "sku.name": "'S9' is none of: F1, S1, S2, S3, B1, B2, B3",
        "sku.capacity": "must be a whole number, not a string",
        "tag": "unknown property of IotHubResource; did you mean tags?",
        'tags["a.b"]': "must be a string, not a number",
        "properties.minTlsVersion": "must be a string, not a number",
        "properties.hostName": "set by the service; IotHubProperties does not take it",
        "properties.cloudToDevice.maxDeliveryCount": "200 is too high; the most is 100",
        "properties.routing.routes[0].isEnabled": "required by RouteProperties, and missing",
        "properties.routing.routes[0].endpointNames": "has 0 items; at least 1 are needed",
        "properties.ipFilterRules": "must be a list, not an object",
    }


@pytest.fixture(params=CASES, ids=lambda it: it.token)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def short(case: Case) -> str:
    return case.token.removeprefix("azure-native:")


def test_every_type_has_a_case() -> None:
    assert {short(it) for it in CASES} == set(KINDS)


def test_everything_may_be_unknown_in_a_preview(case: Case) -> None:
    assert check(short(case), dict.fromkeys(case.inputs, UNKNOWN)).faults == ()


def test_a_complete_declaration_is_in_order(case: Case) -> None:
    assert check(short(case), case.inputs).faults == ()
    assert check(short(case), case.inputs | case.change).faults == ()


def test_unknown_properties_are_refused_at_every_level(case: Case) -> None:
    nested = {name: value | {"nope": 1} for name, value in case.inputs.items() if isinstance(value, dict)}
    nested.pop("tags", None)
    nested.pop("metadata", None)
    nested.pop("source", None)
    found = said(check(short(case), case.inputs | nested | {"nope": 1}))
    assert set(found) == {"nope", *(f"{name}.nope" for name in nested)}


def test_a_change_is_made_in_place(case: Case) -> None:
    found = changes(short(case), case.inputs, case.inputs | case.change)
    assert not any(replaces for _, replaces in found.values())
    assert bool(found) == bool(case.change)


def test_what_is_fixed_forces_a_replacement(case: Case) -> None:
    found = changes(
        short(case),
        case.inputs | {"location": "westeurope"},
        case.inputs | {"location": "westeurope"} | case.fixed,
    )
    assert case.fixed.keys() <= {path.split(".")[0] for path in found}
    assert any(replaces for _, replaces in found.values())
    assert make(short(case)).diff(case.inputs, case.inputs | case.fixed).delete_first


def test_preview_says_what_is_declared_and_no_more(case: Case) -> None:
    outputs = make(short(case)).preview(case.inputs, {})
    record = answer(KINDS[short(case)])
    for name in case.inputs.keys() & record.writable.keys():
        assert outputs[name] is not UNKNOWN
    unsaid = record.fields.keys() - record.writable.keys() - case.inputs.keys() - {"id"}
    assert all(outputs[name] is UNKNOWN for name in unsaid)
    assert outputs.keys() <= {"azureApiVersion", *record.fields}


def test_unknown_inside() -> None:
    inputs = HUB | {"sku": {"name": UNKNOWN}, "properties": {"routing": {"routes": [UNKNOWN]}}}
    assert check("IotHubResource", inputs).faults == ()


def test_a_secret_is_checked_and_not_quoted() -> None:
    found = said(check("IotHubResource", HUB | {"sku": Secret({"name": "S1", "capacity": Secret(1.5)})}))
    assert found == {"sku.capacity": "must be a whole number, not a number"}


@pytest.mark.parametrize(
    ("name", "inputs", "path"),
    [
        ("ResourceGroup", {"resourceGroupName": "ends."}, "resourceGroupName"),
        ("ResourceGroup", {"resourceGroupName": "x" * 91}, "resourceGroupName"),
        ("IotDpsResource", DPS | {"provisioningServiceName": "-dps"}, "provisioningServiceName"),
        ("IotHubResource", HUB | {"resourceName": "123"}, "resourceName"),
        ("RoleAssignment", ROLE | {"roleAssignmentName": "no-guid"}, "roleAssignmentName"),
        ("RoleAssignment", ROLE | {"principalType": "Robot"}, "principalType"),
        ("IotDpsResource", DPS | {"etag": "1"}, "etag"),
        ("IotDpsResource", DPS | {"properties": {"disableLocalAuth": True}}, "properties.disableLocalAuth"),
        (
            "IotDpsResource",
            DPS | {"properties": {"iotHubs": [{"location": "westeurope"}]}},
            "properties.iotHubs[0].connectionString",
        ),
    ],
)
def test_refused(name: str, inputs: dict[str, Any], path: str) -> None:
    assert list(said(check(name, inputs))) == [path]


def test_missing() -> None:
    resource = make("IotHubResource", location="")
    found = said(resource.check(Declaration("n", {"resourceName": "eu-1"}, {})))
    assert list(found) == ["resourceGroupName", "location", "sku"]
    assert "azure-native:location" in found["location"]


@pytest.mark.parametrize("name", ["ResourceGroup", "IotHubResource", "IotDpsResource"])
def test_random_name_is_the_same_for_the_same_seed(name: str) -> None:
    parameter = make(name)._kind.name
    first, second = check(name, {}).inputs, check(name, {}).inputs
    assert first[parameter] == second[parameter]
    assert first[parameter].startswith("urn-name")
    assert len(first[parameter]) == len("urn-name") + 8
    assert first[naming.CREATE_FIRST] is True


def test_role_assignment_is_named_by_a_guid() -> None:
    inputs = {name: value for name, value in ROLE.items() if name != "roleAssignmentName"}
    checked = check("RoleAssignment", inputs)
    assert checked.faults == ()
    assert len(checked.inputs["roleAssignmentName"]) == 36


def test_a_name_in_state_is_kept() -> None:
    old = {"resourceName": "kept1234", naming.CREATE_FIRST: True}
    assert check("IotHubResource", {}, old=old).inputs.items() >= old.items()


@pytest.mark.parametrize(
    ("mode", "name", "expected"),
    [
        ("propose", "ResourceGroup", "proposed"),
        ("enforce", "RoleAssignment", "proposed"),
        ("disable", "ResourceGroup", None),
    ],
)
def test_autonaming_configuration(mode: Any, name: str, expected: str | None) -> None:
    checked = check(name, {}, proposal=Proposal(mode, "proposed"))
    assert checked.inputs.get(make(name)._kind.name) == expected


@pytest.mark.parametrize(
    ("resource", "inputs", "old", "expected"),
    [
        (make("ResourceGroup"), {"location": "norwayeast"}, {"location": "x"}, "norwayeast"),
        (make("ResourceGroup"), {}, {"location": "northeurope"}, "northeurope"),
        (make("ResourceGroup"), {}, {}, "westeurope"),
        (make("IotHubResource", "", "of-group"), {"resourceGroupName": "rg"}, {}, "of-group"),
        (make("IotHubResource", "", "of-group"), {"resourceGroupName": UNKNOWN}, {}, UNKNOWN),
        (make("IotHubResource", ""), {"resourceGroupName": "rg"}, {}, None),
    ],
)
def test_default_location(
    resource: ArmResource, inputs: dict[str, Any], old: dict[str, Any], expected: Any
) -> None:
    assert resource.check(Declaration("n", inputs, old)).inputs.get("location") == expected


def changes(name: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Kind, bool]]:
    found = make(name).diff(old, new).changes
    return {render(change.path): (change.kind, change.replaces) for change in found}


@pytest.mark.parametrize(
    ("name", "old", "changed", "expected"),
    [
        ("IotHubResource", HUB, {}, {}),
        ("IotHubResource", HUB, {"location": "West Europe"}, {}),
        ("IotHubResource", HUB, {"location": "norwayeast"}, {"location": (Kind.UPDATE, True)}),
        ("IotHubResource", HUB, {"resourceName": "eu-2"}, {"resourceName": (Kind.UPDATE, True)}),
        ("IotHubResource", HUB, {"resourceGroupName": UNKNOWN}, {"resourceGroupName": (Kind.UPDATE, True)}),
        (
            "IotHubResource",
            HUB,
            {"sku": {"name": "S1", "capacity": 2}},
            {"sku.capacity": (Kind.UPDATE, False)},
        ),
        ("IotHubResource", HUB, {"tags": {"a": "b"}}, {"tags": (Kind.ADD, False)}),
        (
            "IotHubResource",
            HUB | {"tags": {"a": "b", "c": "d"}},
            {"tags": {"a.x": "b", "c": "d"}},
            {"tags.a": (Kind.DELETE, False), 'tags["a.x"]': (Kind.ADD, False)},
        ),
        ("IotHubResource", HUB, {"sku": Secret(SKU)}, {}),
        ("RoleAssignment", ROLE, {"principalId": "q"}, {"principalId": (Kind.UPDATE, True)}),
        ("RoleAssignment", ROLE, {"principalId": UNKNOWN}, {"principalId": (Kind.UPDATE, True)}),
        ("RoleAssignment", ROLE, {"scope": "/subscriptions/t"}, {"scope": (Kind.UPDATE, True)}),
        ("RoleAssignment", ROLE, {"scope": "/Subscriptions/S"}, {}),
        ("RoleAssignment", ROLE, {"description": "why"}, {"description": (Kind.ADD, False)}),
        (
            "IotDpsResource",
            DPS | {"properties": {"iotHubs": [{"location": "a"}, {"location": "b"}]}},
            {"properties": {"iotHubs": [{"location": "c"}]}},
            {
                "properties.iotHubs[0].location": (Kind.UPDATE, False),
                "properties.iotHubs[1]": (Kind.DELETE, False),
            },
        ),
    ],
)
def test_diff(name: str, old: dict[str, Any], changed: dict[str, Any], expected: dict[str, Any]) -> None:
    assert changes(name, old, old | changed) == expected


def test_a_fixed_name_is_deleted_first_and_a_random_one_is_not() -> None:
    resource = make("IotHubResource")
    moved = HUB | {"location": "norwayeast"}
    assert resource.diff(HUB, moved).delete_first
    assert not resource.diff(HUB | {naming.CREATE_FIRST: True}, moved).delete_first


def test_preview_of_a_create() -> None:
    outputs = make("IotHubResource").preview(HUB | {"properties": {"comments": "c"}, "tags": UNKNOWN}, {})
    assert outputs["sku"] == {"name": "S1", "capacity": 1, "tier": UNKNOWN}
    assert outputs["properties"]["comments"] == "c"
    assert outputs["properties"]["hostName"] is UNKNOWN
    assert outputs["name"] is outputs["tags"] is outputs["identity"] is UNKNOWN
    assert outputs["azureApiVersion"] == "2023-06-30"
    assert "resourceGroupName" not in outputs


def test_preview_of_an_update_keeps_what_never_changes() -> None:
    outputs = make("IotHubResource").preview(HUB, {"name": "eu-1", "location": "westeurope", "etag": "1"})
    assert (outputs["name"], outputs["location"]) == ("eu-1", "westeurope")
    assert outputs["etag"] is UNKNOWN


def test_preview_of_flattened_outputs() -> None:
    outputs = make("RoleAssignment").preview(ROLE, {})
    assert outputs["principalId"] == "p"
    assert outputs["createdBy"] is UNKNOWN
    assert "properties" not in outputs


def paths(found: Iterable[Any]) -> list[str]:
    return [render(fault.path) for fault in found]


def test_settings_without_effect_are_refused() -> None:
    given = {"subscriptionId": "s", "useMsi": "true", "useOidc": "false", "environment": "china"}
    assert paths(faults(given)) == ["useMsi", "environment"]
    assert paths(faults({"environment": "public", "location": UNKNOWN, "partnerId": "p"})) == []
