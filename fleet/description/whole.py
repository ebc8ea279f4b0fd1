"""The fleet as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import Count, Derived, Doc
from fleet.description.azure import Azure
from fleet.description.configurations import Configuration
from fleet.description.devices import Device
from fleet.description.identity import Identity
from fleet.description.names import (
    ConfigurationId,
    DeviceId,
    FleetName,
    GroupId,
    ManifestName,
    RegistrationId,
)
from fleet.description.provisioning import Enrollment, Group, Manifest


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
        Mapping[GroupId, Group], Count("enrollment group"), Doc("The enrollment groups by their id in DPS.")
    ] = field(default_factory=dict)
    enrollments: Annotated[
        Mapping[RegistrationId, Enrollment],
        Count("enrollment"),
        Doc("Individual enrollments by the device's registration id. They go before groups."),
    ] = field(default_factory=dict)
    manifests: Annotated[
        Mapping[ManifestName, Manifest],
        Count("manifest"),
        Doc("Files of many individual enrollments, by a name that you choose."),
    ] = field(default_factory=dict)
    devices: Annotated[
        Mapping[DeviceId, Device],
        Count("device"),
        Doc("Devices that stand in a hub without being provisioned, by their id: gateways, their children."),
    ] = field(default_factory=dict)
    configurations: Annotated[
        Mapping[ConfigurationId, Configuration],
        Count("configuration"),
        Doc("Automatic device management and IoT Edge deployments, by their id."),
    ] = field(default_factory=dict)
    clouds: Annotated[
        tuple[Literal["azure"], ...], Count("cloud", 1), Doc("The clouds that the fleet is on.")
    ] = ("azure",)
