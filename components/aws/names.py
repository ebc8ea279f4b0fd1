"""What things are called on AWS.

A group's thing type, thing group, policy and template have the name `{fleet}-{group}`. Roles, functions and
tables carry the stack as well, so that two stacks of a fleet fit into one account as far as those go.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

MOST_ROLE: Final = 64
"""Letters of a role's name (botocore iam, roleNameType) and of a function's (lambda, FunctionName)."""
MOST_TEMPLATE: Final = 36
"""Letters of a provisioning template's name (botocore iot 2015-05-28, TemplateName)."""
_MOST_STACK: Final = 40
"""Letters of fleet and stack in a name that has more parts. They are cut by themselves, so that the names of
a stack begin alike however long the rest is: rights are bound to what names begin with."""
_MOST_FAMILY: Final = 90
_MOST_RULE: Final = 128
"""Letters of a topic rule's name (botocore iot 2015-05-28, RuleName), and of what a family's begin with."""
_PARTITIONS: Final = {
    "cn": "aws-cn",
    "eusc-de": "aws-eusc",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "us-isof": "aws-iso-f",
    "eu-isoe": "aws-iso-e",
}


def group(fleet: str, group_id: str) -> str:
    """Of a group's thing type, thing group, policy and template: `coldchain-reefers`."""
    return f"{fleet}-{group_id}"


def device(fleet: str, registration_id: str) -> str:
    """Of the policy of one device: `coldchain.bench-1`. No fleet has a full stop in its name, so no group's
    policy is called so; a colon, which things may have and policies may not, becomes `=`.
    """
    return f"{fleet}.{registration_id.replace(':', '=')}"


def part(policy: str, what: str) -> str:
    """Of a further policy beside the first one: `coldchain-reefers.receive`."""
    return f"{policy}.{what}"


def scoped(fleet: str, stack: str, *what: str) -> str:
    """Of a role, function, queue or table: `coldchain-prod-reefers-hook`, cut to 64 letters when longer."""
    return fitted("-".join((fitted(f"{fleet}-{stack}", _MOST_STACK), *what)), MOST_ROLE)


def rules(fleet: str, stack: str, *family: str) -> str:
    """What the names of topic rules of one purpose begin with, before a `_`: `coldchain_prod_telemetry`.

    A rule's name has no hyphens (botocore iot 2015-05-28, RuleName): they become `_`, and `_` becomes two.
    """
    whole = "-".join((fitted(f"{fleet}-{stack}", _MOST_STACK), *family))
    return fitted(_underscored(whole), _MOST_FAMILY, "_")


def rule(fleet: str, stack: str, family: Sequence[str], one: str) -> str:
    """Of one topic rule of a family (`rules`): `coldchain_prod_telemetry_doors`."""
    first = rules(fleet, stack, *family)
    return f"{first}_{fitted(_underscored(one), _MOST_RULE - len(first) - 1, '_')}"


def _underscored(name: str) -> str:
    return name.replace("_", "__").replace("-", "_")


def fitted(name: str, most: int, mark: str = "-") -> str:
    """The name; one that is too long, or has other characters than letters, digits, _ and the mark, ends in a
    digest of the whole, so that two such names stay apart.
    """
    plain = re.sub(f"[^a-zA-Z0-9_{mark}]", mark, name)
    if plain == name and len(name) <= most:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: most - 9].rstrip('-')}{mark}{digest}"


def partition(region: str) -> str:
    """The partition that a region is in (botocore's partitions.json)."""
    return _PARTITIONS.get(region.rsplit("-", 2)[0], "aws")
