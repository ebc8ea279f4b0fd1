"""A hub's endpoints, routes and enrichments: what is taken, and each refusal beside its input."""

from typing import Any

import pytest

from .conftest import GROUP, LOCATION, SUBSCRIPTION, Arm, hub_body, hub_id

EVENTS_SENDER = "2b629674-e913-4c01-ae53-ef4638d8f975"
BUS_SENDER = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
EVENTS = f"{GROUP}/providers/Microsoft.EventHub/namespaces/events-1"
BUS = f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/bus-one"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/coldstore"
NAMED = "DefaultEndpointsProtocol=https;AccountName=coldstore;EndpointSuffix=core.windows.net"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/telemetry"


@pytest.fixture
def targets(arm: Arm) -> Arm:
    """An event hub, a queue, a topic and a container."""
    arm.put(EVENTS, {"location": LOCATION, "sku": {"name": "Standard"}})
    arm.put(f"{EVENTS}/eventhubs/telemetry", {"properties": {"partitionCount": 4}})
    arm.put(BUS, {"location": LOCATION, "sku": {"name": "Standard"}})
    arm.put(f"{BUS}/queues/alarms", {"properties": {}})
    arm.put(f"{BUS}/topics/news", {"properties": {}})
    account = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    arm.put(ACCOUNT, account)
    arm.put(CONTAINER, {"properties": {}})
    return arm


def endpoints(identity: str) -> dict[str, list[dict[str, Any]]]:
    own = {"authenticationType": "identityBased", "identity": {"userAssignedIdentity": identity}}
    sb = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "rg", **own}
    return {
        "eventHubs": [
            {
                "name": "events-out",
                "endpointUri": "sb://events-1.servicebus.windows.net",
                "entityPath": "telemetry",
                **sb,
            }
        ],
        "serviceBusQueues": [
            {
                "name": "queue",
                "endpointUri": "sb://bus-one.servicebus.windows.net",
                "entityPath": "alarms",
                **sb,
            }
        ],
        "serviceBusTopics": [
            {
                "name": "topic",
                "endpointUri": "sb://bus-one.servicebus.windows.net",
                "entityPath": "news",
                **sb,
            }
        ],
        "storageContainers": [
            {
                "name": "blobs",
                "endpointUri": "https://coldstore.blob.core.windows.net/",
                "containerName": "telemetry",
                "encoding": "JSON",
                **sb,
            }
        ],
    }


def with_user(identity: str, **properties: Any) -> dict[str, Any]:
    return hub_body(identity={"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}, **properties)


def test_a_hub_sends_to_everything_by_a_user_assigned_identity(targets: Arm) -> None:
    identity, principal = targets.identity()
    for role, scope in ((EVENTS_SENDER, EVENTS), (BUS_SENDER, BUS), (BLOB_CONTRIBUTOR, CONTAINER)):
        targets.grant(role, principal, scope)
    names = ["events-out", "queue", "topic", "blobs", "events"]
    routes = [
        {
            "name": f"to-{it}",
            "source": "DeviceMessages",
            "condition": "true",
            "endpointNames": [it],
            "isEnabled": True,
        }
        for it in names
    ]
    enrichments = [{"key": "hub", "value": "$iothubname", "endpointNames": names}]
    upload = {
        "$default": {
            "connectionString": NAMED,
            "containerName": "telemetry",
            "sasTtlAsIso8601": "PT30M",
            "authenticationType": "identityBased",
            "identity": {"userAssignedIdentity": identity},
        }
    }
    routing = {"endpoints": endpoints(identity), "routes": routes, "enrichments": enrichments}
    body = with_user(identity, routing=routing, storageEndpoints=upload, enableFileUploadNotifications=True)
    made = targets.put(hub_id(), body)
    assert made["properties"]["routing"]["routes"] == routes
    assert made["identity"]["userAssignedIdentities"][identity]["principalId"] == principal
    assert targets.get(hub_id())["properties"]["storageEndpoints"] == upload


@pytest.mark.parametrize("kind", ["eventHubs", "serviceBusQueues", "serviceBusTopics", "storageContainers"])
def test_each_endpoint_needs_its_role(targets: Arm, kind: str) -> None:
    identity, principal = targets.identity()
    targets.grant(BUS_SENDER if kind == "eventHubs" else EVENTS_SENDER, principal, GROUP)
    body = with_user(identity, routing={"endpoints": {kind: endpoints(identity)[kind]}})
    said = targets.refused(hub_id(), body)
    assert list(said) == [f"properties.routing.endpoints.{kind}[0]"]
    assert f"{principal} lacks Microsoft." in said[f"properties.routing.endpoints.{kind}[0]"]


def test_a_new_hubs_own_identity_cannot_have_a_role_yet(targets: Arm) -> None:
    entry = endpoints("")["eventHubs"][0] | {"identity": {}}
    body = hub_body(identity={"type": "SystemAssigned"}, routing={"endpoints": {"eventHubs": [entry]}})
    said = targets.refused(hub_id(), body)
    assert "(which this request makes) lacks" in said["properties.routing.endpoints.eventHubs[0]"]
    made = targets.put(hub_id(), hub_body(identity={"type": "SystemAssigned"}))
    targets.grant(EVENTS_SENDER, made["identity"]["principalId"], EVENTS)
    targets.put(hub_id(), body)


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"name": "events"}, ".name", "'events' is reserved"),
        ({"name": "$default"}, ".name", "is reserved"),
        ({"authenticationType": "keyBased"}, ".authenticationType", "serves no keys here"),
        (
            {"entityPath": "nothing"},
            "",
            r"there is no event hub sb://events-1.servicebus.windows.net/nothing",
        ),
        ({"endpointUri": "https://elsewhere"}, "", "there is no event hub"),
        (
            {"identity": {"userAssignedIdentity": "/nobody"}},
            ".identity",
            "the hub has no userAssignedIdentity",
        ),
        ({"identity": {}}, ".identity", "the hub has no system-assigned identity"),
    ],
)
def test_a_wrong_endpoint(targets: Arm, change: dict[str, Any], where: str, words: str) -> None:
    identity, principal = targets.identity()
    targets.grant(EVENTS_SENDER, principal, EVENTS)
    entry = endpoints(identity)["eventHubs"][0] | change
    said = targets.refused(hub_id(), with_user(identity, routing={"endpoints": {"eventHubs": [entry]}}))
    assert list(said) == [f"properties.routing.endpoints.eventHubs[0]{where}"]
    assert words in next(iter(said.values()))


