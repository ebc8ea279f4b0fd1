"""Where hubs send messages and files: by a managed identity that has the right before the hub is there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.azure import roles
from components.azure.durations import iso
from components.azure.hub_endpoints import target
from fleet import Fleet

HUB = "azure-native:iothub:IotHubResource"
ROLE = "azure-native:authorization:RoleAssignment"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
SOMEBODYS = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/lake/providers"
LAKE = f"{SOMEBODYS}/Microsoft.EventHub/namespaces/lake/eventhubs/devices"

Declare = Callable[..., Any]
Describe = Callable[..., Fleet]


@pytest.fixture
def program(declare: Declare, described: Describe) -> Any:
    """A hub with an endpoint of each kind, and one that sends nothing."""
    eu_1 = {
        "endpoints": {
            "telemetry": {"eventHub": {"partitions": 8, "retentionDays": 3}},
            "lake": {"eventHub": {"existing": LAKE}},
            "alarms": {"serviceBusQueue": {}},
            "twins": {"serviceBusTopic": {}},
            "archive": {"storage": {"encoding": "json", "batchSeconds": 60, "batchMegabytes": 10}},
        },
        "routes": {
            "all": {"endpoint": "telemetry"},
            "alarms": {"endpoint": "alarms", "condition": "level = 'alarm'", "enabled": False},
            "twins": {"endpoint": "twins", "source": "TwinChangeEvents"},
            "archive": {"endpoint": "archive"},
            "lake": {"endpoint": "lake"},
        },
        "fallbackRoute": False,
        "enrichments": {"line": {"value": "$twin.tags.line", "endpoints": ["telemetry"]}},
        "fileUpload": {"ttlMinutes": 90, "notifications": True},
    }
    return declare(described("dev", azure={"hubs": {"eu-1": eu_1, "eu-2": {}}}))


def _routing(program: Any) -> dict[str, Any]:
    routing: dict[str, Any] = program.of(HUB)[0].inputs["properties"]["routing"]
    return routing


def _granted(program: Any) -> set[tuple[str, str]]:
    """What the hub's own identity may do where: (role, last part of the scope)."""
    own = [
        role for role in program.of(ROLE) if role.inputs["principalId"].startswith("principal-of-coldchain")
    ]
    return {(role.inputs["roleDefinitionId"][-36:], role.inputs["scope"].rpartition("/")[2]) for role in own}


def test_a_hub_that_sends_nothing_has_neither_identity_nor_routing(program: Any) -> None:
    plain = program.of(HUB)[1]
    assert "identity" not in plain.inputs
    assert "routing" not in plain.inputs["properties"]
    assert [identity.name for identity in program.of(IDENTITY)] == ["coldchain-eu-1-identity"]


def test_every_endpoint_is_by_identity_and_no_key_is_anywhere(program: Any) -> None:
    identity = program.one(IDENTITY)
    hub = program.of(HUB)[0]
    assert hub.inputs["identity"]["type"] == "UserAssigned"
    assert hub.inputs["identity"]["userAssignedIdentities"] == [_id_of(identity)]
    endpoints = [each for kind in _routing(program)["endpoints"].values() for each in kind]
    assert {each["name"] for each in endpoints} == {"telemetry", "lake", "alarms", "twins", "archive"}
    assert {each["authenticationType"] for each in endpoints} == {"identityBased"}
    assert {each["identity"]["userAssignedIdentity"] for each in endpoints} == {_id_of(identity)}
    assert "AccountKey" not in json.dumps([each.inputs for each in program.resources])


def _id_of(resource: Any) -> str:
    subscription = "/subscriptions/5ab1e8d0-0000-4000-8000-000000000001"
    return f"{subscription}/resourceGroups/rg/providers/{resource.token}/{resource.name}"


def test_an_endpoint_is_where_its_target_is(program: Any) -> None:
    lake, telemetry = sorted(_routing(program)["endpoints"]["eventHubs"], key=lambda each: str(each["name"]))
    assert (lake["endpointUri"], lake["entityPath"]) == ("sb://lake.servicebus.windows.net", "devices")
    assert lake["subscriptionId"] == "00000000-0000-4000-8000-000000000000"
    assert lake["resourceGroup"] == "lake"
    assert telemetry["endpointUri"] == "sb://coldchain-dev-events.servicebus.windows.net"
    (archive,) = _routing(program)["endpoints"]["storageContainers"]
    assert archive["endpointUri"] == "https://coldchaindev.blob.core.windows.net/"
    assert archive["containerName"] == "messages"
    assert (archive["encoding"], archive["batchFrequencyInSeconds"]) == ("json", 60)
    assert archive["maxChunkSizeInBytes"] == 10 * 1024 * 1024


