"""Types and groups of things: what the devices of a fleet are sorted by."""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

import pulumi
from pulumi_aws import iot
from pulumi_aws_native import TagArgs
from pulumi_aws_native import iot as native

BILLED: Final = "muster-billing-group"
"""The tag of a billing group that tells its costs from others' ("Billing groups", AWS IoT Core developer
guide)."""


class ThingRegistryArgs(TypedDict):
    """Arguments of ThingRegistry."""

    groups: Mapping[str, str]
    """What each thing type and the static group of the same name stand for, by that name: 1 to 128 of
    letters, digits, `:`, `_`, `-`."""
    dynamic_groups: NotRequired[Mapping[str, str]]
    """Queries of groups that the index fills, by their name; they need indexing (AccountWide)."""
    billing_groups: NotRequired[Mapping[str, str]]
    """What each billing group stands for, by its name. AWS tells costs by tags: each has one of its own."""
    tags: Mapping[str, str]


class ThingRegistry(pulumi.ComponentResource):
    """Thing types and groups. Dynamic groups are by aws-native, since pulumi_aws has none.

    A thing type cannot be renamed and lives on, deprecated, for five minutes after it was deleted
    (DeleteThingType, botocore iot 2015-05-28).
    """

    names: dict[str, pulumi.Output[str]]
    """Of types and groups, known when both are there."""

    def __init__(
        self, name: str, args: ThingRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:ThingRegistry", name, {}, opts)
        self.names = {each: self._kind(each, said, args) for each, said in args["groups"].items()}
        for each, query in args.get("dynamic_groups", {}).items():
            self._dynamic(each, query, args, opts)
        for each, said in args.get("billing_groups", {}).items():
            self._billing(each, said, args)
        self.register_outputs({"names": self.names})

    def _kind(self, name: str, said: str, args: ThingRegistryArgs) -> pulumi.Output[str]:
        kind = iot.ThingType(
            f"{name}-type",
            name=name,
            properties=iot.ThingTypePropertiesArgs(description=said),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        group = iot.ThingGroup(
            f"{name}-group",
            name=name,
            properties=iot.ThingGroupPropertiesArgs(description=said),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.all(kind.name, group.name).apply(lambda made: str(made[1]))

    def _dynamic(
        self, name: str, query: str, args: ThingRegistryArgs, opts: pulumi.ResourceOptions | None
    ) -> None:
        """AWS makes none before there is an index, so this waits for what the component waits for."""
        native.ThingGroup(
            f"{name}-dynamic",
            thing_group_name=name,
            query_string=query,
            tags=[TagArgs(key=key, value=value) for key, value in args["tags"].items()],
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
        )

    def _billing(self, name: str, said: str, args: ThingRegistryArgs) -> None:
        iot.BillingGroup(
            f"{name}-billing",
            name=name,
            properties=iot.BillingGroupPropertiesArgs(description=said),
            tags={**args["tags"], BILLED: name},
            opts=pulumi.ResourceOptions(parent=self),
        )
