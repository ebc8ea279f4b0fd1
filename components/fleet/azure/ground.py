"""What every resource of a fleet needs to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.muster import Provider
from components.placing import on
from components.sources import Sources
from fleet import Fleet
from fleet.description import Group


@dataclass(frozen=True)
class Ground:
    """The description, the files that it names, and where its resources are made."""

    fleet: Fleet
    sources: Sources
    place: pulumi.Output[str]
    """Name of the resource group."""
    muster: Provider
    """It serves our own resources."""
    tags: Mapping[str, str]

    @property
    def groups(self) -> dict[str, Group]:
        """The groups that are on Azure."""
        return on("azure", self.fleet.groups)

    def named(self, part: str) -> str:
        """The name of a component: `coldchain-eu-1`."""
        return f"{self.fleet.name}-{part}"

    @property
    def opts(self) -> pulumi.ResourceOptions:
        """Options of a component."""
        return pulumi.ResourceOptions(providers=[self.muster])

    def after(self, awaited: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        """The same options for what must wait."""
        return pulumi.ResourceOptions(providers=[self.muster], depends_on=awaited)
