"""The temporary permission to provision a fleet: a role for people, limited in actions, source and time."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_aws import iam

from components.aws.place import Place
from components.aws.provisioner_rights import only_from, rights
from components.aws.service_role import Statement, document


class ProvisionerRoleArgs(TypedDict):
    """Arguments of ProvisionerRole."""

    place: Place
    max_minutes: int
    """60 to 720: IAM takes no less as a role's longest session."""
    sources: Sequence[str]
    """Networks (CIDR) that it works from; at least one."""
    account_wide: bool
    """Whether the account-wide settings are this fleet's to change."""
    signer: pulumi.Input[str] | None
    """ARN of the function that signs certificates, where that is one of those settings."""
    principals: NotRequired[Sequence[str]]
    """ARNs of users and roles who may take it. Without: the account decides (see the class)."""
    tags: Mapping[str, str]


class ProvisionerRole(pulumi.ComponentResource):
    """A role that somebody takes on for some minutes to run `pulumi up`: `muster aws grant` does that.

    Who          the `principals` that are named. When nobody is named, the account itself: then whoever of
                 the account has `sts:AssumeRole` on this very role by a policy of his own, which its
                 administrators give and take. MFA is not asked for here: sessions of single sign-on and of
                 pipelines carry no such mark even when their sign-in had it, so the condition would shut out
                 those whom it should let in; the sign-in is the place to demand it. Nor are tags of
                 principals: whoever may tag users would decide.
    From where   the `sources` alone, for taking it and for everything done with it. Through a VPC endpoint
                 no public address is seen, so that is refused as well.
    On record    a source identity must be given (`sts:SourceIdentity`), which CloudTrail shows with every
                 action, and which the session cannot change.
    What         see `provisioner_rights`: no right to make or change roles, this one included.
    How long     `max_minutes` at the longest, and what was asked for within that: STS ends a session after
                 DurationSeconds, 15 minutes at least. A session cannot be made longer.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ProvisionerRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:ProvisionerRole", name, {}, opts)
        role = self._role(name, args)
        granted: dict[str, Sequence[Statement]] = {
            **rights(args["place"], account_wide=args["account_wide"], signer=args["signer"]),
            "sources": [only_from(args["sources"])],
        }
        for what, statements in granted.items():
            self._policy(f"{name}-{what}", what, role, statements)
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})

    def _role(self, name: str, args: ProvisionerRoleArgs) -> iam.Role:
        return iam.Role(
            f"{name}-role",
            name=args["place"].name("provisioner"),
            description="Taken on for some minutes by whoever provisions the fleet (muster aws grant).",
            assume_role_policy=document([_trust(args)]),
            max_session_duration=args["max_minutes"] * 60,
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _policy(self, name: str, what: str, role: iam.Role, statements: Sequence[Statement]) -> None:
        iam.RolePolicy(
            name,
            name=what,
            role=role.name,
            policy=document(statements),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _trust(args: ProvisionerRoleArgs) -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": args.get("principals") or args["place"].iam("root")},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {
            "IpAddress": {"aws:SourceIp": args["sources"]},
            "Null": {"sts:SourceIdentity": "false"},
        },
    }
