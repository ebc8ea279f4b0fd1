"""Automatic device management: what devices or modules that meet a condition are told.

Hub service API 2021-04-12, `Configuration`; "Automatic device and module management using the Azure portal"
and "Understand IoT Edge automatic deployments", learn.microsoft.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from fleet.constraints import LINE_CHARACTER, Between, Count, Doc, Text
from fleet.description.names import HubKey, ModuleId, TwinValue

Line = Text(LINE_CHARACTER + "{1,4096}", "query", "1 to 4096 characters on one line")
ContentPath = Annotated[
    str,
    Text(
        "properties[.]desired(?:[.][A-Za-z0-9_-]+)*",
        "path of desired properties",
        "properties.desired, or a path below it such as properties.desired.cooling",
    ),
]
MetricName = Annotated[str, Text("[A-Za-z0-9_-]{1,128}", "metric name", "1 to 128 letters, digits and _ -")]
LabelKey = Annotated[str, Text("[A-Za-z0-9_-]{1,128}", "label", "1 to 128 letters, digits and _ -")]
LabelText = Annotated[str, Text(LINE_CHARACTER + "{1,512}", "label text", "1 to 512 characters on one line")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceContent:
    """Desired properties of devices."""

    KIND: ClassVar[str] = "device"

    twin: Annotated[
        Mapping[ContentPath, TwinValue],
        Count("path", 1),
        Doc("What is set, by its path: properties.desired, or a path below it."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleContent:
    """Desired properties of modules. The target begins with `from devices.modules where`."""

    KIND: ClassVar[str] = "module"

    twin: Annotated[
        Mapping[ContentPath, TwinValue],
        Count("path", 1),
        Doc("What is set, by its path: properties.desired, or a path below it."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeContent:
    """An IoT Edge deployment: what runs on IoT Edge devices."""

    KIND: ClassVar[str] = "edge"

    modules: Annotated[
        Mapping[ModuleId, Annotated[Mapping[ContentPath, TwinValue], Count("path", 1)]],
        Count("module", 1),
        Doc("What each module is told, by its path; $edgeAgent must be among them."),
    ]


Content = DeviceContent | ModuleContent | EdgeContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A configuration of the hubs: devices that meet its target are told its content."""

    hubs: Annotated[
        tuple[HubKey, ...], Count("hub", 1), Doc("The hubs that have it: keys of azure.hubs, none twice.")
    ]
    target: Annotated[
        str, Line, Doc("Which devices: a condition on twins such as tags.line = 'reefer', or * for all.")
    ]
    priority: Annotated[
        int,
        Between(0, 2_147_483_647),
        Doc("Which one wins where two target a device: the higher; of equals the newer."),
    ] = 0
    content: Annotated[Content, Doc("What they are told. It cannot be changed: a change is a replacement.")]
    metrics: Annotated[
        Mapping[MetricName, Annotated[str, Line]],
        Count("metric", 0, 5),
        Doc("Queries that tell how far the content has come, by name."),
    ] = field(default_factory=dict)
    labels: Annotated[Mapping[LabelKey, LabelText], Count("label"), Doc("Words to find it by.")] = field(
        default_factory=dict
    )
