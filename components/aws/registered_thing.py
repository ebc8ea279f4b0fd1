"""One device that is known by its name and its certificate before it ever connects."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
from pulumi_aws import iot

from components.aws import policy
from components.aws.device_policy import DevicePolicy


class RegisteredThingArgs(TypedDict):
    """Arguments of RegisteredThing."""

    thing_name: str
    """Also what the device connects under: 1 to 128 of letters, digits, `:`, `_`, `-`."""
    thing_type: str
    """With one a thing can have 50 attributes, without three (AWS IoT Core endpoints and quotas)."""
    thing_group: str
    """The static group that it is in."""
    certificates: Sequence[str]
    """PEM, public: its own, and a second one while they are renewed."""
    attributes: Mapping[str, str]
    policy_name: str
    scope: policy.Scope
    permissions: policy.Permissions
    enabled: bool
    """Whether its certificates are active."""
    tags: Mapping[str, str]


class RegisteredThing(pulumi.ComponentResource):
    """A thing with its certificates, registered without a CA (RegisterCertificateWithoutCA, botocore iot
    2015-05-28): AWS takes them from any issuer, from devices that send the endpoint's name.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: RegisteredThingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:RegisteredThing", name, {}, opts)
        self._opts = pulumi.ResourceOptions(parent=self)
        thing = iot.Thing(
            f"{name}-thing",
            name=args["thing_name"],
            thing_type_name=args["thing_type"],
            attributes=args["attributes"] or None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
        )
        iot.ThingGroupMembership(
            f"{name}-member", thing_name=thing.name, thing_group_name=args["thing_group"], opts=self._opts
        )
        granted = DevicePolicy(
            name,
            {
                "policy_name": args["policy_name"],
                "scope": args["scope"],
                "permissions": args["permissions"],
                "tags": args["tags"],
            },
            self._opts,
        )
        for number, pem in enumerate(args["certificates"], 1):
            self._certificate(f"{name}-{number}", args, pem, thing, granted)
        self.arn = thing.arn
        self.register_outputs({"arn": self.arn})

    def _certificate(
        self, name: str, args: RegisteredThingArgs, pem: str, thing: iot.Thing, granted: DevicePolicy
    ) -> None:
        certificate = iot.Certificate(
            f"{name}-certificate", certificate_pem=pem, active=args["enabled"], opts=self._opts
        )
        iot.ThingPrincipalAttachment(
            f"{name}-principal", thing=thing.name, principal=certificate.arn, opts=self._opts
        )
        for index, each in enumerate(granted.names, 1):
            iot.PolicyAttachment(
                f"{name}-policy{index}", policy=each, target=certificate.arn, opts=self._opts
            )
