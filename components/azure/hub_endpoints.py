"""Where a hub sends messages and files: what each kind of target needs in the hub's document and of roles.

API 2023-06-30 (`RoutingEndpoints`, `StorageEndpointProperties`), authentication `identityBased` with a
user-assigned identity: no connection string with a key anywhere. Roles: "IoT Hub support for managed
identities", learn.microsoft.com.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
from pulumi_azure_native import iothub

from components.azure import durations, roles

Kind = Literal["eventHub", "serviceBusQueue", "serviceBusTopic", "storage"]


class EndpointArgs(TypedDict):
    """A place that messages are routed to."""

    kind: Kind
    target_id: pulumi.Input[str]
    """ARM id of the event hub, queue, topic or blob container."""
    encoding: NotRequired[str]
    """Of blobs: avro, avroDeflate or json. This and what follows are for storage alone."""
    batch_seconds: NotRequired[int]
    batch_megabytes: NotRequired[int]
    file_names: NotRequired[str]


class FileUploadArgs(TypedDict):
    """Devices upload files to a blob container, by an address that the hub gives them for a while."""

    container_id: pulumi.Input[str]
    ttl_minutes: int
    notifications: bool


@dataclass(frozen=True)
class Target:
    """An existing target, taken apart: its id is all that is known of it."""

    subscription: str
    resource_group: str
    account: str
    """The namespace or storage account."""
    entity: str
    """The event hub, queue, topic or container."""


@dataclass(frozen=True)
class _Form:
    """How an endpoint of one kind is written, and which role its target asks of the hub."""

    list_name: str
    role: str
    host: str
    make: Callable[..., Any]


FORMS: Mapping[Kind, _Form] = {
    "eventHub": _Form(
        "event_hubs",
        roles.EVENT_HUBS_DATA_SENDER,
        "sb://{}.servicebus.windows.net",
        iothub.RoutingEventHubPropertiesArgs,
    ),
    "serviceBusQueue": _Form(
        "service_bus_queues",
        roles.SERVICE_BUS_DATA_SENDER,
        "sb://{}.servicebus.windows.net",
        iothub.RoutingServiceBusQueueEndpointPropertiesArgs,
    ),
    "serviceBusTopic": _Form(
        "service_bus_topics",
        roles.SERVICE_BUS_DATA_SENDER,
        "sb://{}.servicebus.windows.net",
        iothub.RoutingServiceBusTopicEndpointPropertiesArgs,
    ),
    "storage": _Form(
        "storage_containers",
        roles.STORAGE_BLOB_DATA_CONTRIBUTOR,
        "https://{}.blob.core.windows.net/",
        iothub.RoutingStorageContainerPropertiesArgs,
    ),
}


def target(arm_id: str) -> Target:
    """Take an ARM id apart: `/subscriptions/S/resourceGroups/G/providers/P/accounts/A/…/entities/E`."""
    parts = arm_id.split("/")
    return Target(parts[2], parts[4], parts[8], parts[-1])


def routing_endpoints(
    endpoints: Mapping[str, EndpointArgs], identity_id: pulumi.Input[str]
) -> "iothub.RoutingEndpointsArgs":
    """All endpoints of a hub, sorted into the lists of their kinds; the hub signs in by `identity_id`."""
    lists: dict[str, list[Any]] = {}
    for name, endpoint in endpoints.items():
        form = FORMS[endpoint["kind"]]
        lists.setdefault(form.list_name, []).append(_endpoint(name, endpoint, form, identity_id))
    return iothub.RoutingEndpointsArgs(**lists)


def _endpoint(name: str, endpoint: EndpointArgs, form: _Form, identity_id: pulumi.Input[str]) -> Any:  # noqa: ANN401  one of four classes
    where = pulumi.Output.from_input(endpoint["target_id"]).apply(target)
    entity = where.apply(lambda found: found.entity)
    return form.make(
        name=name,
        endpoint_uri=where.apply(lambda found: form.host.format(found.account)),
        subscription_id=where.apply(lambda found: found.subscription),
        resource_group=where.apply(lambda found: found.resource_group),
        authentication_type="identityBased",
        identity=iothub.ManagedIdentityArgs(user_assigned_identity=identity_id),
        **(_blobs(endpoint, entity) if endpoint["kind"] == "storage" else {"entity_path": entity}),
    )


def _blobs(endpoint: EndpointArgs, container: pulumi.Output[str]) -> dict[str, Any]:
    return {
        "container_name": container,
        "encoding": endpoint["encoding"],
        "batch_frequency_in_seconds": endpoint["batch_seconds"],
        "max_chunk_size_in_bytes": endpoint["batch_megabytes"] * 1024 * 1024,
        "file_name_format": endpoint["file_names"],
    }


def file_storage(
    upload: FileUploadArgs, identity_id: pulumi.Input[str]
) -> Mapping[str, iothub.StorageEndpointPropertiesArgs]:
    """The storage endpoint of file upload, by identity.

    The API requires a connection string besides; this one names the account and holds no key. Unknown: the
    page named above said (until its revision of 2023) that the address a device gets is still signed with the
    connection string's key, and later revisions are silent. We choose no key; should the service insist on
    one, devices get no address and the hub's log says so.
    """
    where = pulumi.Output.from_input(upload["container_id"]).apply(target)
    return {
        "$default": iothub.StorageEndpointPropertiesArgs(
            connection_string=where.apply(_without_key),
            container_name=where.apply(lambda found: found.entity),
            sas_ttl_as_iso8601=durations.iso(upload["ttl_minutes"]),
            authentication_type="identityBased",
            identity=iothub.ManagedIdentityArgs(user_assigned_identity=identity_id),
        )
    }


def _without_key(found: Target) -> str:
    return f"DefaultEndpointsProtocol=https;AccountName={found.account};EndpointSuffix=core.windows.net"


def roles_on_targets(
    endpoints: Mapping[str, EndpointArgs], upload: FileUploadArgs | None
) -> Sequence[tuple[str, str, pulumi.Input[str]]]:
    """Which role the hub's identity needs where: (what for, role, ARM id), each target once.

    Azure refuses a second assignment of one role to one identity on one resource.
    """
    needed = [(name, FORMS[each["kind"]].role, each["target_id"]) for name, each in endpoints.items()]
    if upload is not None:
        needed.append(("file-upload", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, upload["container_id"]))
    first = {_same(where): (what, role, where) for what, role, where in reversed(needed)}
    return list(reversed(first.values()))


def _same(target_id: pulumi.Input[str]) -> str | int:
    """What is equal for equal targets: those of one's own making are one output, handed round."""
    return target_id.lower() if isinstance(target_id, str) else id(target_id)
