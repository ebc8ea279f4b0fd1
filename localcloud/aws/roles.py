"""Roles that AWS IoT takes on: whether their trust policy lets it, and what their policies allow.

Source: "Granting an AWS IoT rule the access it requires" (developer guide): the role's trust policy names
`iot.amazonaws.com`; "Authorizing direct calls to AWS services": `credentials.iot.amazonaws.com`. Roles and
policies are read from the emulator's IAM and evaluated by `policy`, so nothing depends on how strict that is.
"""

from typing import Any

from localcloud.aws import policy
from localcloud.aws.api import ApiError
from localcloud.aws.calls import Calls
from localcloud.aws.policy import MalformedPolicy, Request, Values

IOT, CREDENTIALS = "iot.amazonaws.com", "credentials.iot.amazonaws.com"


class RoleRefused(Exception):  # noqa: N818 - a decision, not a fault
    """AWS IoT may not do this with the role; says why."""


class Roles:
    """Roles of the emulator's IAM."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def require_trust(self, role_arn: str, service: str = IOT) -> None:
        """Let the service take on the role. Raises RoleRefused."""
        role = (await self._read("get_role", RoleName=_name(role_arn)))["Role"]
        asked = Request("sts:AssumeRole", role_arn, principal=("Service", service))
        if role["Arn"] != role_arn or not _allows([role["AssumeRolePolicyDocument"]], asked, trust=True):
            raise RoleRefused(f"{role_arn} does not trust {service}")

    async def require(
        self, role_arn: str, action: str, resource: str, context: dict[str, Values] | None = None
    ) -> None:
        """Let AWS IoT do this in the role's name. Raises RoleRefused."""
        await self.require_trust(role_arn)
        documents = await self.documents(_name(role_arn))
        if not _allows(documents, Request(action, resource, context or {})):
            raise RoleRefused(f"{role_arn} is not authorized to perform {action} on {resource}")

    async def documents(self, role_name: str) -> list[Any]:
        """The policies of a role, in it and attached to it."""
        inline = (await self._read("list_role_policies", RoleName=role_name))["PolicyNames"]
        found = [
            (await self._read("get_role_policy", RoleName=role_name, PolicyName=it))["PolicyDocument"]
            for it in inline
        ]
        attached = (await self._read("list_attached_role_policies", RoleName=role_name))["AttachedPolicies"]
        return found + [await self._managed(it["PolicyArn"]) for it in attached]

    async def _managed(self, arn: str) -> Any:  # noqa: ANN401 - JSON
        version = (await self._read("get_policy", PolicyArn=arn))["Policy"]["DefaultVersionId"]
        found = await self._read("get_policy_version", PolicyArn=arn, VersionId=version)
        return found["PolicyVersion"]["Document"]

    async def _read(self, operation: str, **params: str) -> dict[str, Any]:
        try:
            return await self._calls.call("iam", operation, **params)
        except ApiError as error:
            raise RoleRefused(f"{operation}: {error.message}") from error


def _allows(documents: list[Any], asked: Request, *, trust: bool = False) -> bool:
    try:
        return policy.allows([policy.check(it, trust=trust) for it in documents], asked)
    except MalformedPolicy as error:
        raise RoleRefused(f"a policy of the role is malformed: {error}") from error


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
