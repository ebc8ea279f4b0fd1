"""Where a hub can be reached from: rules for addresses, private endpoints.

API 2023-06-30 (`publicNetworkAccess`, `networkRuleSets`); "IoT Hub support for virtual networks with Azure
Private Link", learn.microsoft.com: sub-resource `iotHub`.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import iothub, network


class PrivateEndpointArgs(TypedDict):
    """An address of the hub inside a virtual network."""

    subnet_id: pulumi.Input[str]
    dns_zone_id: NotRequired[pulumi.Input[str] | None]
    """The private DNS zone that gets the hub's name (privatelink.azure-devices.net)."""


class NetworkArgs(TypedDict):
    """Where the hub can be reached from."""

    public: bool
    """Whether it can be reached from the internet."""
    allow: Mapping[str, str]
    """The only IPv4 ranges that may reach it from there, by the rule's name; empty: all may."""
    private_endpoints: Mapping[str, PrivateEndpointArgs]


def public_access(args: NetworkArgs) -> str:
    """What `publicNetworkAccess` is."""
    return "Enabled" if args["public"] else "Disabled"


def rule_sets(args: NetworkArgs) -> "iothub.NetworkRuleSetPropertiesArgs | None":
    """The rules, which hold for the hub's own Event Hubs endpoint too; None: no address is refused."""
    if not args["allow"]:
        return None
    rules = [
        iothub.NetworkRuleSetIpRuleArgs(filter_name=name, ip_mask=mask, action="Allow")
        for name, mask in args["allow"].items()
    ]
    return iothub.NetworkRuleSetPropertiesArgs(
        apply_to_built_in_event_hub_endpoint=True, default_action="Deny", ip_rules=rules
    )


class HubAddress(TypedDict):
    """The hub that private endpoints are for, and where they are made."""

    resource_group_name: pulumi.Input[str]
    hub_name: str
    hub_id: pulumi.Input[str]
    location: str
    """The region of the virtual network."""
    tags: Mapping[str, str]


def private_endpoints(
    name: str, args: NetworkArgs, hub: HubAddress, opts: pulumi.ResourceOptions
) -> "list[network.PrivateEndpoint]":
    """An endpoint for each entry, with its group of DNS zones where one is named."""
    return [
        _private_endpoint(f"{name}/{label}", label, endpoint, hub, opts)
        for label, endpoint in args["private_endpoints"].items()
    ]


def _private_endpoint(
    name: str, label: str, args: PrivateEndpointArgs, hub: HubAddress, opts: pulumi.ResourceOptions
) -> "network.PrivateEndpoint":
    connection = network.PrivateLinkServiceConnectionArgs(
        name=f"{hub['hub_name']}-{label}", private_link_service_id=hub["hub_id"], group_ids=["iotHub"]
    )
    endpoint = network.PrivateEndpoint(
        f"{name}-endpoint",
        resource_group_name=hub["resource_group_name"],
        private_endpoint_name=f"{hub['hub_name']}-{label}",
        location=hub["location"],
        # As it is: SubnetArgs would add policies of the subnet, which is not ours to change.
        subnet={"id": args["subnet_id"]},
        private_link_service_connections=[connection],
        tags=hub["tags"],
        opts=opts,
    )
    zone = args.get("dns_zone_id")
    if zone is not None:
        network.PrivateDnsZoneGroup(
            f"{name}-dns",
            resource_group_name=hub["resource_group_name"],
            private_endpoint_name=endpoint.name,
            private_dns_zone_group_name="default",
            private_dns_zone_configs=[
                network.PrivateDnsZoneConfigArgs(name="iothub", private_dns_zone_id=zone)
            ],
            opts=opts,
        )
    return endpoint
