"""The Device Provisioning Service, its rights on the hubs, and its links to them."""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypedDict

import pulumi
from pulumi_azure_native import authorization, deviceprovisioningservices

from components.muster import HubLink

HUB_ROLES = {
    "registry": "4ea46cd5-c1b2-4a8e-910b-273211f9ce47",
    "twins": "494bdba2-168f-4f31-a0a1-191d2f7c028c",
}
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

    def __init__(
        self, name: str, args: ProvisioningServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:ProvisioningService", name, {}, opts)
        service = self._service(name, args)
        self.service_id = service.id
        # A key among the service's properties makes all of them secret; these two are told to every device.
        self.id_scope = pulumi.Output.unsecret(service.properties.id_scope)
        self.service_host = pulumi.Output.unsecret(service.properties.service_operations_host_name)
        for hub in args["hubs"]:
            roles = self._roles(f"{name}-{hub['key']}", service, args["service_name"], hub)
            self._link(f"{name}-{hub['key']}", hub, service.etag, roles)
        self.register_outputs(
            {"serviceId": self.service_id, "idScope": self.id_scope, "serviceHost": self.service_host}
        )

    def _service(self, name: str, args: ProvisioningServiceArgs) -> deviceprovisioningservices.IotDpsResource:
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

    def _roles(
        self,
        name: str,
        service: deviceprovisioningservices.IotDpsResource,
        service_name: str,
        hub: HubTarget,
    ) -> list[authorization.RoleAssignment]:
        principal = service.identity.apply(lambda identity: identity.principal_id if identity else "")
        hub_id = pulumi.Output.from_input(hub["hub_id"])
        return [
            authorization.RoleAssignment(
                f"{name}-{role}",
                scope=hub_id,
                principal_id=principal,
                principal_type="ServicePrincipal",
                role_definition_id=hub_id.apply(partial(_definition, role_id)),
                role_assignment_name=assignment_name(service_name, hub["key"], role),
                # A new identity of the service takes the same assignment's name.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
            for role, role_id in HUB_ROLES.items()
        ]

    def _link(
        self,
        name: str,
        hub: HubTarget,
        revision: pulumi.Input[str | None],
        roles: Sequence[pulumi.Resource],
    ) -> HubLink:
        return HubLink(
            f"{name}-link",
            {
                "provisioning_service_id": self.service_id,
                "hub_host": hub["host"],
                "hub_location": hub["location"],
                "allocation_weight": 1,
                "service_revision": revision,
            },
            pulumi.ResourceOptions(parent=self, depends_on=roles),
        )


def assignment_name(service_name: str, hub_key: str, role: str) -> str:
    """The GUID that names a role assignment: the same for the same service, hub and role, so a retry finds
    it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"muster/{service_name}/{hub_key}/{role}"))


def _definition(role_id: str, scope: str) -> str:
    """The full id of a built-in role in the subscription that `scope` (an ARM id) is in, as ARM gives it
    back."""
    subscription = "/".join(scope.split("/")[:3])
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"
