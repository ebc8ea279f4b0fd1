"""Roles that enrol devices, and what must be waited for: a role that may do nothing yet is refused by AWS
where it is looked at (a function with dead letters), or fails at the first device.

Which resources an action takes: "Actions, resources, and condition keys for AWS IoT" (Service Authorization
Reference).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.aws.place import Place
from components.aws.provisioning_template import Registered
from components.aws.service_role import IOT, ServiceRoleArgs, Statement, allow, document, service_role

_BILL = "iot:AddThingToBillingGroup"


@dataclass(frozen=True)
class ReadyRole:
    """A role, and the policy without which it may do nothing."""

    arn: pulumi.Output[str]
    rights: iam.RolePolicy


def ready_role(
    name: str, args: ServiceRoleArgs, statements: Sequence[Statement], opts: pulumi.ResourceOptions
) -> ReadyRole:
    """A role (`service_role`) that may do what the statements say, by the policy `{name}-rights`."""
    role = service_role(name, args, opts)
    rights = iam.RolePolicy(
        f"{name}-rights", name="rights", role=role.name, policy=document(statements), opts=opts
    )
    return ReadyRole(role.arn, rights)


def provisioning_role(
    name: str,
    place: Place,
    role_name: str,
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
    tags: Mapping[str, str],
) -> ReadyRole:
    """The role by which AWS IoT makes what a provisioning template says. Whose template it is cannot be asked
    for: AWS publishes `arn:…:iot:{region}:{account}:*` as the source ("Cross-service confused deputy
    prevention").
    """
    args: ServiceRoleArgs = {
        "place": place,
        "role_name": role_name,
        "service": IOT,
        "source": place.arn("iot", "*"),
        "description": "AWS IoT registers devices by a provisioning template.",
        "tags": tags,
    }
    return ready_role(name, args, statements, opts)


def registering(place: Place, registered: Registered) -> list[Statement]:
    """What whoever registers devices of a group may do.

    Which things and certificates they will be, nobody knows beforehand, and no condition key of AWS IoT tells
    a thing by its type or its group: so `thing/*` and `cert/*`. AttachThingPrincipal has no resource type at
    all. The policies that may be attached cannot be told either: AttachPolicy is about the target alone.
    """
    things, certificates = place.arn("iot", "thing/*"), place.arn("iot", "cert/*")
    group = place.arn("iot", f"thinggroup/{registered['thing_group']}")
    return [
        allow(["iot:DescribeThing", "iot:UpdateThing"], things),
        *creating(place, registered),
        allow(["iot:AddThingToThingGroup"], [things, group]),
        allow(["iot:AttachPolicy"], certificates),
        allow(["iot:AttachThingPrincipal"], "*"),
        allow(["iot:DescribeCertificate", "iot:UpdateCertificate"], certificates),
    ]


def creating(place: Place, registered: Registered) -> list[Statement]:
    """What whoever makes things of a group may do; a billing group is a resource of its own."""
    things = place.arn("iot", "thing/*")
    kind = place.arn("iot", f"thingtype/{registered['thing_type']}")
    if registered["billing_group"] is None:
        return [allow(["iot:CreateThing"], [things, kind])]
    billing = place.arn("iot", f"billinggroup/{registered['billing_group']}")
    return [allow(["iot:CreateThing"], [things, kind, billing]), allow([_BILL], [things, billing])]


def by_template(place: Place, registered: Registered) -> list[Statement]:
    """What AWS IoT itself may do for a template: as `registering`, and look at what it refers to."""
    things = place.arn("iot", "thing/*")
    group = place.arn("iot", f"thinggroup/{registered['thing_group']}")
    kind = place.arn("iot", f"thingtype/{registered['thing_type']}")
    return [
        *registering(place, registered),
        allow(["iot:DescribeThingGroup"], group),
        allow(["iot:DescribeThingType"], kind),
        allow(["iot:ListThingGroupsForThing", "iot:ListThingPrincipals"], things),
    ]


def awaited(opts: pulumi.ResourceOptions | None, *own: pulumi.Resource) -> list[pulumi.Resource]:
    """What a component's child awaits: `own`, and what the component was told to await, since the engine does
    not hand a component's dependencies (its types, groups and policies) down to its children.
    """
    told = opts.depends_on if opts else None
    if told is None:
        return list(own)
    if isinstance(told, pulumi.Resource):
        return [told, *own]
    if isinstance(told, Sequence):
        return [*(each for each in told if isinstance(each, pulumi.Resource)), *own]
    raise TypeError("a component awaits resources, not an output of them")
