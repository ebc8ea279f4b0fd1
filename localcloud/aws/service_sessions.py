"""Sessions of roles that AWS IoT's credential provider takes on in its own name, for devices.

Source: "Authorizing direct calls to AWS services using AWS IoT Core credential provider" (developer guide);
the role's longest session counts (AssumeRole, API reference). No key of the account can assume a role that
trusts a service only, so the session is made here, and told to those who check signatures and policies.
"""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError
from localcloud.aws.emulator import Emulator
from localcloud.aws.place import Place

_DEFAULT_LONGEST = 3600


class ServiceSessions:
    """Makes sessions."""

    def __init__(self, place: Place, account: Account, emulator: Emulator) -> None:
        self._place = place
        self._account = account
        self._emulator = emulator

    async def assume(
        self, role_arn: str, name: str, seconds: int, variables: dict[str, str]
    ) -> dict[str, Any]:
        """`Credentials` as STS gives them, of a role that is known to trust AWS IoT. Raises ApiError.

        `variables` are for the role's policies, by name ("credentials-iot:ThingName"). The policies that AWS
        IoT's own services evaluate for such a session do not get them.
        """
        role = (await self._emulator.call("iam", "GetRole", RoleName=role_arn.rpartition("/")[2]))["Role"]
        if seconds > int(role.get("MaxSessionDuration", _DEFAULT_LONGEST)):
            words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise ApiError("ValidationError", words, 400)
        key = f"ASIA{base64.b32encode(secrets.token_bytes(10)).decode()}"
        secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(96)
        arn = f"arn:aws:sts::{self._place.account}:assumed-role/{role['RoleName']}/{name}"
        ends = self._place.now() + seconds
        await self._emulator.tell_session(
            key,
            {
                "Arn": arn,
                "UserId": f"{role['RoleId']}:{name}",
                "SecretAccessKey": secret,
                "SessionToken": token,
                "Expiration": ends,
                "AccountId": self._place.account,
                "PrincipalType": "AssumedRole",
                "SessionTags": [],
                "SessionPolicies": None,
                "Variables": variables,
            },
        )
        self._account.remember(key, secret, arn, token=token, expires=ends, role=role["RoleName"])
        return {
            "AccessKeyId": key,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": datetime.fromtimestamp(ends, UTC),
        }
