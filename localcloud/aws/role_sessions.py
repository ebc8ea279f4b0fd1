"""Whether somebody may take on a role (STS AssumeRole): what ministack's own check leaves out.

Source: AssumeRole (API reference, and botocore sts 2011-06-15); "How permissions for source identity work",
"Create a role trust policy" (IAM user guide). The trust policy is evaluated with the caller's address, the
session's name and the source identity; a source identity needs `sts:SetSourceIdentity` as well; a session is
no longer than the role's MaxSessionDuration, and no longer than an hour when the caller has a role already.
Where the policy trusts the account, the caller's own policies decide. Unlike AWS, the root may take a role:
it is the only key that a new local account has.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from localcloud.aws import policy
from localcloud.aws.api import ApiError, Caller
from localcloud.aws.policy import MalformedPolicy, Request

Read = Callable[..., Awaitable[dict[str, Any]]]
"""`Emulator.call`: a service, an operation, its parameters."""
Documents = Callable[[Caller], Awaitable[list[Mapping[str, Any]]]]
"""`Identities.documents_of`."""

_CHAINED_SECONDS: Final = 3600
_DEFAULT_SECONDS: Final = 3600
_ASSUME, _IDENTIFY = "sts:AssumeRole", "sts:SetSourceIdentity"


class RoleSessions:
    """Decides on calls of AssumeRole."""

    def __init__(self, read: Read, documents_of: Documents) -> None:
        self._read = read
        self._documents_of = documents_of

    async def check(self, caller: Caller, body: bytes) -> None:
        """Let the call pass; other operations pass anyhow. Raises ApiError with AWS' codes."""
        asked = {name: it[0] for name, it in parse_qs(body.decode("utf-8", "replace")).items()}
        if asked.get("Action") != "AssumeRole":
            return
        arn = asked.get("RoleArn", "")
        role = await self._role(arn)
        actions = [_ASSUME, *([_IDENTIFY] if "SourceIdentity" in asked else [])]
        for action in actions:
            if role is None or not await self._may(caller, action, arn, role, _context(caller, asked)):
                words = f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}"
                raise ApiError("AccessDenied", words, 403)
        assert role is not None, "refused above"
        _check_duration(caller, asked, role)

    async def _role(self, arn: str) -> dict[str, Any] | None:
        """The role; None when there is none: AWS does not tell which it is."""
        try:
            found: dict[str, Any] = (await self._read("iam", "GetRole", RoleName=arn.rpartition("/")[2]))[
                "Role"
            ]
        except ApiError as error:
            if error.code not in ("NoSuchEntity", "ValidationError"):
                raise
            return None
        return found if found["Arn"] == arn else None

    async def _may(
        self, caller: Caller, action: str, arn: str, role: dict[str, Any], context: dict[str, str]
    ) -> bool:
        trust = _checked(role["AssumeRolePolicyDocument"])
        own = _principals(caller)
        decisions = {
            name: policy.decide([trust], Request(action, arn, context, ("AWS", name)))
            for name in (*own, *_of_account(caller))
        }
        if "explicitDeny" in decisions.values():
            return False
        if any(decisions[name] == "allowed" for name in own):
            return True
        delegated = any(decisions[name] == "allowed" for name in _of_account(caller))
        return delegated and await self._has(caller, action, arn, context)

    async def _has(self, caller: Caller, action: str, arn: str, context: dict[str, str]) -> bool:
        """Whether the caller's own policies allow it."""
        if caller.is_root:
            return True
        return policy.allows(await self._documents_of(caller), Request(action, arn, context))


def _context(caller: Caller, asked: Mapping[str, str]) -> dict[str, str]:
    keys = {
        "sts:RoleSessionName": "RoleSessionName",
        "sts:SourceIdentity": "SourceIdentity",
        "sts:ExternalId": "ExternalId",
    }
    given = {key: asked[name] for key, name in keys.items() if name in asked}
    return {
        **given,
        "aws:SourceIp": caller.source_address,
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
    }


def _principals(caller: Caller) -> tuple[str, ...]:
    """What a trust policy may call the caller itself: a session is its role as well."""
    if caller.role is None:
        return () if caller.is_root else (caller.arn,)
    return caller.arn, f"arn:aws:iam::{caller.account}:role/{caller.role}"


def _of_account(caller: Caller) -> tuple[str, str]:
    """What a trust policy may call the caller's account."""
    return f"arn:aws:iam::{caller.account}:root", caller.account


def _checked(document: object) -> dict[str, Any]:
    try:
        return policy.check(document, trust=True)
    except MalformedPolicy as error:
        raise ApiError(
            "MalformedPolicyDocument", f"The role's trust policy is malformed: {error}", 400
        ) from error


def _check_duration(caller: Caller, asked: Mapping[str, str], role: Mapping[str, Any]) -> None:
    text = asked.get("DurationSeconds", str(_DEFAULT_SECONDS))
    seconds = int(text) if text.isascii() and text.isdecimal() else 0
    if seconds < 900:
        raise ApiError(
            "ValidationError", f"DurationSeconds {text[:20]} must be a number of 900 at least", 400
        )
    if seconds > int(role.get("MaxSessionDuration", _DEFAULT_SECONDS)):
        words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ApiError("ValidationError", words, 400)
    if caller.role is not None and seconds > _CHAINED_SECONDS:
        words = "DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise ApiError("ValidationError", words, 400)