def test_the_identity_has_the_narrowest_role_on_each_target_and_nothing_else(program: Any) -> None:
    assert _granted(program) == {
        (roles.EVENT_HUBS_DATA_SENDER, "telemetry"),
        (roles.EVENT_HUBS_DATA_SENDER, "devices"),
        (roles.SERVICE_BUS_DATA_SENDER, "alarms"),
        (roles.SERVICE_BUS_DATA_SENDER, "twins"),
        (roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "messages"),
        (roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "uploads"),
    }


def test_the_hub_waits_for_its_rights(program: Any) -> None:
    hub = program.of(HUB)[0]
    rights = {role.urn for role in program.of(ROLE) if "principal-of-coldchain" in role.inputs["principalId"]}
    assert len(rights) == 6
    assert rights <= hub.depends_on


def test_routes_and_enrichments_are_as_described(program: Any) -> None:
    routing = _routing(program)
    routes = {route["name"]: route for route in routing["routes"]}
    assert routes["alarms"] == {
        "name": "alarms",
        "source": "DeviceMessages",
        "condition": "level = 'alarm'",
        "endpointNames": ["alarms"],
        "isEnabled": False,
    }
    assert routes["twins"]["source"] == "TwinChangeEvents"
    assert routing["fallbackRoute"]["isEnabled"] is False
    assert routing["enrichments"] == [
        {"key": "line", "value": "$twin.tags.line", "endpointNames": ["telemetry"]}
    ]


def test_files_are_uploaded_by_identity_too(program: Any) -> None:
    properties = program.of(HUB)[0].inputs["properties"]
    upload = properties["storageEndpoints"]["$default"]
    assert upload["connectionString"] == (
        "DefaultEndpointsProtocol=https;AccountName=coldchaindev;EndpointSuffix=core.windows.net"
    )
    assert (upload["authenticationType"], upload["containerName"]) == ("identityBased", "uploads")
    assert upload["sasTtlAsIso8601"] == "PT1H30M"
    assert properties["enableFileUploadNotifications"] is True


def test_targets_of_our_own_take_no_keys_and_no_old_tls(program: Any) -> None:
    for token in ("azure-native:eventhub:Namespace", "azure-native:servicebus:Namespace"):
        namespace = program.one(token).inputs
        assert (namespace["disableLocalAuth"], namespace["minimumTlsVersion"]) == (True, "1.2")
    account = program.one("azure-native:storage:StorageAccount").inputs
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    hub = program.one("azure-native:eventhub:EventHub").inputs
    assert (hub["eventHubName"], hub["partitionCount"], hub["messageRetentionInDays"]) == ("telemetry", 8, 3)


def test_hubs_that_name_an_endpoint_alike_fill_one_place(declare: Declare, described: Describe) -> None:
    hub = {"endpoints": {"telemetry": {"eventHub": {}}}, "routes": {"all": {"endpoint": "telemetry"}}}
    program = declare(described("dev", azure={"hubs": {"eu-1": hub, "eu-2": hub}}))
    assert len(program.of("azure-native:eventhub:EventHub")) == 1
    senders = [role for role in program.of(ROLE) if roles.EVENT_HUBS_DATA_SENDER in str(role.inputs)]
    assert len({role.inputs["principalId"] for role in senders}) == 2


def test_one_container_for_messages_and_files_is_one_right(declare: Declare, described: Describe) -> None:
    hub = {
        "endpoints": {"a": {"storage": {"container": "all"}}, "b": {"storage": {"container": "all"}}},
        "routes": {"a": {"endpoint": "a"}, "b": {"endpoint": "b"}},
        "fileUpload": {"container": "all"},
    }
    program = declare(described("dev", azure={"hubs": {"eu-1": hub, "eu-2": {}}}))
    assert _granted(program) == {(roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "all")}
    assert len([role for role in program.of(ROLE) if "/containers/all" in role.inputs["scope"]]) == 1


def test_nothing_is_made_for_hubs_that_send_nothing(declare: Declare, described: Describe) -> None:
    program = declare(described("dev"))
    assert [each for each in program.resources if each.token == "muster:azure:RoutingTargets"] == []


def test_an_id_is_taken_apart() -> None:
    found = target(LAKE)
    assert (found.resource_group, found.account, found.entity) == ("lake", "lake", "devices")


@pytest.mark.parametrize(
    ("minutes", "text"), [(1, "PT1M"), (60, "PT1H"), (90, "PT1H30M"), (1440, "P1D"), (1500, "P1DT1H")]
)
def test_spans_of_time_are_written_in_their_shortest_form(minutes: int, text: str) -> None:
    assert iso(minutes) == text
