"""What devices may do with other services of AWS: a role, whose credentials they get by their certificate."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
from pulumi_aws import iot

from components.aws.place import Place
from components.aws.roles import ReadyRole, ready_role
from components.aws.service_role import CREDENTIALS, Statement


class RoleAliasArgs(TypedDict):
    """Arguments of RoleAlias."""

    place: Place
    alias: str
    """1 to 128 of letters, digits, `_`, `=`, `,`, `@`, `-`; once in a region of an account."""
    seconds: int
    """How long credentials last, 900 to 43,200."""
    statements: Sequence[Statement]
    """What devices may do; `${credentials-iot:ThingName}` in a resource is the device's own name."""
    tags: Mapping[str, str]


class RoleAlias(pulumi.ComponentResource):
    """A role for devices, and the alias by which they ask the credential provider for it.

    A device calls `https://{credentials endpoint}/role-aliases/{alias}/credentials` with its certificate
    ("Authorizing direct calls to AWS services using AWS IoT Core credential provider"). It gets credentials
    when its IoT policy allows `iot:AssumeRoleWithCertificate` on the alias: `arn` is for that policy, which
    is not made here.

    AWS takes 43,200 seconds at most, and no more than the role's own session duration; the role gets as much
    as is asked for.
    """

    arn: pulumi.Output[str]
    """Of the alias: the resource of `iot:AssumeRoleWithCertificate`."""
    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: RoleAliasArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:RoleAlias", name, {}, opts)
        role = ready_role(
            name,
            {
                "place": args["place"],
                "role_name": args["place"].name("devices"),
                "service": CREDENTIALS,
                "description": "What devices of a fleet may do, by their certificate.",
                "session_seconds": args["seconds"],
                "tags": args["tags"],
            },
            args["statements"],
            pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.arn = self._alias(name, args, role).arn
        self.register_outputs({"arn": self.arn, "roleArn": self.role_arn})

    def _alias(self, name: str, args: RoleAliasArgs, role: ReadyRole) -> iot.RoleAlias:
        return iot.RoleAlias(
            f"{name}-alias",
            alias=args["alias"],
            role_arn=role.arn,
            credential_duration=args["seconds"],
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role.rights]),
        )
