"""Roles that AWS IoT takes on: whether their trust policy lets it, and what their policies allow.

Source: "Granting an AWS IoT rule the access it requires" (developer guide): the role's trust policy names
`iot.amazonaws.com`; "Authorizing direct calls to AWS services": `credentials.iot.amazonaws.com`. Both are
evaluated by `policy`, so nothing depends on how strict the emulator is. AWS IoT says for whom it works in
`aws:SourceAccount` and `aws:SourceArn` ("Cross-service confused deputy prevention", developer guides of AWS
IoT Core and of Device Defender); the credential provider says neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from localcloud.aws import policy
from localcloud.aws.api import ApiError
from localcloud.aws.calls import Calls
from localcloud.aws.policy import MalformedPolicy, Request, Values

IOT, CREDENTIALS = "iot.amazonaws.com", "credentials.iot.amazonaws.com"


class RoleRefused(Exception):  # noqa: N818 - a decision, not a fault
    """AWS IoT may not do this with the role; says why."""


class Documents(Protocol):
    """The policies in and on roles (`Identities`)."""

    async def documents(self, kind: str, name: str) -> Sequence[Mapping[str, Any]]:
        """Those of a "Role". Raises ApiError."""


class RolePolicies(Protocol):
    """What IAM has of a role."""

    async def trust_policy(self, role: str) -> Mapping[str, Any] | None:
        """Who may assume it; None when there is no such role. Raises ApiError."""

    async def documents(self, kind: str, name: str) -> Sequence[Mapping[str, Any]]:
        """The policies in and on a "Role". Raises ApiError."""


class IamRoles:
    """What the emulator's IAM has."""

    def __init__(self, calls: Calls, documents: Documents) -> None:
        self._calls = calls
        self._documents = documents

    async def trust_policy(self, role: str) -> Mapping[str, Any] | None:
        """Who may assume it; None when there is no such role. Raises ApiError."""
        try:
            answer = await self._calls.call("iam", "GetRole", RoleName=role)
        except ApiError as error:
            if error.code != "NoSuchEntity":
                raise
            return None
        found: Mapping[str, Any] = answer["Role"]["AssumeRolePolicyDocument"]
        return found

    async def documents(self, kind: str, name: str) -> Sequence[Mapping[str, Any]]:
        """The policies in and on a "Role". Raises ApiError."""
        return await self._documents.documents(kind, name)


class Roles:
    """Decides."""

    def __init__(self, policies: RolePolicies) -> None:
        self._policies = policies

    async def require_trust(
        self, role_arn: str, service: str = IOT, *, source_arn: str | None = None
    ) -> None:
        """Let the service take on the role, for what has `source_arn`. Raises RoleRefused."""
        try:
            trust = await self._policies.trust_policy(_name(role_arn))
        except ApiError as error:
            raise RoleRefused(f"{role_arn}: {error.message}") from error
        if trust is None:
            raise RoleRefused(f"there is no role {role_arn}")
        context = _source(role_arn, source_arn) if service == IOT else {}
        asked = Request("sts:AssumeRole", role_arn, context, ("Service", service))
        if not _allow([trust], asked, trust=True):
            raise RoleRefused(f"{role_arn} does not trust {service}")

    async def require(
        self, role_arn: str, action: str, resource: str, *, source_arn: str | None = None
    ) -> None:
        """Let AWS IoT do this in the role's name, for what has `source_arn`. Raises RoleRefused."""
        await self.require_trust(role_arn, source_arn=source_arn)
        try:
            documents = await self._policies.documents("Role", _name(role_arn))
        except ApiError as error:
            raise RoleRefused(f"{role_arn}: {error.message}") from error
        if not _allow(documents, Request(action, resource)):
            raise RoleRefused(f"{role_arn} is not authorized to perform {action} on {resource}")


def _allow(documents: Sequence[Mapping[str, Any]], asked: Request, *, trust: bool = False) -> bool:
    try:
        return policy.allows([policy.check(dict(it), trust=trust) for it in documents], asked)
    except MalformedPolicy as error:
        raise RoleRefused(f"a policy of the role is malformed: {error}") from error


def _source(role_arn: str, source_arn: str | None) -> dict[str, Values]:
    context: dict[str, Values] = {"aws:SourceAccount": role_arn.split(":")[4]}
    return context if source_arn is None else {**context, "aws:SourceArn": source_arn}


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
