"""Where a stack of a fleet is on AWS, and how its things are named there.

`arn:{partition}:{service}:{region}:{account}:{resource}`, "Amazon Resource Names (ARNs)",
docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.aws import names


@dataclass(frozen=True)
class Place:
    """One stack of one fleet, in a region of an account. The account may be known to the engine only."""

    fleet: str
    stack: str
    region: str
    account: pulumi.Input[str]

    @property
    def partition(self) -> str:
        """What ARNs begin with: aws, aws-cn …"""
        return names.partition(self.region)

    def name(self, *what: str) -> str:
        """The name of something of this stack alone: `coldchain-prod-audit`."""
        return names.scoped(self.fleet, self.stack, *what)

    def rules(self, *family: str) -> str:
        """What the names of topic rules of one purpose begin with, of this stack."""
        return names.rules(self.fleet, self.stack, *family)

    def rule(self, family: Sequence[str], one: str) -> str:
        """The name of a topic rule of this stack."""
        return names.rule(self.fleet, self.stack, family, one)

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """The ARN of something in the region."""
        return pulumi.Output.concat(
            f"arn:{self.partition}:{service}:{self.region}:", self.account, ":", resource
        )

    def iam(self, resource: str) -> pulumi.Output[str]:
        """The ARN of something of IAM, which knows no region: `role/…`, or `root` for the account itself."""
        return pulumi.Output.concat(f"arn:{self.partition}:iam::", self.account, f":{resource}")
