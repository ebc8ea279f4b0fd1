"""Where a hub's messages go: endpoints, routes, enrichments, file upload.

Limits: hub API 2023-06-30 (iothub.json) and "IoT Hub quotas and throttling", learn.microsoft.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fleet.constraints import LINE_CHARACTER, WORD_CHARACTER, Between, Count, Doc, NotWith, Text
from fleet.description.arm import ContainerId, EventHubId, QueueId, TopicId
from fleet.description.names import ContainerName

EndpointName = Annotated[
    str,
    Text(
        "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?",
        "endpoint name",
        "1 to 64 letters, digits and . _ - with a letter or digit first and last",
    ),
]
RouteName = Annotated[
    str,
    Text("[A-Za-z0-9._-]{1,64}", "route name", "1 to 64 letters, digits and . _ -"),
]
EnrichmentKey = Annotated[
    str,
    Text("[A-Za-z0-9._-]{1,64}", "enrichment key", "1 to 64 letters, digits and . _ -"),
]
EnrichmentValue = Annotated[
    str,
    Text(
        LINE_CHARACTER + "{1,256}",
        "enrichment value",
        "1 to 256 characters: plain text, $iothubname, or a path such as $twin.tags.line",
    ),
]
RouteCondition = Annotated[
    str,
    Text(LINE_CHARACTER + "{1,1024}", "routing query", "a condition of 1 to 1024 characters on one line"),
]
ConsumerGroup = Annotated[
    str,
    Text(
        "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,48}[A-Za-z0-9])?",
        "consumer group name",
        "1 to 50 letters, digits and . _ - with a letter or digit first and last",
    ),
]
FileNames = Annotated[
    str,
    Text(
        WORD_CHARACTER + "{1,256}",
        "form of blob names",
        "1 to 256 characters with {iothub}, {partition}, {YYYY}, {MM}, {DD}, {HH} and {mm}",
    ),
]
BUILT_IN_ENDPOINT = "events"
"""The name by which routes and enrichments mean the hub's own endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHub:
    """Messages go to an event hub."""

    existing: Annotated[
        EventHubId | None, Doc("One that exists, by its id. Without it Muster makes one.")
    ] = None
    partitions: Annotated[
        int,
        Between(1, 32),
        NotWith("existing"),
        Doc("How many readers can share the work, fixed for its life."),
    ] = 4
    retention_days: Annotated[
        int, Between(1, 7), NotWith("existing"), Doc("How many days it keeps messages.")
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBusQueue:
    """Messages go to a Service Bus queue, one without sessions and duplicate detection."""

    existing: Annotated[QueueId | None, Doc("One that exists, by its id. Without it Muster makes one.")] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBusTopic:
    """Messages go to a Service Bus topic, one without sessions and duplicate detection."""

    existing: Annotated[TopicId | None, Doc("One that exists, by its id. Without it Muster makes one.")] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Messages are written to blobs, many to a blob."""

    existing: Annotated[
        ContainerId | None, Doc("A container that exists, by its id. Without it Muster makes one.")
    ] = None
    container: Annotated[
        ContainerName, NotWith("existing"), Doc("The container in azure.storageAccount that Muster makes.")
    ] = "messages"
    encoding: Annotated[
        Literal["avro", "avroDeflate", "json"],
        Doc("How blobs are written; fixed once the endpoint exists."),
    ] = "avro"
    batch_seconds: Annotated[int, Between(60, 720), Doc("A blob is written at the latest after so long.")] = (
        300
    )
    batch_megabytes: Annotated[int, Between(10, 500), Doc("A blob is written at the latest when so big.")] = (
        300
    )
    file_names: Annotated[FileNames, Doc("How blobs are called: every part in braces once.")] = (
        "{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}"
    )


Endpoint = EventHub | ServiceBusQueue | ServiceBusTopic | Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which messages go to which endpoint."""

    source: Annotated[
        Literal[
            "DeviceMessages",
            "TwinChangeEvents",
            "DeviceLifecycleEvents",
            "DeviceJobLifecycleEvents",
            "DigitalTwinChangeEvents",
            "DeviceConnectionStateEvents",
        ],
        Doc("What is routed."),
    ] = "DeviceMessages"
    condition: Annotated[
        RouteCondition, Doc("The routing query that a message must meet; true: all of them do.")
    ] = "true"
    endpoint: Annotated[
        EndpointName, Doc("Where they go: a key of the hub's endpoints, or events for the hub's own.")
    ]
    enabled: Annotated[bool, Doc("Whether the route is in force.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """A property that the hub adds to messages."""

    value: Annotated[EnrichmentValue, Doc("Text, $iothubname, or a path into the twin: $twin.tags.line.")]
    endpoints: Annotated[
        tuple[EndpointName, ...],
        Count("endpoint", 1, 100),
        Doc("On the way to these endpoints: keys of the hub's endpoints, or events."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUpload:
    """Devices upload files to a blob container, by an address that the hub gives them for a while."""

    existing: Annotated[
        ContainerId | None, Doc("A container that exists, by its id. Without it Muster makes one.")
    ] = None
    container: Annotated[
        ContainerName, NotWith("existing"), Doc("The container in azure.storageAccount that Muster makes.")
    ] = "uploads"
    ttl_minutes: Annotated[int, Between(1, 1440), Doc("How long the address given to a device is good.")] = 60
    notifications: Annotated[bool, Doc("Whether services are told of each upload.")] = False
