"""What the fleet has on Azure: the provisioning service, the hubs, and what watches and serves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import Between, Count, Derived, Doc, NotWith
from fleet.description.arm import WorkspaceId
from fleet.description.hub import Hub
from fleet.description.names import (
    Email,
    FunctionAppName,
    HubKey,
    Location,
    MessagingNamespaceName,
    PolicyName,
    ProjectPath,
    ProvisioningServiceName,
    RegistryNamespaceName,
    ResourceGroupName,
    StorageAccountName,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Logs of hubs and provisioning service, kept in a Log Analytics workspace."""

    enabled: Annotated[
        bool, Doc("Whether logs are kept."), Derived("false in the stacks local and dev, else true")
    ]
    existing: Annotated[
        WorkspaceId | None, Doc("A workspace that exists, by its id. Without it Muster makes one.")
    ] = None
    days: Annotated[
        int, Between(30, 730), NotWith("existing"), Doc("How many days the workspace keeps logs.")
    ] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFailures:
    """Who is told when devices fail to connect."""

    threshold: Annotated[
        int, Between(1, 1_000_000), Doc("More failed connections of a hub than this within the window.")
    ] = 100
    window_minutes: Annotated[
        int,
        Between(5, 1440, among=(5, 15, 30, 60, 360, 1440)),
        Doc("How long the window is, in minutes."),
    ] = 15
    emails: Annotated[
        tuple[Email, ...], Count("e-mail address", 1, 100), Doc("Addresses that get a message.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What somebody is told of. Alerts read the logs, so diagnostics must be on."""

    connection_failures: Annotated[
        ConnectionFailures | None, Doc("Devices fail to connect. Without it nobody is told.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePolicy:
    """What certificates a registry issues to devices: of ECC keys, by an intermediate of its own."""

    days: Annotated[int, Between(1, 90), Doc("How long a certificate is valid, in days.")] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """An Azure Device Registry namespace, which issues certificates to devices that send a CSR.

    A namespace has one credential, and that one policy: "Certificate revocation and policy management
    concepts (preview)", learn.microsoft.com.
    """

    namespace: Annotated[
        RegistryNamespaceName, Doc("The namespace's name in Azure."), Derived("{fleet}-{stack}")
    ]
    policies: Annotated[
        Mapping[PolicyName, CertificatePolicy],
        Count("certificate policy", 1, 1),
        Doc("Its certificate policy, by the name that `certificates` of a group or an enrollment gives."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionApp:
    """A function app with the functions that custom allocation asks which hub a device comes to."""

    folder: Annotated[
        ProjectPath,
        Doc("Folder of the functions (Python, programming model v2), relative to the project's root."),
    ]
    name: Annotated[
        FunctionAppName,
        Doc("The app's name in Azure, the same nowhere else in the world."),
        Derived("{fleet}-{stack}-functions"),
    ]


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
    provisioning_api: Annotated[
        Literal["2021-10-01", "2026-11-01"],
        Doc("Version of the service API that enrollments are written with. Certificates need 2026-11-01."),
    ] = "2021-10-01"
    hubs: Annotated[
        Mapping[HubKey, Hub],
        Count("hub", 1, 50),
        Doc("The hubs by the short key that groups name. A provisioning service links at most 50."),
    ]
    storage_account: Annotated[
        StorageAccountName,
        Doc("Name of the storage account that Muster makes for endpoints, uploads and functions, if any."),
        Derived("{fleet}{stack}, shortened"),
    ]
    event_hub_namespace: Annotated[
        MessagingNamespaceName,
        Doc("Name of the Event Hubs namespace that Muster makes for endpoints, if any."),
        Derived("{fleet}-{stack}-events, shortened"),
    ]
    service_bus_namespace: Annotated[
        MessagingNamespaceName,
        Doc("Name of the Service Bus namespace that Muster makes for endpoints, if any."),
        Derived("{fleet}-{stack}-queues, shortened"),
    ]
    diagnostics: Annotated[Diagnostics, Doc("Logs of hubs and provisioning service."), Derived("see below")]
    alerts: Annotated[Alerts, Doc("What somebody is told of.")] = field(default_factory=Alerts)
    registry: Annotated[
        Registry | None,
        Doc("Azure Device Registry, which issues certificates to devices that send a CSR."),
    ] = None
    function_app: Annotated[
        FunctionApp | None, Doc("Functions for custom allocation, deployed by Muster.")
    ] = None
