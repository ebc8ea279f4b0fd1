"""Where a fleet is on AWS, and how its things are named there: ARNs.

`arn:{partition}:{service}:{region}:{account}:{resource}`, "Amazon Resource Names (ARNs)",
docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html.
"""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Place:
    """An account and a region of it. The account may be known to the engine only."""

    region: str
    account: pulumi.Input[str]
    partition: str = "aws"

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """The ARN of something in the region."""
        return pulumi.Output.concat(
            f"arn:{self.partition}:{service}:{self.region}:", self.account, ":", resource
        )

    def role(self, name: str) -> pulumi.Output[str]:
        """The ARN of a role, or of roles by a pattern; IAM knows no region."""
        return pulumi.Output.concat(f"arn:{self.partition}:iam::", self.account, f":role/{name}")

    @property
    def root(self) -> pulumi.Output[str]:
        """The account itself as a principal."""
        return pulumi.Output.concat(f"arn:{self.partition}:iam::", self.account, ":root")
