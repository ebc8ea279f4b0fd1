"""An IoT hub: what it takes in, from whom and from where, and where messages go."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import iothub, managedidentity

from components.azure import hub_network, hub_routing, roles
from components.azure.hub_network import NetworkArgs
from components.azure.hub_routing import RoutingArgs


class LocalAuthArgs(TypedDict):
    """What may sign in with a key. Nothing, unless there is a reason."""

    service: bool
    devices: bool
    modules: bool


class IotHubArgs(TypedDict):
    """Arguments of IotHub."""

    resource_group_name: pulumi.Input[str]
    hub_name: str
    """The name in Azure, the same nowhere else in the world."""
    location: str
    sku: str
    units: int
    partitions: int
    """Of the hub's own endpoint; fixed for the life of a hub."""
    retention_days: int
    minimum_tls: NotRequired[str]
    """The oldest version of TLS that clients may speak: 1.2."""
    local_auth: LocalAuthArgs
    network: NetworkArgs
    consumer_groups: Sequence[str]
    """Of the hub's own endpoint, beside $Default."""
    routing: RoutingArgs
    system_identity: NotRequired[bool]
    """Whether the hub has a system-assigned identity, as a Device Registry asks of the hubs linked to it."""
    protect: bool
    """Whether Pulumi refuses to delete the hub, and with it every device in it."""
    tags: Mapping[str, str]


class IotHub(pulumi.ComponentResource):
    """A hub with TLS 1.2 at least, and no shared access keys unless asked for.

    API 2023-06-30 (`minTlsVersion`, `disableLocalAuth`, `disableDeviceSAS`, `disableModuleSAS`). Services
    sign in with Microsoft Entra ID, devices with X.509 certificates. A hub that sends messages or files
    elsewhere does so by a managed identity of its own, made before it with its roles (docs/adr/0009).
    """

    hub_id: pulumi.Output[str]
    host: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    """Of the system-assigned identity; empty without one."""
    etag: pulumi.Output[str]
    """It changes whenever the hub is written anew."""

    def __init__(self, name: str, args: IotHubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:azure:IotHub", name, {}, opts)
        identity = self._identity(name, args)
        rights = self._rights(name, args, identity)
        hub = self._hub(name, args, identity, rights)
        self.hub_id = hub.id
        # A key among the hub's properties makes all of them secret; the host's name is in public DNS.
        self.host = pulumi.Output.unsecret(hub.properties.host_name)
        self.etag = pulumi.Output.unsecret(hub.etag.apply(lambda etag: etag or ""))
        self.principal_id = hub.identity.apply(lambda each: (each.principal_id if each else None) or "")
        self._consumer_groups(name, args, hub)
        self._private_endpoints(name, args)
        self.register_outputs({"hubId": self.hub_id, "host": self.host})

    def _identity(self, name: str, args: IotHubArgs) -> "managedidentity.UserAssignedIdentity | None":
        """The identity by which the hub signs in where it sends things; None when it sends nothing."""
        if not hub_routing.needed_roles(args["routing"]):
            return None
        return managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_group_name=args["resource_group_name"],
            resource_name_=f"{args['hub_name']}-identity",
            location=args["location"],
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _rights(
        self, name: str, args: IotHubArgs, identity: "managedidentity.UserAssignedIdentity | None"
    ) -> list[pulumi.Resource]:
        if identity is None:
            return []
        return [
            roles.assign(
                f"{name}/{what}-role",
                role,
                to=identity.principal_id,
                on=where,
                key=(args["hub_name"], "endpoints", what),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for what, role, where in hub_routing.needed_roles(args["routing"])
        ]

    def _hub(
        self,
        name: str,
        args: IotHubArgs,
        identity: "managedidentity.UserAssignedIdentity | None",
        rights: Sequence[pulumi.Resource],
    ) -> "iothub.IotHubResource":
        return iothub.IotHubResource(
            f"{name}-hub",
            resource_group_name=args["resource_group_name"],
            resource_name_=args["hub_name"],
            location=args["location"],
            sku=iothub.IotHubSkuInfoArgs(name=args["sku"], capacity=int(args["units"])),
            identity=_signs_in_as(identity, system=args.get("system_identity", False)),
            properties=_properties(args, identity),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, protect=args["protect"], depends_on=rights),
        )

    def _consumer_groups(self, name: str, args: IotHubArgs, hub: "iothub.IotHubResource") -> None:
        for group in args["consumer_groups"]:
            iothub.IotHubResourceEventHubConsumerGroup(
                f"{name}/{group}-consumers",
                resource_group_name=args["resource_group_name"],
                resource_name_=hub.name,
                event_hub_endpoint_name=hub_routing.BUILT_IN,
                name=group,
                properties=iothub.EventHubConsumerGroupNameArgs(name=group),
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _private_endpoints(self, name: str, args: IotHubArgs) -> None:
        address: hub_network.HubAddress = {
            "resource_group_name": args["resource_group_name"],
            "hub_name": args["hub_name"],
            "hub_id": self.hub_id,
            "location": args["location"],
            "tags": args["tags"],
        }
        hub_network.private_endpoints(name, args["network"], address, pulumi.ResourceOptions(parent=self))


def _signs_in_as(
    identity: "managedidentity.UserAssignedIdentity | None", *, system: bool
) -> "iothub.ArmIdentityArgs | None":
    kinds = iothub.ResourceIdentityType
    if identity is None:
        return iothub.ArmIdentityArgs(type=kinds.SYSTEM_ASSIGNED) if system else None
    kind = kinds.SYSTEM_ASSIGNED_USER_ASSIGNED if system else kinds.USER_ASSIGNED
    return iothub.ArmIdentityArgs(type=kind, user_assigned_identities=[identity.id])


def _properties(
    args: IotHubArgs, identity: "managedidentity.UserAssignedIdentity | None"
) -> "iothub.IotHubPropertiesArgs":
    events = iothub.EventHubPropertiesArgs(
        partition_count=args["partitions"], retention_time_in_days=args["retention_days"]
    )
    auth = args["local_auth"]
    identity_id = None if identity is None else identity.id
    return iothub.IotHubPropertiesArgs(
        min_tls_version=args.get("minimum_tls", "1.2"),
        disable_local_auth=not auth["service"],
        disable_device_sas=not auth["devices"],
        disable_module_sas=not auth["modules"],
        public_network_access=hub_network.public_access(args["network"]),
        network_rule_sets=hub_network.rule_sets(args["network"]),
        event_hub_endpoints={hub_routing.BUILT_IN: events},
        routing=hub_routing.messages(args["routing"], identity_id),
        **hub_routing.uploads(args["routing"], identity_id),
    )
