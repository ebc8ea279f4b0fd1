"""What every resource of a fleet on AWS needs to know."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import permissions
from components.aws import policy
from components.aws.place import Place
from components.sources import Sources
from fleet import Fleet
from fleet.description import Aws, Enrollment, Group, Manifest


@dataclass(frozen=True)
class Ground:
    """The description, the files that it names, and where its resources are made."""

    fleet: Fleet
    sources: Sources
    place: Place
    account: str
    aws: pulumi.ProviderResource
    """It is asked what there is."""
    others: tuple[pulumi.ProviderResource, ...]
    """They serve our own resources, and what `aws` has not."""
    tags: dict[str, str]

    @property
    def described(self) -> Aws:
        """What the description says of AWS."""
        return self.fleet.on_aws

    def named(self, part: str) -> str:
        """The name of a component: `coldchain-aws-registry`, so that those on Azure are called otherwise."""
        return f"{self.fleet.name}-aws-{part}"

    @property
    def opts(self) -> pulumi.ResourceOptions:
        """Options of a component."""
        return pulumi.ResourceOptions(providers=[self.aws, *self.others])

    def after(self, awaited: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        """The same options for what must wait."""
        return pulumi.ResourceOptions(providers=[self.aws, *self.others], depends_on=list(awaited))

    def scope(self, group: str) -> policy.Scope:
        """Where the policies of a group (or of a device that is one by itself) hold."""
        return permissions.scope(self.fleet, self.account, group)

    def permissions(self, key: str, part: Group | Enrollment | Manifest) -> policy.Permissions:
        """What devices may do, as the compiler takes it."""
        return permissions.permissions(self.fleet, key, part)
