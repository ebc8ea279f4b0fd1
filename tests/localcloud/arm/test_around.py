"""What stands around hubs: messaging, monitoring, networks, function apps."""

from typing import Any

import pytest

from .conftest import GROUP, LOCATION, Arm, hub_body, hub_id

EVENTS = f"{GROUP}/providers/Microsoft.EventHub/namespaces/events-1"
BUS = f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/bus-one"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/coldstore"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs-1"
SETTING = f"{hub_id()}/providers/Microsoft.Insights/diagnosticSettings/to-logs"
PEOPLE = f"{GROUP}/providers/Microsoft.Insights/actionGroups/people"
ALERT = f"{GROUP}/providers/Microsoft.Insights/metricAlerts/few"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/to-hub"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.azure-devices.net"
PLAN = f"{GROUP}/providers/Microsoft.Web/serverfarms/plan"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/allocator"


def located(**properties: Any) -> dict[str, Any]:
    return {"location": LOCATION, "properties": properties}


@pytest.mark.parametrize(
    ("sku", "body", "said"),
    [
        (
            "Basic",
            {"messageRetentionInDays": 2},
            {"messageRetentionInDays": "must be 1 to 1 in a Basic namespace, not 2"},
        ),
        (
            "Standard",
            {"messageRetentionInDays": 8},
            {"messageRetentionInDays": "must be 1 to 7 in a Standard namespace, not 8"},
        ),
        (
            "Standard",
            {"partitionCount": 33},
            {"partitionCount": "must be 1 to 32 in a Standard namespace, not 33"},
        ),
    ],
)
def test_event_hubs_by_their_namespace(
    arm: Arm, sku: str, body: dict[str, Any], said: dict[str, str]
) -> None:
    arm.put(EVENTS, {"location": LOCATION, "sku": {"name": sku}})
    found = arm.refused(f"{EVENTS}/eventhubs/telemetry", {"properties": body})
    assert found == {f"properties.{where}": words for where, words in said.items()}


def test_what_messaging_fixes_at_creation(arm: Arm) -> None:
    arm.put(EVENTS, {"location": LOCATION, "sku": {"name": "Standard"}})
    arm.put(BUS, {"location": LOCATION, "sku": {"name": "Standard"}})
    arm.put(f"{EVENTS}/eventhubs/telemetry", {"properties": {"partitionCount": 4}})
    arm.put(f"{BUS}/queues/alarms", {"properties": {"requiresSession": True}})
    assert arm.refused(f"{EVENTS}/eventhubs/telemetry", {"properties": {"partitionCount": 8}}) == {
        "properties.partitionCount": "cannot change from 4 to 8 after creation"
    }
    assert list(arm.refused(f"{BUS}/queues/alarms", {"properties": {"requiresSession": False}})) == [
        "properties.requiresSession"
    ]


def test_topics_need_more_than_basic(arm: Arm) -> None:
    arm.put(BUS, {"location": LOCATION, "sku": {"name": "Basic"}})
    assert "Standard or Premium" in arm.refused(f"{BUS}/topics/news", {"properties": {}})["properties"]


@pytest.fixture
def watched(arm: Arm) -> Arm:
    arm.put(hub_id(), hub_body())
    arm.put(WORKSPACE, located(retentionInDays=30))
    arm.put(PEOPLE, located(groupShortName="people", enabled=True))
    return arm


def test_logs_go_to_a_workspace(watched: Arm) -> None:
    logs = [{"category": "Connections", "enabled": True}, {"categoryGroup": "allLogs", "enabled": True}]
    body = {"properties": {"workspaceId": WORKSPACE, "logs": logs}}
    watched.put(SETTING, body)
    assert watched.get(SETTING)["properties"]["logs"] == logs
    watched.call("DELETE", hub_id())
    assert watched.call("GET", SETTING).status == 404


@pytest.mark.parametrize(
    ("properties", "where", "words"),
    [
        ({"logs": [{"category": "Connections", "enabled": True}]}, "properties", "must have a destination"),
        ({"workspaceId": WORKSPACE}, "properties", "must send logs or metrics"),
        ({"workspaceId": f"{WORKSPACE}x"}, "properties.workspaceId", "there is no Log Analytics workspace"),
        (
            {"workspaceId": WORKSPACE, "logs": [{"category": "Conections", "enabled": True}]},
            "properties.logs[0].category",
            "'Conections' is no log of Microsoft.Devices/IotHubs",
        ),
        (
            {"workspaceId": WORKSPACE, "logs": [{"enabled": True}]},
            "properties.logs[0]",
            "must have either category or categoryGroup",
        ),
        (
            {"workspaceId": WORKSPACE, "logs": [{"categoryGroup": "some", "enabled": True}]},
            "properties.logs[0].categoryGroup",
            "allLogs, audit",
        ),
        (
            {"workspaceId": WORKSPACE, "metrics": [{"category": "x", "enabled": True}]},
            "properties.metrics[0].category",
            "must be AllMetrics",
        ),
    ],
)
def test_wrong_diagnostic_settings(watched: Arm, properties: dict[str, Any], where: str, words: str) -> None:
    assert words in watched.refused(SETTING, {"properties": properties})[where]


