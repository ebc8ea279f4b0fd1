"""The policies of a group's devices, or of one device, as `policy` compiles them."""

from collections.abc import Mapping
from typing import TypedDict

import pulumi
from pulumi_aws import iot

from components.aws import names, policy


class DevicePolicyArgs(TypedDict):
    """Arguments of DevicePolicy."""

    policy_name: str
    """Of the first policy: 1 to 128 of letters, digits, `_`, `+`, `=`, `,`, `.`, `@`, `-`."""
    scope: policy.Scope
    permissions: policy.Permissions
    tags: Mapping[str, str]


class DevicePolicy(pulumi.ComponentResource):
    """What devices may do, in three policies (`policy`); a certificate gets all of them.

    A change is a new version, which reaches the devices that are there, too, within minutes. AWS keeps five
    versions; the provider deletes the oldest to make room ("NOTE on policy versions", aws.iot.Policy). AWS
    deletes no policy that a certificate still has: the devices of a group go before the group does.
    """

    names: list[pulumi.Output[str]]

    def __init__(self, name: str, args: DevicePolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:DevicePolicy", name, {}, opts)
        parts = policy.compiled(args["scope"], args["permissions"])
        self.names = [self._policy(name, args, part, each) for part, each in parts.items()]
        self.register_outputs({"names": self.names})

    def _policy(
        self, name: str, args: DevicePolicyArgs, part: str, document: policy.Document
    ) -> pulumi.Output[str]:
        return iot.Policy(
            f"{name}-{part}",
            name=policy_names(args["policy_name"])[part],
            policy=policy.text_of(document),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        ).name


def policy_names(first: str) -> dict[str, str]:
    """The names of the policies by their part: that of the first is also the group's."""
    others = (policy.SUBSCRIBE, policy.RECEIVE)
    return {policy.SAY: first, **{part: names.part(first, part) for part in others}}
