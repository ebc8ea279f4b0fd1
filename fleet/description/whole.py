"""The fleet as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fleet.constraints import Count, Derived, Doc, OnlyOn
from fleet.description.aws import Aws
from fleet.description.azure import Azure
from fleet.description.configurations import Configuration
from fleet.description.devices import Device
from fleet.description.identity import Identity
from fleet.description.names import (
    Clouds,
    ConfigurationId,
    DeviceId,
    FleetName,
    GroupId,
    ManifestName,
    RegistrationId,
    there,
)
from fleet.description.provisioning import Enrollment, Group, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A fleet of devices, and all that provisions it."""

    name: Annotated[FleetName, Doc("The fleet's name; names in the clouds begin with it.")]
    clouds: Annotated[Clouds, Doc("The clouds that the fleet is on.")] = ("azure",)
    protect: Annotated[
        bool,
        Doc("Whether Pulumi refuses to delete what devices or messages would be lost with, as hubs and CAs."),
        Derived("false in the stacks local and dev, else true"),
    ]
    azure: Annotated[Azure | None, Doc("What the fleet has on Azure."), OnlyOn("azure", needed=True)] = None
    aws: Annotated[Aws | None, Doc("What the fleet has on AWS."), OnlyOn("aws", needed=True)] = None
    identity: Annotated[Identity, Doc("The certificates that device identities come from.")]
    groups: Annotated[
        Mapping[GroupId, Group], Count("enrollment group"), Doc("The enrollment groups by their id.")
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
        OnlyOn("azure"),
    ] = field(default_factory=dict)
    configurations: Annotated[
        Mapping[ConfigurationId, Configuration],
        Count("configuration"),
        Doc("Automatic device management and IoT Edge deployments, by their id."),
        OnlyOn("azure"),
    ] = field(default_factory=dict)

    @property
    def on_azure(self) -> Azure:
        """What the fleet has on Azure. Raises LookupError when it is not there: ask `clouds` first."""
        return there(self.azure, "azure")

    @property
    def on_aws(self) -> Aws:
        """What the fleet has on AWS. Raises LookupError when it is not there: ask `clouds` first."""
        return there(self.aws, "aws")