def test_five_diagnostic_settings_at_most(watched: Arm) -> None:
    body = {
        "properties": {"workspaceId": WORKSPACE, "metrics": [{"category": "AllMetrics", "enabled": True}]}
    }
    for n in range(5):
        watched.put(f"{SETTING}-{n}", body)
    assert list(watched.refused(SETTING, body)) == ["DiagnosticSettingsLimitReached"]
    watched.put(f"{SETTING}-0", body)


def alert(**change: Any) -> dict[str, Any]:
    criterion = {
        "name": "few",
        "criterionType": "StaticThresholdCriterion",
        "metricName": "connectedDeviceCount",
        "operator": "LessThan",
        "threshold": 1,
        "timeAggregation": "Minimum",
    }
    kind = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
    usual = {
        "severity": 2,
        "enabled": True,
        "scopes": [hub_id()],
        "evaluationFrequency": "PT5M",
        "windowSize": "PT15M",
        "criteria": {"odata.type": kind, "allOf": [criterion | change.pop("criterion", {})]},
        "actions": [{"actionGroupId": PEOPLE}],
    }
    return {"location": "global", "properties": usual | change}


def test_an_alert_is_kept(watched: Arm) -> None:
    watched.put(ALERT, alert())
    assert watched.get(ALERT)["properties"]["autoMitigate"] is True


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        (alert(severity=5), "severity", "must be 0 to 4, not 5"),
        (alert(evaluationFrequency="PT2M"), "evaluationFrequency", "must be one of PT1M"),
        (alert(windowSize="PT1M"), "windowSize", "must be at least evaluationFrequency (PT5M), not PT1M"),
        (alert(scopes=["/nothing"]), "scopes[0]", "there is no /nothing"),
        (alert(scopes=[]), "scopes", "must name a resource"),
        (alert(actions=[{"actionGroupId": "/g"}]), "actions[0].actionGroupId", "there is no action group /g"),
        (
            alert(criteria={"odata.type": "x"}),
            "criteria.odata.type",
            "must be one of Microsoft.Azure.Monitor",
        ),
        (
            alert(criterion={"metricName": "connectedDevices"}),
            "criteria.allOf[0].metricName",
            "'connectedDevices' is no metric of Microsoft.Devices/IotHubs",
        ),
        (alert(criterion={"nope": 1}), "criteria.allOf[0].nope", "is no property of MetricCriteria"),
    ],
)
def test_wrong_alerts(watched: Arm, body: dict[str, Any], where: str, words: str) -> None:
    found = watched.refused(ALERT, body)
    assert words in found[f"properties.{where}"]


@pytest.mark.parametrize(
    ("properties", "where", "words"),
    [
        ({"enabled": True}, "properties.groupShortName", "is required"),
        ({"groupShortName": "x" * 13, "enabled": True}, "properties.groupShortName", "at most 12"),
        (
            {
                "groupShortName": "x",
                "enabled": True,
                "emailReceivers": [{"name": "a", "emailAddress": "nobody"}],
            },
            "properties.emailReceivers[0].emailAddress",
            "must be an e-mail address",
        ),
        (
            {
                "groupShortName": "x",
                "enabled": True,
                "emailReceivers": [
                    {"name": "a", "emailAddress": "a@b.c"},
                    {"name": "A", "emailAddress": "a@b.c"},
                ],
            },
            "properties",
            "has two receivers named a",
        ),
    ],
)
def test_wrong_action_groups(arm: Arm, properties: dict[str, Any], where: str, words: str) -> None:
    assert words in arm.refused(PEOPLE, located(**properties))[where]


def test_retention_of_logs(arm: Arm) -> None:
    said = arm.refused(WORKSPACE, located(retentionInDays=731))
    assert said == {"properties.retentionInDays": "must be 30 to 730 days, not 731"}


