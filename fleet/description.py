"""The fleet description: what a stack file may say, field by field.

These dataclasses are the one source: loading, the JSON Schema and docs/fleet.md follow their types and
constraints. A field is spelt in snake_case here and in camelCase in the file. Instances are complete: what
the file may leave out is filled in. Rules of Azure come from "Naming rules and restrictions for Azure
resources" and "IoT Hub quotas and throttling" (learn.microsoft.com) and from the DPS service API
2021-10-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fleet.constraints import Between, Count, Derived, Doc, Text, TwinDocument

FleetName = Annotated[
    str,
    Text(
        "[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "fleet name",
        "1 to 32 lower-case letters, digits and hyphens; a letter first, no hyphen last",
    ),
]
HubKey = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "hub key",
        "1 to 32 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
IssuerKey = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?",
        "issuer key",
        "1 to 60 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
GroupId = Annotated[
    str,
    Text(
        "[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?",
        "enrollment group id",
        "1 to 128 letters, digits and . _ - : with none of those four first or last",
    ),
]
HubName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9-]{1,48}[A-Za-z0-9]",
        "IoT hub name",
        "3 to 50 letters, digits and hyphens, no hyphen first or last",
    ),
]
ProvisioningServiceName = Annotated[
    str,
    Text(
        "[A-Za-z0-9][A-Za-z0-9-]{1,62}[A-Za-z0-9]",
        "provisioning service name",
        "3 to 64 letters, digits and hyphens, no hyphen first or last",
    ),
]
ResourceGroupName = Annotated[
    str,
    Text(
        "[A-Za-z0-9_()](?:[A-Za-z0-9_().-]{0,88}[A-Za-z0-9_()-])?",
        "resource group name",
        "1 to 90 letters, digits and . _ - ( ), no full stop last",
    ),
]
Location = Annotated[
    str,
    Text("[a-z]{2,30}[0-9]{0,2}", "Azure location", "a region's short name, such as westeurope or eastus2"),
]
ProjectPath = Annotated[
    str,
    Text(
        r"[^/\\\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]"
        r"(?:[^\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]{0,253}"
        r"[^\\\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff])?",
        "relative path",
        "a path relative to the project's root (the folder of Pulumi.yaml), with forward slashes",
    ),
]
TWIN_KEY = Text(
    r"[^\x00-\x20\x7f-\x9f.$]+",
    "twin property",
    "a key without control characters, space, full stop and dollar",
)
"""Keys of twin properties ("Understand and use device twins in IoT Hub", learn.microsoft.com)."""
TwinObject = Annotated[Mapping[str, Any], TwinDocument()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """An IoT hub."""

    name: Annotated[
        HubName,
        Doc("The hub's name in Azure, the same nowhere else in the world."),
        Derived("{fleet}-{stack}-{hub key}"),
    ]
    sku: Annotated[
        Literal["F1", "S1", "S2", "S3"],
        Doc("Edition of the hub. The basic tiers are left out: they have no device twins."),
    ] = "S1"
    units: Annotated[
        int, Between(1, 200), Doc("Provisioned units: F1 has 1, S1 and S2 up to 200, S3 up to 10.")
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """What the fleet has on Azure: one provisioning service and the hubs linked to it."""

    location: Annotated[
        Location,
        Doc("Azure region of every resource."),
        Derived(
            "azure-native:location of the stack",
            "no Azure location",
            "set azure-native:location beside muster:fleet in the stack's config",
        ),
    ]
    resource_group: Annotated[
        ResourceGroupName, Doc("The resource group that holds the resources."), Derived("{fleet}-{stack}")
    ]
    provisioning_service: Annotated[
        ProvisioningServiceName,
        Doc("The Device Provisioning Service's name in Azure, the same nowhere else in the world."),
        Derived("{fleet}-{stack}"),
    ]
    hubs: Annotated[
        Mapping[HubKey, Hub],
        Count("hub", 1, 50),
        Doc("The hubs by the short key that groups name. A provisioning service links at most 50."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """What a device's own certificate (the leaf) looks like."""

    days: Annotated[int, Between(1, 3650), Doc("How long a leaf is valid, in days.")] = 365
    renew_before_days: Annotated[
        int,
        Between(0, 3649),
        Doc("How many days before its end a leaf counts as due for renewal; less than `days`."),
    ] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where device identities come from: public certificates only, keys never stand here."""

    root: Annotated[ProjectPath, Doc("PEM file of the root certificate, relative to the project's root.")]
    issuers: Annotated[
        Mapping[IssuerKey, ProjectPath],
        Count("issuer", 1),
        Doc("The intermediate certificates (one a factory) by the key that groups name: their PEM files."),
    ]
    device: Annotated[DeviceProfile, Doc("The devices' own certificates.")] = DeviceProfile()


@dataclass(frozen=True, slots=True, kw_only=True)
class X509:
    """Devices prove themselves with a certificate that a known intermediate signed."""

    issuer: Annotated[IssuerKey, Doc("The issuer that signs the group's devices: a key of identity.issuers.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """How devices of a group prove who they are."""

    x509: Annotated[X509, Doc("By an X.509 certificate.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which hub a device of the group is registered in."""

    hubs: Annotated[
        tuple[HubKey, ...], Count("hub", 1), Doc("The hubs to choose from: keys of azure.hubs, none twice.")
    ]
    policy: Annotated[
        Literal["hashed"], Doc("How one is chosen. hashed: evenly, by a hash of the registration id.")
    ] = "hashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """What a device's twin holds when the device is provisioned for the first time."""

    tags: Annotated[TwinObject, Doc("Tags: for the service side, unseen by devices; at most 8 KB.")] = field(
        default_factory=dict
    )
    desired: Annotated[TwinObject, Doc("Desired properties: what devices are told; at most 32 KB.")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An enrollment group: devices of one issuer that are provisioned alike."""

    attestation: Annotated[Attestation, Doc("How the group's devices prove who they are.")]
    allocation: Annotated[Allocation, Doc("Which hub a device comes to.")]
    reprovision: Annotated[
        Literal["keep", "migrate", "reset"],
        Doc(
            "When a device is provisioned again. keep: it stays in its hub; migrate: it moves to the hub "
            "that allocation now picks, its twin moves along; reset: it moves and its twin starts anew."
        ),
    ] = "migrate"
    twin: Annotated[Twin, Doc("The first state of each device's twin.")] = Twin()
    enabled: Annotated[bool, Doc("Whether devices of the group may be provisioned.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A fleet of devices, and all that provisions it."""

    name: Annotated[FleetName, Doc("The fleet's name; names in Azure begin with it.")]
    protect: Annotated[
        bool,
        Doc("Whether Pulumi refuses to delete hubs and the provisioning service."),
        Derived("false in the stacks local and dev, else true"),
    ]
    azure: Annotated[Azure, Doc("What the fleet has on Azure.")]
    identity: Annotated[Identity, Doc("The certificates that device identities come from.")]
    groups: Annotated[
        Mapping[GroupId, Group],
        Count("enrollment group", 1),
        Doc("The enrollment groups by their id in DPS."),
    ]
    clouds: Annotated[
        tuple[Literal["azure"], ...], Count("cloud", 1), Doc("The clouds that the fleet is on.")
    ] = ("azure",)


LATER_KEYS: Mapping[type, frozenset[str]] = {
    Fleet: frozenset({"aws", "rules", "releases", "access", "devices", "manifests", "policies"}),
    Azure: frozenset({"routes", "endpoints", "configurations", "network", "diagnostics"}),
    Hub: frozenset({"location", "routes", "endpoints", "partitions", "retentionDays", "fileUpload"}),
    DeviceProfile: frozenset({"key"}),
    Attestation: frozenset({"symmetricKey", "tpm", "individual", "caReference"}),
    Allocation: frozenset({"webhook", "weights"}),
    Group: frozenset({"permissions", "payload", "capabilities"}),
}
"""Keys that later versions bring: refused now, but not as if they were slips of the pen."""

LATER_CHOICES: frozenset[str] = frozenset({"aws", "geoLatency", "static", "custom"})
"""The same for values."""
