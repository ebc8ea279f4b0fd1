"""A hub's other settings, its identity, consumer groups and certificates."""

from typing import Any

import pytest

from .conftest import GROUP, LOCATION, Arm, hub_body, hub_id

EVENTS = "properties.eventHubEndpoints.events"
C2D = "properties.cloudToDevice"


def events(**given: Any) -> dict[str, Any]:
    return {"eventHubEndpoints": {"events": given}}


def rules(*masks: str) -> dict[str, Any]:
    ip_rules = [{"filterName": f"r{n}", "action": "Allow", "ipMask": it} for n, it in enumerate(masks)]
    return {
        "networkRuleSets": {
            "defaultAction": "Deny",
            "applyToBuiltInEventHubEndpoint": True,
            "ipRules": ip_rules,
        }
    }


@pytest.mark.parametrize(
    "properties",
    [
        events(retentionTimeInDays=7, partitionCount=128),
        {
            "minTlsVersion": "1.2",
            "disableLocalAuth": True,
            "disableDeviceSAS": True,
            "disableModuleSAS": True,
        },
        {"publicNetworkAccess": "Disabled", **rules("192.0.2.0/24", "198.51.100.7")},
        {"cloudToDevice": {"defaultTtlAsIso8601": "P2D", "maxDeliveryCount": 100}},
    ],
)
def test_settings_are_kept(arm: Arm, properties: dict[str, Any]) -> None:
    arm.put(hub_id(), hub_body(**properties))
    shown = arm.get(hub_id())["properties"]
    for name, value in properties.items():
        if name == "eventHubEndpoints":
            assert value["events"].items() <= shown[name]["events"].items()
        else:
            assert shown[name] == value


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (events(retentionTimeInDays=8), {f"{EVENTS}.retentionTimeInDays": "must be 1 to 7 days, not 8"}),
        (events(partitionCount=1), {f"{EVENTS}.partitionCount": "must be 2 to 128, not 1"}),
        (
            {"eventHubEndpoints": {"others": {}}},
            {"properties.eventHubEndpoints.others": "is not known; the only one is events"},
        ),
        ({"minTlsVersion": "1.0"}, {"properties.minTlsVersion": "must be 1.2 or left out, not '1.0'"}),
        (
            {"cloudToDevice": {"defaultTtlAsIso8601": "P3D"}},
            {f"{C2D}.defaultTtlAsIso8601": "must be 60 to 172800 seconds, not P3D"},
        ),
        (
            {"cloudToDevice": {"defaultTtlAsIso8601": "1 hour"}},
            {f"{C2D}.defaultTtlAsIso8601": "must be an ISO 8601 duration such as PT1H, not '1 hour'"},
        ),
        (
            rules("192.0.2.1/24"),
            {
                "properties.networkRuleSets.ipRules[0].ipMask": "must be an IPv4 address or range such as "
                "192.0.2.0/24, not '192.0.2.1/24'"
            },
        ),
        (
            {
                "ipFilterRules": [
                    {"filterName": it, "action": "Accept", "ipMask": "192.0.2.1"} for it in ("a", "A")
                ]
            },
            {"properties.ipFilterRules[1].filterName": "'A' is the name of another rule"},
        ),
    ],
)
def test_wrong_settings(arm: Arm, properties: dict[str, Any], said: dict[str, str]) -> None:
    assert arm.refused(hub_id(), hub_body(**properties)) == said


def test_partitions_are_fixed(arm: Arm) -> None:
    arm.put(hub_id(), hub_body(**events(partitionCount=8)))
    said = arm.refused(hub_id(), hub_body(**events(partitionCount=16)))
    assert said == {f"{EVENTS}.partitionCount": "cannot change from 8 to 16 after creation"}
    arm.put(hub_id(), hub_body(comments="partitions stay"))
    assert arm.get(hub_id())["properties"]["eventHubEndpoints"]["events"]["partitionCount"] == 8


def test_identities(arm: Arm) -> None:
    name, principal = arm.identity()
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {name: {}}}
    made = arm.put(hub_id(), hub_body(identity=both))
    assert made["identity"]["userAssignedIdentities"][name]["principalId"] == principal
    own = made["identity"]["principalId"]
    assert arm.put(hub_id(), hub_body(identity=both))["identity"]["principalId"] == own
    assert "identity" not in arm.put(hub_id(), hub_body())


@pytest.mark.parametrize(
    ("identity", "where", "words"),
    [
        (
            {"type": "UserAssigned"},
            "identity.userAssignedIdentities",
            "is required for identity.type UserAssigned",
        ),
        (
            {"type": "SystemAssigned", "userAssignedIdentities": {"/u": {}}},
            "identity.type",
            "is SystemAssigned, but userAssignedIdentities are given",
        ),
        (
            {"type": "UserAssigned", "userAssignedIdentities": {"/u": {}}},
            "identity.userAssignedIdentities./u",
            "there is no such user-assigned identity",
        ),
    ],
)
def test_wrong_identities(arm: Arm, identity: dict[str, Any], where: str, words: str) -> None:
    assert arm.refused(hub_id(), hub_body(identity=identity))[where] == words


def test_a_role_may_go_to_a_user_assigned_identity(arm: Arm) -> None:
    _, principal = arm.identity()
    assignment = arm.grant("4fc6c259-987e-4a07-842e-c321cc9d413f", principal, GROUP)
    assert arm.get(assignment)["properties"]["principalId"] == principal


def test_consumer_groups(arm: Arm) -> None:
    arm.put(hub_id(), hub_body())
    groups = f"{hub_id()}/eventHubEndpoints/events/ConsumerGroups"
    made = arm.put(f"{groups}/watch", {"properties": {"name": "watch"}})
    assert made["properties"]["name"] == "watch"
    listed = arm.call("GET", groups, version="2023-06-30").body["value"]
    assert [it["name"] for it in listed] == ["watch"]
    assert arm.refused(f"{groups}/other", {"properties": {"name": "watch"}}) == {
        "properties.name": "must be the group's own name, other"
    }
    elsewhere = f"{hub_id()}/eventHubEndpoints/others/ConsumerGroups/watch"
    assert (
        "must be events" in arm.refused(elsewhere, {"properties": {"name": "watch"}})["eventHubEndpointName"]
    )
    for n in range(18):
        arm.put(f"{groups}/g{n}", {"properties": {"name": f"g{n}"}})
    assert list(arm.refused(f"{groups}/last", {"properties": {"name": "last"}})) == [
        "ConsumerGroupQuotaExceeded"
    ]
    arm.call("DELETE", hub_id())
    assert arm.call("GET", f"{groups}/watch").status == 404


def test_names_that_are_global_to_their_zone(arm: Arm) -> None:
    """Event Hubs and Service Bus namespaces share servicebus.windows.net."""
    body = {"location": LOCATION, "sku": {"name": "Standard"}}
    arm.put(f"{GROUP}/providers/Microsoft.EventHub/namespaces/shared-1", body)
    said = arm.refused(f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/Shared-1", body)
    assert list(said) == ["NameNotAvailable"]
