"""An IoT hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import Between, Count, Derived, Doc
from fleet.description.names import HubKey, HubName, Location
from fleet.description.network import LocalAuth, Network
from fleet.description.routing import (
    ConsumerGroup,
    Endpoint,
    EndpointName,
    Enrichment,
    EnrichmentKey,
    FileUpload,
    Route,
    RouteName,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """An IoT hub."""

    name: Annotated[
        HubName,
        Doc("The hub's name in Azure, the same nowhere else in the world."),
        Derived("{fleet}-{stack}-{hub key}"),
    ]
    location: Annotated[Location, Doc("Azure region of the hub."), Derived("azure.location")]
    sku: Annotated[
        Literal["F1", "S1", "S2", "S3"],
        Doc("Edition of the hub. The basic tiers are left out: they have no device twins."),
    ] = "S1"
    units: Annotated[
        int, Between(1, 200), Doc("Provisioned units: F1 has 1, S1 and S2 up to 200, S3 up to 10.")
    ] = 1
    partitions: Annotated[
        int,
        Between(2, 32),
        Doc("How many readers of the hub's own endpoint can share the work, fixed for its life: F1 has 2."),
        Derived("2 for F1, else 4"),
    ]
    retention_days: Annotated[
        int, Between(1, 7), Doc("How many days the hub's own endpoint keeps messages: F1 has 1.")
    ] = 1
    standby_for: Annotated[
        HubKey | None,
        Doc(
            "The hub, in another location, that this one stands ready for. What is not said here is as it is "
            "there, but for name, location and network."
        ),
    ] = None
    local_auth: Annotated[LocalAuth, Doc("What may sign in with a key: nothing, by default.")] = field(
        default_factory=LocalAuth
    )
    minimum_tls: Annotated[Literal["1.2"], Doc("The oldest TLS version that clients may speak.")] = "1.2"
    network: Annotated[Network, Doc("Where the hub can be reached from.")] = field(default_factory=Network)
    consumer_groups: Annotated[
        tuple[ConsumerGroup, ...],
        Count("consumer group"),
        Doc("Consumer groups of the hub's own endpoint beside $Default: one for each reading service."),
    ] = ()
    endpoints: Annotated[
        Mapping[EndpointName, Endpoint],
        Count("endpoint", 0, 10),
        Doc(
            "Where messages can be routed to, by name. The hub signs in there by its managed identity. What "
            "Muster makes for a name is one for all hubs."
        ),
    ] = field(default_factory=dict)
    routes: Annotated[
        Mapping[RouteName, Route], Count("route", 0, 100), Doc("Which messages go where, by name.")
    ] = field(default_factory=dict)
    fallback_route: Annotated[
        bool, Doc("Whether device messages that no route takes go to the hub's own endpoint.")
    ] = True
    enrichments: Annotated[
        Mapping[EnrichmentKey, Enrichment],
        Count("enrichment", 0, 10),
        Doc("Properties that the hub adds to messages, by their key."),
    ] = field(default_factory=dict)
    file_upload: Annotated[FileUpload | None, Doc("Lets devices upload files. Without it they cannot.")] = (
        None
    )
