"""The Device Provisioning Service, its rights on the hubs, and its links to them."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import authorization, deviceprovisioningservices

from components.azure import roles
from components.muster import HubLink

HUB_ROLES = {"registry": roles.IOT_HUB_REGISTRY_CONTRIBUTOR, "twins": roles.IOT_HUB_TWIN_CONTRIBUTOR}
"""Built-in roles that DPS gets on each hub: IoT Hub Registry Contributor (create, read, update and delete
device identities) and IoT Hub Twin Contributor (write the first twin, move it on reprovisioning). "Azure
built-in roles for Internet of Things", learn.microsoft.com.

Unknown: no published page names the roles for linking a hub by managed identity. What is published is what
a link by key needs, registry read, registry write and service connect ("Link and manage IoT hubs with
DPS"), and these two are the narrowest built-in roles that cover the registry and the twins. IoT Hub Data
Contributor would add sending commands and reading telemetry, which DPS has no business with."""


class HubTarget(TypedDict):
    """A hub to link."""

    key: str
    """Short name of the hub, for the names of the resources made for it."""
    hub_id: pulumi.Input[str]
    host: pulumi.Input[str]
    location: str
    standby: NotRequired[bool]
    """Whether devices come to it only when an enrollment names it, never by an allocation over all hubs."""


class ProvisioningServiceArgs(TypedDict):
    """Arguments of ProvisioningService."""

    resource_group_name: pulumi.Input[str]
    service_name: str
    """The name in Azure, the same nowhere else in the world."""
    location: str
    hubs: Sequence[HubTarget]
    protect: bool
    """Whether Pulumi refuses to delete the service, and with it every registration."""
    tags: Mapping[str, str]


class ProvisioningService(pulumi.ComponentResource):
    """DPS with hashed allocation, linked to its hubs by its own system-assigned identity: no key anywhere.

    API 2023-03-01-preview, the one that azure-native 3 speaks. It knows no link by identity, and writing
    the service through it drops the links; so the links are resources of the muster provider, written again
    whenever the service is. It has no switch for shared access keys either (`disableLocalAuth`): nobody is
    handed one here.
    """

    service_id: pulumi.Output[str]
    id_scope: pulumi.Output[str]
    service_host: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    """Whom to give roles to: the service's own identity."""
    etag: pulumi.Output[str | None]
    """It changes whenever the service is written anew."""

    def __init__(
        self, name: str, args: ProvisioningServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:ProvisioningService", name, {}, opts)
        service = self._service(name, args)
        self.service_id = service.id
        # A key among the service's properties makes all of them secret; these two are told to every device.
        self.id_scope = pulumi.Output.unsecret(service.properties.id_scope)
        self.service_host = pulumi.Output.unsecret(service.properties.service_operations_host_name)
        self.principal_id = service.identity.apply(lambda identity: identity.principal_id if identity else "")
        self.etag = service.etag
        for hub in args["hubs"]:
            rights = self._rights(f"{name}-{hub['key']}", args["service_name"], hub)
            self._link(f"{name}-{hub['key']}", hub, rights)
        self.register_outputs(
            {"serviceId": self.service_id, "idScope": self.id_scope, "serviceHost": self.service_host}
        )

    def _service(
        self, name: str, args: ProvisioningServiceArgs
    ) -> "deviceprovisioningservices.IotDpsResource":
        dps = deviceprovisioningservices
        return dps.IotDpsResource(
            f"{name}-service",
            resource_group_name=args["resource_group_name"],
            provisioning_service_name=args["service_name"],
            location=args["location"],
            sku=dps.IotDpsSkuInfoArgs(name="S1", capacity=1),
            identity=dps.ManagedServiceIdentityArgs(type="SystemAssigned"),
            properties=dps.IotDpsPropertiesDescriptionArgs(allocation_policy="Hashed"),
            tags=args["tags"],
            # The links are not this resource's: a refresh reads them into it, an update would drop them.
            opts=pulumi.ResourceOptions(
                parent=self, protect=args["protect"], ignore_changes=["properties.iotHubs"]
            ),
        )

    def _rights(self, name: str, service_name: str, hub: HubTarget) -> "list[authorization.RoleAssignment]":
        return [
            roles.assign(
                f"{name}-{what}",
                role,
                to=self.principal_id,
                on=hub["hub_id"],
                key=(service_name, hub["key"], what),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for what, role in HUB_ROLES.items()
        ]

    def _link(self, name: str, hub: HubTarget, rights: Sequence[pulumi.Resource]) -> HubLink:
        return HubLink(
            f"{name}-link",
            {
                "provisioning_service_id": self.service_id,
                "hub_host": hub["host"],
                "hub_location": hub["location"],
                "allocation_weight": 1,
                "apply_allocation_policy": not hub.get("standby", False),
                "service_revision": self.etag,
            },
            pulumi.ResourceOptions(parent=self, depends_on=rights),
        )