@pytest.fixture
def network(arm: Arm) -> Arm:
    arm.put(hub_id(), hub_body())
    arm.put(NETWORK, located(addressSpace={"addressPrefixes": ["10.0.0.0/16"]}))
    arm.put(f"{NETWORK}/subnets/devices", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    arm.put(ZONE, {"location": "global"})
    return arm


def endpoint(
    target: str = hub_id(), groups: tuple[str, ...] = ("iotHub",), subnet: str = "devices"
) -> dict[str, Any]:
    link = {"name": "hub", "properties": {"privateLinkServiceId": target, "groupIds": list(groups)}}
    return located(subnet={"id": f"{NETWORK}/subnets/{subnet}"}, privateLinkServiceConnections=[link])


def test_a_private_endpoint_is_shown_on_its_hub_and_goes_again(network: Arm) -> None:
    network.put(ENDPOINT, endpoint())
    configs = [{"name": "hub", "properties": {"privateDnsZoneId": ZONE}}]
    network.put(
        f"{ENDPOINT}/privateDnsZoneGroups/default", {"properties": {"privateDnsZoneConfigs": configs}}
    )
    network.put(hub_id(), hub_body(comments="written again"))
    shown = network.get(hub_id())["properties"]["privateEndpointConnections"]
    assert [it["properties"]["privateEndpoint"]["id"] for it in shown] == [ENDPOINT]
    network.call("DELETE", ENDPOINT)
    assert not network.get(hub_id())["properties"].get("privateEndpointConnections")
    assert network.call("GET", f"{ENDPOINT}/privateDnsZoneGroups/default").status == 404


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        (endpoint(subnet="other"), "subnet.id", "there is no subnet"),
        (
            endpoint("/nothing"),
            "privateLinkServiceConnections[0].properties.privateLinkServiceId",
            "there is no /nothing",
        ),
        (
            endpoint(groups=("namespace",)),
            "privateLinkServiceConnections[0].properties.groupIds",
            "must be one of a Microsoft.Devices/IotHubs: iotHub",
        ),
        (
            located(subnet={"id": f"{NETWORK}/subnets/devices"}),
            "privateLinkServiceConnections",
            "must have one connection",
        ),
    ],
)
def test_wrong_private_endpoints(network: Arm, body: dict[str, Any], where: str, words: str) -> None:
    assert words in network.refused(ENDPOINT, body)[f"properties.{where}"]


def test_wrong_networks(network: Arm) -> None:
    said = network.refused(f"{NETWORK}-2", located(addressSpace={"addressPrefixes": ["10.0.0.1/16"]}))
    assert "must be an address range" in said["properties.addressSpace.addressPrefixes[0]"]
    outside = network.refused(f"{NETWORK}/subnets/x", {"properties": {"addressPrefix": "10.1.0.0/24"}})
    assert outside == {"properties.addressPrefix": "10.1.0.0/24 is not within the network's 10.0.0.0/16"}
    configs = [{"name": "hub", "properties": {"privateDnsZoneId": "/z"}}]
    network.put(ENDPOINT, endpoint())
    group = f"{ENDPOINT}/privateDnsZoneGroups/default"
    found = network.refused(group, {"properties": {"privateDnsZoneConfigs": configs}})
    assert "there is no private DNS zone /z" in next(iter(found.values()))


def test_a_function_app_has_its_keys_for_life(arm: Arm) -> None:
    arm.put(PLAN, {"location": LOCATION, "kind": "linux", "sku": {"name": "Y1", "tier": "Dynamic"}})
    body = {"location": LOCATION, "kind": "functionapp,linux", "properties": {"serverFarmId": PLAN}}
    made = arm.put(SITE, body)
    assert made["properties"]["defaultHostName"] == "allocator.azurewebsites.net"
    keys = arm.call("POST", f"{SITE}/host/default/listkeys").body
    assert keys["functionKeys"]["default"] != keys["masterKey"]
    arm.put(SITE, body)
    assert arm.call("POST", f"{SITE}/host/default/listkeys").body == keys
    assert keys["masterKey"] not in str(arm.get(SITE))
    arm.call("DELETE", SITE)
    arm.put(SITE, body)
    assert arm.call("POST", f"{SITE}/host/default/listkeys").body != keys


def test_wrong_function_apps(arm: Arm) -> None:
    settings = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    said = arm.refused(SITE, located(serverFarmId=PLAN, siteConfig={"appSettings": settings}))
    assert said == {
        "properties.serverFarmId": f"there is no App Service plan {PLAN}",
        "properties.siteConfig.appSettings": "has A twice",
    }
    assert "is required" in arm.refused(PLAN, {"location": LOCATION})["sku.name"]


def test_storage_keys_and_public_containers(arm: Arm) -> None:
    body = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    arm.put(ACCOUNT, body)
    keys = arm.call("POST", f"{ACCOUNT}/listKeys").body["keys"]
    assert len({it["value"] for it in keys}) == 2
    container = f"{ACCOUNT}/blobServices/default/containers/files"
    said = arm.refused(container, {"properties": {"publicAccess": "Blob"}})
    assert said == {"properties.publicAccess": "needs allowBlobPublicAccess on the storage account"}
    arm.put(ACCOUNT, body | {"properties": {"allowBlobPublicAccess": True}})
    arm.put(container, {"properties": {"publicAccess": "Blob"}})
    assert arm.call("POST", f"{ACCOUNT}/listKeys").body["keys"] == keys
    said = arm.refused(ACCOUNT, body | {"kind": "BlobStorage"})
    assert said == {"kind": "cannot change from StorageV2 to BlobStorage"}
