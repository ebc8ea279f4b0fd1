"""An IoT hub that takes devices with certificates only."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
from pulumi_azure_native import iothub

_PARTITIONS = {"F1": 2}
"""Most partitions of the built-in endpoint in the free edition; fixed for the life of a hub."""

_USUAL_PARTITIONS = 4


class IotHubArgs(TypedDict):
    """Arguments of IotHub."""

    resource_group_name: pulumi.Input[str]
    hub_name: str
    """The name in Azure, the same nowhere else in the world."""
    location: str
    sku: str
    units: int
    protect: bool
    """Whether Pulumi refuses to delete the hub, and with it every device in it."""
    tags: Mapping[str, str]


class IotHub(pulumi.ComponentResource):
    """A hub with TLS 1.2 at least, and no shared access keys: not for services, devices or modules.

    API 2023-06-30 (`IotHubProperties.minTlsVersion`, `disableLocalAuth`, `disableDeviceSAS`,
    `disableModuleSAS`). Services sign in with Microsoft Entra ID, devices with X.509 certificates.
    """

    hub_id: pulumi.Output[str]
    host: pulumi.Output[str]

    def __init__(self, name: str, args: IotHubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:azure:IotHub", name, {}, opts)
        hub = self._hub(name, args)
        self.hub_id = hub.id
        # A key among the hub's properties makes all of them secret; the host's name is in public DNS.
        self.host = pulumi.Output.unsecret(hub.properties.host_name)
        self.register_outputs({"hubId": self.hub_id, "host": self.host})

    def _hub(self, name: str, args: IotHubArgs) -> iothub.IotHubResource:
        return iothub.IotHubResource(
            f"{name}-hub",
            resource_group_name=args["resource_group_name"],
            resource_name_=args["hub_name"],
            location=args["location"],
            sku=iothub.IotHubSkuInfoArgs(name=args["sku"], capacity=int(args["units"])),
            properties=_properties(args["sku"]),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, protect=args["protect"]),
        )


def _properties(sku: str) -> iothub.IotHubPropertiesArgs:
    events = iothub.EventHubPropertiesArgs(
        partition_count=_PARTITIONS.get(sku, _USUAL_PARTITIONS), retention_time_in_days=1
    )
    return iothub.IotHubPropertiesArgs(
        min_tls_version="1.2",
        disable_local_auth=True,
        disable_device_sas=True,
        disable_module_sas=True,
        event_hub_endpoints={"events": events},
    )
