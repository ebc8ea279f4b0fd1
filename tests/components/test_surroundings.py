"""What stands around hubs: networks, logs and alerts, the Device Registry."""

from collections.abc import Callable
from typing import Any

from components.azure import roles
from fleet import Fleet

HUB = "azure-native:iothub:IotHubResource"
ROLE = "azure-native:authorization:RoleAssignment"
PLACE = "/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/net/providers"
SUBNET = f"{PLACE}/Microsoft.Network/virtualNetworks/plant/subnets/devices"
ZONE = f"{PLACE}/Microsoft.Network/privateDnsZones/privatelink.azure-devices.net"
WORKSPACE = f"{PLACE}/Microsoft.OperationalInsights/workspaces/watch"

Declare = Callable[..., Any]
Describe = Callable[..., Fleet]


def _azure(hub: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"hubs": {"eu-1": hub, "eu-2": {}}, **more}


def test_addresses_that_are_allowed_are_the_only_ones(declare: Declare, described: Describe) -> None:
    hub = {"network": {"allow": {"office": "203.0.113.0/24"}}}
    first, second = declare(described("dev", azure=_azure(hub))).of(HUB)
    assert first.inputs["properties"]["networkRuleSets"] == {
        "applyToBuiltInEventHubEndpoint": True,
        "defaultAction": "Deny",
        "ipRules": [{"filterName": "office", "ipMask": "203.0.113.0/24", "action": "Allow"}],
    }
    assert "networkRuleSets" not in second.inputs["properties"]
    assert second.inputs["properties"]["publicNetworkAccess"] == "Enabled"


def test_a_hub_off_the_internet_has_an_address_in_a_virtual_network(
    declare: Declare, described: Describe
) -> None:
    endpoints = {"plant": {"subnet": SUBNET, "dnsZone": ZONE}, "lab": {"subnet": SUBNET}}
    hub = {"network": {"public": False, "privateEndpoints": endpoints}}
    program = declare(described("dev", azure=_azure(hub)))
    assert program.of(HUB)[0].inputs["properties"]["publicNetworkAccess"] == "Disabled"
    lab, plant = program.of("azure-native:network:PrivateEndpoint")
    assert plant.inputs["subnet"] == lab.inputs["subnet"] == {"id": SUBNET}
    (connection,) = plant.inputs["privateLinkServiceConnections"]
    assert connection["groupIds"] == ["iotHub"]
    assert connection["privateLinkServiceId"].endswith("coldchain-eu-1-hub")
    group = program.one("azure-native:network:PrivateDnsZoneGroup").inputs
    assert group["privateEndpointName"] == plant.inputs["privateEndpointName"]
    assert group["privateDnsZoneConfigs"][0]["privateDnsZoneId"] == ZONE


def test_consumer_groups_and_size_of_the_hubs_own_endpoint(declare: Declare, described: Describe) -> None:
    hub = {"consumerGroups": ["analytics", "cold"], "partitions": 8, "retentionDays": 7}
    program = declare(described("dev", azure=_azure(hub)))
    groups = program.of("azure-native:iothub:IotHubResourceEventHubConsumerGroup")
    assert {group.inputs["name"] for group in groups} == {"analytics", "cold"}
    assert {group.inputs["eventHubEndpointName"] for group in groups} == {"events"}
    events = program.of(HUB)[0].inputs["properties"]["eventHubEndpoints"]["events"]
    assert events == {"partitionCount": 8, "retentionTimeInDays": 7}


def test_keys_open_a_hub_only_where_the_description_says_so(declare: Declare, described: Describe) -> None:
    hub = {"localAuth": {"devices": True, "modules": True}}
    first, second = (
        each.inputs["properties"] for each in declare(described("dev", azure=_azure(hub))).of(HUB)
    )
    names = ("disableLocalAuth", "disableDeviceSAS", "disableModuleSAS")
    assert [first[name] for name in names] == [True, False, False]
    assert [second[name] for name in names] == [True, True, True]


