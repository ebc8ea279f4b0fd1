"""The azure-mgmt clients, unmodified, against the local cloud's ARM."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.iothub import IotHubClient
from azure.mgmt.iothubprovisioningservices import IotDpsClient
from azure.mgmt.resource.resources import ResourceManagementClient

from .conftest import LOCATION, dps_model, grant, hub_body


def test_resource_group_lives_and_dies(groups: ResourceManagementClient) -> None:
    name = f"rg-{uuid4().hex[:8]}"
    assert not groups.resource_groups.check_existence(name)
    made = groups.resource_groups.create_or_update(name, {"location": LOCATION, "tags": {"a": "1"}})
    assert made.properties is not None
    assert (made.name, made.tags, made.properties.provisioning_state) == (name, {"a": "1"}, "Succeeded")
    assert groups.resource_groups.check_existence(name)
    assert name in [it.name for it in groups.resource_groups.list()]
    groups.resource_groups.update(name, {"tags": {"b": "2"}})
    assert groups.resource_groups.get(name).tags == {"a": "1", "b": "2"}
    groups.resource_groups.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        groups.resource_groups.get(name)


def test_hub_is_complete_and_listed(hubs: IotHubClient, hub: Any, group: str) -> None:
    found = hubs.iot_hub_resource.get(group, hub.name)
    assert found.properties.host_name == f"{hub.name}.azure-devices.net"
    assert found.properties.provisioning_state == "Succeeded"
    assert found.sku.tier == "Standard"
    assert found.properties.event_hub_endpoints["events"].partition_ids == ["0", "1", "2", "3"]
    assert [it.name for it in hubs.iot_hub_resource.list_by_resource_group(group)] == [hub.name]
    assert hub.name in [it.name for it in hubs.iot_hub_resource.list_by_subscription()]


def test_a_hubs_keys_are_only_listed(hubs: IotHubClient, hub: Any, group: str) -> None:
    rules = {it.key_name: it for it in hubs.iot_hub_resource.list_keys(group, hub.name)}
    assert set(rules) == {"iothubowner", "service", "device", "registryRead", "registryReadWrite"}
    one = hubs.iot_hub_resource.get_keys_for_key_name(group, hub.name, "service")
    assert one.primary_key == rules["service"].primary_key
    assert hubs.iot_hub_resource.get(group, hub.name).properties.authorization_policies is None


def test_stale_etag_of_a_hub_is_refused(hubs: IotHubClient, hub: Any, group: str) -> None:
    body = hub_body(minTlsVersion="1.2")
    new = hubs.iot_hub_resource.begin_create_or_update(group, hub.name, body, if_match=hub.etag).result()
    assert new.etag != hub.etag
    with pytest.raises(HttpResponseError) as refused:
        hubs.iot_hub_resource.begin_create_or_update(group, hub.name, body, if_match=hub.etag)
    assert refused.value.status_code == 412


def test_all_faults_of_a_hub_come_at_once(hubs: IotHubClient, group: str) -> None:
    body = {
        "sku": {"name": "S9", "capacity": "two"},
        "properties": {"minTlsVersion": 12, "bogus": 1, "routing": {"routes": [{"name": "a b"}]}},
        "Tags": {},
    }
    with pytest.raises(HttpResponseError) as refused:
        hubs.iot_hub_resource.begin_create_or_update(group, "x-", _as_bytes(body))
    message = str(refused.value)
    for where in ("name:", "location:", "sku.name:", "sku.capacity:", "properties.minTlsVersion:", "Tags:"):
        assert where in message
    assert "properties.bogus:" in message
    assert "properties.routing.routes[0].name:" in message
    assert "properties.routing.routes[0].endpointNames:" in message
    told = refused.value.error
    assert told is not None
    assert len(told.details) >= 9


def test_hub_names_are_global(
    hubs: IotHubClient, groups: ResourceManagementClient, hub: Any, group: str
) -> None:
    other = f"{group}-b"
    groups.resource_groups.create_or_update(other, {"location": LOCATION})
    with pytest.raises(ResourceExistsError, match="NameNotAvailable"):
        hubs.iot_hub_resource.begin_create_or_update(other, hub.name, hub_body())
    verdict = hubs.iot_hub_resource.check_name_availability({"name": hub.name})
    assert (verdict.name_available, verdict.reason) == (False, "AlreadyExists")
    assert hubs.iot_hub_resource.check_name_availability({"name": f"{hub.name}-b"}).name_available


def test_a_hub_keeps_its_place(hubs: IotHubClient, hub: Any, group: str) -> None:
    with pytest.raises(HttpResponseError, match="InvalidResourceLocation"):
        hubs.iot_hub_resource.begin_create_or_update(
            group, hub.name, {**hub_body(), "location": "northeurope"}
        )
    with pytest.raises(HttpResponseError, match="partitionCount"):
        hubs.iot_hub_resource.begin_create_or_update(
            group, hub.name, hub_body(eventHubEndpoints={"events": {"partitionCount": 8}})
        )


def test_tags_of_a_hub_change_alone(hubs: IotHubClient, hub: Any, group: str) -> None:
    new = hubs.iot_hub_resource.begin_update(group, hub.name, {"tags": {"line": "reefer"}}).result()
    assert new.tags == {"line": "reefer"}
    assert new.properties.host_name == hub.properties.host_name


def test_missing_group_and_missing_hub(hubs: IotHubClient, group: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        hubs.iot_hub_resource.begin_create_or_update("no-such-group", "some-hub", hub_body())
    with pytest.raises(HttpResponseError, match="ResourceNotFound"):
        hubs.iot_hub_resource.get(group, "some-hub")


def test_a_deleted_group_takes_all_with_it(
    groups: ResourceManagementClient, hubs: IotHubClient, services: IotDpsClient, linked: Any, group: str
) -> None:
    groups.resource_groups.begin_delete(group).result()
    assert linked.name not in [it.name for it in services.iot_dps_resource.list_by_subscription()]
    assert group not in [it.id.split("/")[4] for it in hubs.iot_hub_resource.list_by_subscription()]


def test_provisioning_service_is_complete(services: IotDpsClient, dps: Any, group: str) -> None:
    found = services.iot_dps_resource.get(dps.name, group)
    assert found.properties.service_operations_host_name == f"{dps.name}.azure-devices-provisioning.net"
    assert found.properties.device_provisioning_host_name == "global.azure-devices-provisioning.net"
    assert found.properties.id_scope is not None
    assert found.properties.id_scope.startswith("0ne")
    assert found.properties.state == "Active"
    assert found.identity is not None
    assert found.identity.principal_id
    assert [it.name for it in services.iot_dps_resource.list_by_resource_group(group)] == [dps.name]
    assert [it.key_name for it in services.iot_dps_resource.list_keys(dps.name, group)] == [
        "provisioningserviceowner"
    ]
    verdict = services.iot_dps_resource.check_provisioning_service_name_availability({"name": dps.name})
    assert verdict.name_available is False


def test_link_needs_the_role(services: IotDpsClient, hub: Any, dps: Any, group: str) -> None:
    link = {
        "hostName": hub.properties.host_name,
        "location": LOCATION,
        "authenticationType": "SystemAssigned",
    }
    with pytest.raises(HttpResponseError, match=r"lacks Microsoft\.Devices/IotHubs/devices/write"):
        services.iot_dps_resource.begin_create_or_update(group, dps.name, dps_model(iotHubs=[link]))
    with pytest.raises(HttpResponseError, match="there is no IoT hub"):
        services.iot_dps_resource.begin_create_or_update(
            group, dps.name, dps_model(iotHubs=[{**link, "hostName": "nowhere.azure-devices.net"}])
        )


def test_linked_hub_and_a_put_without_it(services: IotDpsClient, linked: Any, hub: Any, group: str) -> None:
    entry = linked.properties.iot_hubs[0]
    assert (entry.name, entry.allocation_weight, entry.apply_allocation_policy) == (
        hub.properties.host_name,
        1,
        True,
    )
    kept = linked.properties.id_scope, linked.identity.principal_id
    bare = services.iot_dps_resource.begin_create_or_update(group, linked.name, dps_model()).result()
    assert not bare.properties.iot_hubs
    assert bare.identity is not None
    assert (bare.properties.id_scope, bare.identity.principal_id) == kept


def test_link_by_key_checks_the_key_and_masks_it(
    services: IotDpsClient, hubs: IotHubClient, hub: Any, dps: Any, group: str
) -> None:
    key = hubs.iot_hub_resource.get_keys_for_key_name(group, hub.name, "iothubowner").primary_key
    text = f"HostName={hub.properties.host_name};SharedAccessKeyName=iothubowner;SharedAccessKey="
    good = dps_model(iotHubs=[{"connectionString": text + key, "location": LOCATION}])
    made = services.iot_dps_resource.begin_create_or_update(group, dps.name, good).result()
    assert made.properties.iot_hubs is not None
    assert made.properties.iot_hubs[0].connection_string == f"{text}****"
    again = dps_model(iotHubs=[{"connectionString": f"{text}****", "location": LOCATION}])
    assert services.iot_dps_resource.begin_create_or_update(group, dps.name, again).result()
    wrong = dps_model(iotHubs=[{"connectionString": f"{text}AAAA", "location": LOCATION}])
    with pytest.raises(HttpResponseError, match="is of no shared access policy"):
        services.iot_dps_resource.begin_create_or_update(group, dps.name, wrong)


def test_role_assignments(roles: AuthorizationManagementClient, hub: Any, dps: Any, group: str) -> None:
    made = grant(roles, hub.id, dps.identity.principal_id)
    assert made.scope == hub.id
    assert roles.role_assignments.get(hub.id, made.name).principal_id == dps.identity.principal_id
    listed = roles.role_assignments.list_for_scope(hub.id, filter="atScope()")
    assert [it.name for it in listed] == [made.name]
    of_group = roles.role_assignments.list_for_resource_group(group)
    assert [it.name for it in of_group] == [made.name]
    with pytest.raises(ResourceExistsError, match="RoleAssignmentExists"):
        grant(roles, hub.id, dps.identity.principal_id)
    with pytest.raises(HttpResponseError, match="PrincipalNotFound"):
        grant(roles, hub.id, str(uuid4()))
    roles.role_assignments.delete(hub.id, made.name)
    assert not list(roles.role_assignments.list_for_scope(hub.id))


def _as_bytes(body: dict[str, Any]) -> Any:
    """Raw JSON, so that the SDK's own serializer cannot drop what ARM must refuse."""
    return io.BytesIO(json.dumps(body).encode())
