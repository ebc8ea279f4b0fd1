"""Hubs, and the places that they send messages and files to."""

from collections.abc import Mapping

from components.azure.hub_endpoints import EndpointArgs, FileUploadArgs
from components.azure.hub_network import NetworkArgs
from components.azure.hub_routing import RoutingArgs
from components.azure.iot_hub import IotHub
from components.azure.routing_targets import EventHubArgs, RoutingTargets
from components.fleet.azure.ground import Ground
from fleet.description import (
    Endpoint,
    EventHub,
    FileUpload,
    Hub,
    Network,
    ServiceBusQueue,
    ServiceBusTopic,
    Storage,
)

Hubs = Mapping[str, IotHub]
"""The hubs of a fleet by their key."""


def declare(ground: Ground) -> Hubs:
    """Declare the hubs of a fleet, each ready to send where it is told to."""
    targets = _targets(ground)
    return {key: _hub(ground, key, hub, targets) for key, hub in ground.fleet.on_azure.hubs.items()}


def _hub(ground: Ground, key: str, hub: Hub, targets: RoutingTargets | None) -> IotHub:
    return IotHub(
        ground.named(key),
        {
            "resource_group_name": ground.place,
            "hub_name": hub.name,
            "location": hub.location,
            "sku": hub.sku,
            "units": hub.units,
            "partitions": hub.partitions,
            "retention_days": hub.retention_days,
            "minimum_tls": hub.minimum_tls,
            "local_auth": {
                "service": hub.local_auth.service,
                "devices": hub.local_auth.devices,
                "modules": hub.local_auth.modules,
            },
            "network": _network(hub.network),
            "consumer_groups": hub.consumer_groups,
            "routing": _routing(hub, targets),
            "system_identity": ground.fleet.on_azure.registry is not None,
            "protect": ground.fleet.protect,
            "tags": ground.tags,
        },
        ground.opts,
    )


def _network(network: Network) -> NetworkArgs:
    return {
        "public": network.public,
        "allow": network.allow,
        "private_endpoints": {
            name: {"subnet_id": each.subnet, "dns_zone_id": each.dns_zone}
            for name, each in network.private_endpoints.items()
        },
    }


def _routing(hub: Hub, targets: RoutingTargets | None) -> RoutingArgs:
    return {
        "endpoints": {name: _endpoint(name, each, targets) for name, each in hub.endpoints.items()},
        "routes": {
            name: {
                "source": route.source,
                "condition": route.condition,
                "endpoint": route.endpoint,
                "enabled": route.enabled,
            }
            for name, route in hub.routes.items()
        },
        "fallback": hub.fallback_route,
        "enrichments": {
            key: {"value": each.value, "endpoints": each.endpoints} for key, each in hub.enrichments.items()
        },
        "file_upload": None if hub.file_upload is None else _file_upload(hub.file_upload, targets),
    }


def _endpoint(name: str, endpoint: Endpoint, targets: RoutingTargets | None) -> EndpointArgs:
    """The endpoint at the target that exists, or at that of our own: of the same name, for all hubs alike."""
    match endpoint:
        case EventHub():
            return {"kind": "eventHub", "target_id": endpoint.existing or _own(targets).event_hub_ids[name]}
        case ServiceBusQueue():
            return {
                "kind": "serviceBusQueue",
                "target_id": endpoint.existing or _own(targets).queue_ids[name],
            }
        case ServiceBusTopic():
            return {
                "kind": "serviceBusTopic",
                "target_id": endpoint.existing or _own(targets).topic_ids[name],
            }
        case Storage():
            return {
                "kind": "storage",
                "target_id": endpoint.existing or _own(targets).container_ids[endpoint.container],
                "encoding": endpoint.encoding,
                "batch_seconds": endpoint.batch_seconds,
                "batch_megabytes": endpoint.batch_megabytes,
                "file_names": endpoint.file_names,
            }


def _file_upload(upload: FileUpload, targets: RoutingTargets | None) -> FileUploadArgs:
    return {
        "container_id": upload.existing or _own(targets).container_ids[upload.container],
        "ttl_minutes": upload.ttl_minutes,
        "notifications": upload.notifications,
    }


def _own(targets: RoutingTargets | None) -> RoutingTargets:
    """The targets of our own, which `_targets` declares for whatever names no existing one."""
    if targets is None:
        raise LookupError("an endpoint without a target of its own: no targets were declared")
    return targets


def _targets(ground: Ground) -> RoutingTargets | None:
    """Places of our own for endpoints that name no existing one; an endpoint's name is its place's, so that
    hubs which give theirs the same name fill one place."""
    azure = ground.fleet.on_azure
    own = {
        name: each for hub in azure.hubs.values() for name, each in hub.endpoints.items() if not each.existing
    }
    containers = _containers(ground, own)
    if not own and not containers:
        return None
    return RoutingTargets(
        ground.named("targets"),
        {
            "resource_group_name": ground.place,
            "location": azure.location,
            "event_hub_namespace": azure.event_hub_namespace,
            "event_hubs": {
                name: _event_hub(each) for name, each in own.items() if isinstance(each, EventHub)
            },
            "service_bus_namespace": azure.service_bus_namespace,
            "queues": [name for name, each in own.items() if isinstance(each, ServiceBusQueue)],
            "topics": [name for name, each in own.items() if isinstance(each, ServiceBusTopic)],
            "storage_account": azure.storage_account,
            "containers": containers,
            "protect": ground.fleet.protect,
            "tags": ground.tags,
        },
        ground.opts,
    )


def _event_hub(endpoint: EventHub) -> EventHubArgs:
    return {"partitions": endpoint.partitions, "retention_days": endpoint.retention_days}


def _containers(ground: Ground, own: Mapping[str, Endpoint]) -> list[str]:
    uploads = (hub.file_upload for hub in ground.fleet.on_azure.hubs.values())
    named = [each.container for each in own.values() if isinstance(each, Storage)]
    named += [upload.container for upload in uploads if upload is not None and not upload.existing]
    return list(dict.fromkeys(named))