def test_logs_of_every_hub_and_the_service_are_kept_outside_local_and_dev(
    declare: Declare, described: Describe
) -> None:
    program = declare(described("prod"))
    workspace = program.one("azure-native:operationalinsights:Workspace").inputs
    assert workspace["retentionInDays"] == 30
    assert workspace["features"] == {"disableLocalAuth": True}
    settings = program.of("azure-native:monitor:DiagnosticSetting")
    assert len({setting.inputs["resourceUri"] for setting in settings}) == 3
    assert all(setting.inputs["logs"][0]["categoryGroup"] == "allLogs" for setting in settings)
    assert not program.of("azure-native:monitor:MetricAlert")


def test_a_workspace_that_exists_is_used(declare: Declare, described: Describe) -> None:
    azure = _azure({}, diagnostics={"existing": WORKSPACE})
    program = declare(described("prod", azure=azure))
    assert not program.of("azure-native:operationalinsights:Workspace")
    settings = program.of("azure-native:monitor:DiagnosticSetting")
    assert {setting.inputs["workspaceId"] for setting in settings} == {WORKSPACE}


def test_somebody_is_told_when_devices_fail_to_attest(declare: Declare, described: Describe) -> None:
    failures = {"threshold": 7, "windowMinutes": 60, "emails": ["a@example.com", "b@example.com"]}
    program = declare(described("prod", azure=_azure({}, alerts={"connectionFailures": failures})))
    group = program.one("azure-native:monitor:ActionGroup")
    assert [each["emailAddress"] for each in group.inputs["emailReceivers"]] == list(failures["emails"])  # type: ignore[call-overload]  # a list, above
    alert = program.one("azure-native:monitor:MetricAlert").inputs
    (criterion,) = alert["criteria"]["allOf"]
    assert (criterion["metricName"], criterion["threshold"]) == ("AttestationAttempts", 7)
    assert criterion["dimensions"][0]["operator"] == "Exclude"
    assert (alert["windowSize"], alert["evaluationFrequency"]) == ("PT1H", "PT30M")
    assert alert["scopes"][0].endswith("coldchain-dps-service")


def test_somebody_is_told_when_devices_fail_to_connect_to_a_hub(
    declare: Declare, described: Describe
) -> None:
    failures = {"threshold": 7, "windowMinutes": 15, "emails": ["a@example.com"]}
    program = declare(described("prod", azure=_azure({}, alerts={"connectionFailures": failures})))
    rules = [rule.inputs for rule in program.of("azure-native:monitor:ScheduledQueryRule")]
    assert len({tuple(rule["scopes"]) for rule in rules}) == len(program.of(HUB)) == len(rules)
    for rule in rules:
        (condition,) = rule["criteria"]["allOf"]
        assert 'Category == "Connections"' in condition["query"]
        assert (condition["threshold"], rule["windowSize"]) == (7, "PT15M")


def test_the_registry_and_what_it_serves_have_roles_on_each_other_before_they_are_linked(
    declare: Declare, described: Describe
) -> None:
    azure = _azure({}, provisioningApi="2026-11-01", registry={"policies": {"monthly": {"days": 14}}})
    program = declare(described("dev", azure=azure))
    policy = program.one("azure-native:deviceregistry:Policy").inputs["properties"]["certificate"]
    assert policy["leafCertificateConfiguration"] == {"validityPeriodInDays": 14}
    assert {hub.inputs["identity"]["type"] for hub in program.of(HUB)} == {"SystemAssigned"}
    service = program.one("muster:dps:RegistryLink")
    granted = {role.urn: role.inputs for role in program.of(ROLE)}
    assert [granted[urn]["principalId"] for urn in service.depends_on if urn in granted] == [
        "principal-of-dps"
    ]
    for link in program.of("muster:hub:RegistryLink"):
        assert service.urn in link.depends_on
        rights = [granted[urn] for urn in link.depends_on if urn in granted]
        ids = {(right["principalId"], right["roleDefinitionId"][-36:]) for right in rights}
        assert {
            ("principal-of-hub", roles.DEVICE_REGISTRY_CONTRIBUTOR),
            ("principal-of-namespace", roles.IOT_HUB_REGISTRY_CONTRIBUTOR),
            ("principal-of-namespace", roles.CONTRIBUTOR),
        } <= ids
        assert link.inputs["serviceRevision"].startswith("etag-of-coldchain-dev-eu-")
