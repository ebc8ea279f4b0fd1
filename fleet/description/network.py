"""Who may reach a hub, and how: addresses, private endpoints, TLS, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fleet.constraints import Count, Doc, Text
from fleet.description.arm import DnsZoneId, SubnetId

RuleName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9 ._-]{0,126}[A-Za-z0-9]|[A-Za-z0-9]",
        "network rule name",
        "1 to 128 letters, digits, spaces and . _ - with a letter or digit first and last",
    ),
]
EndpointLabel = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "private endpoint name",
        "1 to 32 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
Cidr = Annotated[
    str,
    Text(
        rf"{_BYTE}(?:[.]{_BYTE}){{3}}(?:/(?:3[0-2]|[12]?[0-9]))?",
        "IPv4 range",
        "an IPv4 address, or a range such as 203.0.113.0/24",
    ),
]
"""Rules of a hub take IPv4 ranges only: "Use IP filters", learn.microsoft.com."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateEndpoint:
    """An address of the hub inside a virtual network of yours."""

    subnet: Annotated[SubnetId, Doc("The subnet that the address is taken from, by its id.")]
    dns_zone: Annotated[
        DnsZoneId | None,
        Doc("The private DNS zone that gets the hub's name, by its id. Without it, names are your business."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where the hub can be reached from."""

    public: Annotated[
        bool, Doc("Whether the hub can be reached from the internet. false needs private endpoints.")
    ] = True
    allow: Annotated[
        Mapping[RuleName, Cidr],
        Count("network rule", 0, 100),
        Doc("The only addresses that may reach it from there, by the rule's name; empty: all may."),
    ] = field(default_factory=dict)
    private_endpoints: Annotated[
        Mapping[EndpointLabel, PrivateEndpoint],
        Count("private endpoint"),
        Doc("Its addresses inside virtual networks, by a name that you choose."),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAuth:
    """What may sign in to a hub with a key (a SAS token) rather than a certificate or Microsoft Entra ID.

    Hub API 2023-06-30: `disableLocalAuth`, `disableDeviceSAS`, `disableModuleSAS`.
    """

    service: Annotated[bool, Doc("Services, with the hub's shared access policies.")] = False
    devices: Annotated[
        bool,
        Doc(
            "Devices, with keys of their own. Devices attested by symmetric key or TPM have no other way in."
        ),
    ] = False
    modules: Annotated[bool, Doc("Modules, with keys of their own.")] = False
