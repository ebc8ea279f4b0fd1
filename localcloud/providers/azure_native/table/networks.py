"""Microsoft.Network: private endpoints and their DNS; networks as far as those need one.

Networks and subnets have their addresses here and little else; a private endpoint names its subnet by id.
"""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.azure.arm.written import TRACKED
from localcloud.providers.azure_native.entries import GROUP_NAME, GROUP_PATH, LOCATED, ResourceType, named

_API, _MODELS = "2024-05-01", "azure.mgmt.network"
_NETWORK = f"{GROUP_PATH}/providers/Microsoft.Network"
_ENDPOINT = f"{_NETWORK}/privateEndpoints/{{privateEndpointName}}"
_RULE = "letters, digits, . - _, a letter or digit first, a letter, digit or _ last"


def _name(longest: int) -> dict[str, str]:
    return {"pattern": f"[A-Za-z0-9]([\\w.-]{{0,{longest - 2}}}\\w)?", "rule": f"1 to {longest} {_RULE}"}


_VIRTUAL = f"{_NETWORK}/virtualNetworks/{{virtualNetworkName}}"
_VIRTUAL_NAMES = GROUP_NAME | {"virtualNetworkName": named(**_name(64))}
_ENDPOINT_NAMES = GROUP_NAME | {"privateEndpointName": named(**_name(64))}
_BY_ID = frozenset({"id"})

TYPES = (
    ResourceType(
        "azure-native:network:VirtualNetwork",
        _API,
        _VIRTUAL,
        _VIRTUAL_NAMES,
        Published(_MODELS, "VirtualNetwork"),
        fixed=LOCATED,
        narrowed={
            "": frozenset({"addressSpace", "location", "tags"}),
            "addressSpace": frozenset({"addressPrefixes"}),
        },
    ),
    ResourceType(
        "azure-native:network:Subnet",
        _API,
        f"{_VIRTUAL}/subnets/{{subnetName}}",
        _VIRTUAL_NAMES | {"subnetName": named(**_name(80))},
        Published(_MODELS, "Subnet"),
        narrowed={
            "": frozenset(
                {
                    "addressPrefix",
                    "addressPrefixes",
                    "defaultOutboundAccess",
                    "privateEndpointNetworkPolicies",
                    "privateLinkServiceNetworkPolicies",
                }
            )
        },
    ),
    ResourceType(
        "azure-native:network:PrivateEndpoint",
        _API,
        _ENDPOINT,
        _ENDPOINT_NAMES,
        Published(_MODELS, "PrivateEndpoint"),
        fixed=LOCATED | {"subnet"},
        absent=frozenset(
            {
                "billingSku",
                "ipVersionType",
                "privateLinkServiceConnections[].approvalReference",
                "manualPrivateLinkServiceConnections[].approvalReference",
            }
        ),
        narrowed={"subnet": _BY_ID},
    ),
    ResourceType(
        "azure-native:network:PrivateDnsZoneGroup",
        _API,
        f"{_ENDPOINT}/privateDnsZoneGroups/{{privateDnsZoneGroupName}}",
        _ENDPOINT_NAMES | {"privateDnsZoneGroupName": named(**_name(80))},
        Published(_MODELS, "PrivateDnsZoneGroup"),
    ),
    ResourceType(
        "azure-native:privatedns:PrivateZone",
        "2024-06-01",
        f"{_NETWORK}/privateDnsZones/{{privateZoneName}}",
        GROUP_NAME
        | {
            "privateZoneName": named(
                r"(?=.{1,253}$)([\w-]{1,63})(\.[\w-]{1,63})+", "a domain name of two labels or more"
            )
        },
        TRACKED,
        fixed=LOCATED,
    ),
)
