"""Places of our own that hubs send messages and files to: event hubs, queues, topics, blob containers."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import eventhub, servicebus, storage


class EventHubArgs(TypedDict):
    """An event hub."""

    partitions: int
    retention_days: int


class RoutingTargetsArgs(TypedDict):
    """Arguments of RoutingTargets. What is empty is not made, nor is the namespace or account around it."""

    resource_group_name: pulumi.Input[str]
    location: str
    event_hub_namespace: str
    event_hubs: Mapping[str, EventHubArgs]
    """By the event hub's name."""
    service_bus_namespace: str
    queues: Sequence[str]
    topics: Sequence[str]
    storage_account: str
    containers: Sequence[str]
    protect: NotRequired[bool]
    """Whether Pulumi refuses to delete the storage account, and with it everything that was uploaded."""
    tags: Mapping[str, str]


class RoutingTargets(pulumi.ComponentResource):
    """One Event Hubs namespace, one Service Bus namespace and one storage account, as far as they are needed.

    None of them takes keys (`disableLocalAuth`, `allowSharedKeyAccess: false`), all speak TLS 1.2 at least,
    and no blob is public. Event Hubs and Storage API 2024-01-01, Service Bus API 2026-01-01.
    """

    event_hub_ids: dict[str, pulumi.Output[str]]
    queue_ids: dict[str, pulumi.Output[str]]
    topic_ids: dict[str, pulumi.Output[str]]
    container_ids: dict[str, pulumi.Output[str]]
    account_id: pulumi.Output[str] | None
    """The storage account, when there is one."""

    def __init__(
        self, name: str, args: RoutingTargetsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:RoutingTargets", name, {}, opts)
        self.account_id = None
        self.event_hub_ids = self._event_hubs(name, args) if args["event_hubs"] else {}
        self.queue_ids, self.topic_ids = {}, {}
        if args["queues"] or args["topics"]:
            self._service_bus(name, args)
        self.container_ids = self._containers(name, args) if args["containers"] else {}
        self.register_outputs({"eventHubs": self.event_hub_ids, "containers": self.container_ids})

    def _event_hubs(self, name: str, args: RoutingTargetsArgs) -> dict[str, pulumi.Output[str]]:
        namespace = eventhub.Namespace(
            f"{name}-events",
            resource_group_name=args["resource_group_name"],
            namespace_name=args["event_hub_namespace"],
            location=args["location"],
            sku=eventhub.SkuArgs(name="Standard", tier="Standard", capacity=1),
            disable_local_auth=True,
            minimum_tls_version="1.2",
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return {
            key: eventhub.EventHub(
                f"{name}-{key}-events",
                resource_group_name=args["resource_group_name"],
                namespace_name=namespace.name,
                event_hub_name=key,
                partition_count=each["partitions"],
                message_retention_in_days=each["retention_days"],
                opts=pulumi.ResourceOptions(parent=self),
            ).id
            for key, each in args["event_hubs"].items()
        }

    def _service_bus(self, name: str, args: RoutingTargetsArgs) -> None:
        namespace = servicebus.Namespace(
            f"{name}-queues",
            resource_group_name=args["resource_group_name"],
            namespace_name=args["service_bus_namespace"],
            location=args["location"],
            sku=servicebus.SBSkuArgs(
                name=servicebus.SkuName.STANDARD, tier=servicebus.SkuTier.STANDARD
            ),  # topics need Standard
            disable_local_auth=True,
            minimum_tls_version="1.2",
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        for key in args["queues"]:
            self.queue_ids[key] = servicebus.Queue(
                f"{name}-{key}-queue",
                resource_group_name=args["resource_group_name"],
                namespace_name=namespace.name,
                queue_name=key,
                opts=pulumi.ResourceOptions(parent=self),
            ).id
        for key in args["topics"]:
            self.topic_ids[key] = servicebus.Topic(
                f"{name}-{key}-topic",
                resource_group_name=args["resource_group_name"],
                namespace_name=namespace.name,
                topic_name=key,
                opts=pulumi.ResourceOptions(parent=self),
            ).id

    def _containers(self, name: str, args: RoutingTargetsArgs) -> dict[str, pulumi.Output[str]]:
        account = storage_account(
            f"{name}-storage",
            {
                "resource_group_name": args["resource_group_name"],
                "account_name": args["storage_account"],
                "location": args["location"],
                "tags": args["tags"],
            },
            pulumi.ResourceOptions(parent=self, protect=args.get("protect")),
        )
        self.account_id = account.id
        return {
            key: storage.BlobContainer(
                f"{name}-{key}-blobs",
                resource_group_name=args["resource_group_name"],
                account_name=account.name,
                container_name=key,
                public_access=storage.PublicAccess.NONE,
                opts=pulumi.ResourceOptions(parent=self, protect=args.get("protect")),
            ).id
            for key in args["containers"]
        }


class StorageAccountArgs(TypedDict):
    """A storage account of our own."""

    resource_group_name: pulumi.Input[str]
    account_name: str
    location: str
    keys: NotRequired[bool]
    """Whether the account takes keys. Only where there is no other way."""
    tags: Mapping[str, str]


def storage_account(
    name: str, args: StorageAccountArgs, opts: pulumi.ResourceOptions
) -> "storage.StorageAccount":
    """A storage account without keys (unless asked for) and public blobs, over TLS 1.2 at least."""
    return storage.StorageAccount(
        name,
        resource_group_name=args["resource_group_name"],
        account_name=args["account_name"],
        location=args["location"],
        kind="StorageV2",
        sku=storage.SkuArgs(name="Standard_LRS"),
        allow_blob_public_access=False,
        allow_shared_key_access=args.get("keys", False),
        allow_cross_tenant_replication=False,
        default_to_o_auth_authentication=True,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        tags=args["tags"],
        opts=opts,
    )