def test_two_endpoints_of_one_name_and_too_many(targets: Arm) -> None:
    identity, principal = targets.identity()
    targets.grant(EVENTS_SENDER, principal, EVENTS)
    entry = endpoints(identity)["eventHubs"][0]
    many = [entry | {"name": f"e{n}"} for n in range(11)] + [entry | {"name": "E0"}]
    said = targets.refused(hub_id(), with_user(identity, routing={"endpoints": {"eventHubs": many}}))
    assert said == {
        "properties.routing.endpoints.eventHubs[11].name": "'E0' is the name of another endpoint",
        "properties.routing.endpoints": "has 12 endpoints; a paid hub has at most 10",
    }


def route(**change: Any) -> dict[str, Any]:
    usual = {
        "name": "r",
        "source": "DeviceMessages",
        "condition": "true",
        "endpointNames": ["events"],
        "isEnabled": True,
    }
    return usual | change


@pytest.mark.parametrize(
    ("routing", "said"),
    [
        (
            {"routes": [route(source="Invalid")]},
            {"routes[0].source": "must name what is routed, such as DeviceMessages"},
        ),
        (
            {"routes": [route(condition=" ")]},
            {"routes[0].condition": "must not be empty: true takes every message"},
        ),
        (
            {"routes": [route(endpointNames=["nowhere"])]},
            {"routes[0].endpointNames": "there is no endpoint 'nowhere'; the hub has events"},
        ),
        ({"routes": [route(), route(name="R")]}, {"routes[1].name": "'R' is the name of another route"}),
        (
            {"routes": [route(name=f"r{n}") for n in range(101)]},
            {"routes": "has 101 routes; a paid hub has at most 100"},
        ),
        (
            {"fallbackRoute": route(endpointNames=["x"])},
            {"fallbackRoute.endpointNames": "there is no endpoint 'x'; the hub has events"},
        ),
        (
            {"enrichments": [{"key": "a", "value": " ", "endpointNames": ["x"]}]},
            {
                "enrichments[0].value": "must not be empty",
                "enrichments[0].endpointNames": "there is no endpoint 'x'; the hub has events",
            },
        ),
        (
            {"enrichments": [{"key": "a", "value": "1", "endpointNames": ["events"]}] * 2},
            {"enrichments[1].key": "'a' is the key of another enrichment"},
        ),
        (
            {"enrichments": [{"key": f"{n}", "value": "1", "endpointNames": ["events"]} for n in range(11)]},
            {"enrichments": "has 11 enrichments; a paid hub has at most 10"},
        ),
    ],
)
def test_wrong_routes(arm: Arm, routing: dict[str, Any], said: dict[str, str]) -> None:
    found = arm.refused(hub_id(), hub_body(routing=routing))
    assert found == {f"properties.routing.{where}": words for where, words in said.items()}


def test_a_free_hub_has_less(arm: Arm) -> None:
    routing = {"routes": [route(name=f"r{n}") for n in range(6)]}
    said = arm.refused(hub_id(), hub_body("F1", routing=routing))
    assert said == {"properties.routing.routes": "has 6 routes; a free hub has at most 5"}


def test_upload_needs_an_account_a_role_and_no_key(targets: Arm) -> None:
    identity, principal = targets.identity()
    own = {"authenticationType": "identityBased", "identity": {"userAssignedIdentity": identity}}

    def said(connection: str, container: str = "telemetry") -> dict[str, str]:
        entry = {"connectionString": connection, "containerName": container, **own}
        return targets.refused(hub_id(), with_user(identity, storageEndpoints={"$default": entry}))

    where = "properties.storageEndpoints.$default"
    assert "lacks Microsoft.Storage" in said(NAMED)[where]
    targets.grant(BLOB_CONTRIBUTOR, principal, ACCOUNT)
    assert "must name the account" in said("")[f"{where}.connectionString"]
    assert "must hold no key" in said(f"{NAMED};AccountKey=eA==")[f"{where}.connectionString"]
    assert (
        said(NAMED, "nothing")[where]
        == "there is no blob container https://coldstore.blob.core.windows.net/nothing"
    )
    wanted = targets.refused(hub_id(), hub_body(enableFileUploadNotifications=True))
    assert "needs properties.storageEndpoints.$default" in wanted["properties.enableFileUploadNotifications"]
