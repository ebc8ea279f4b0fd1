"""The policies of users and roles, as the emulator's IAM has them; kept until IAM changes."""

from collections.abc import Mapping
from typing import Any

from localcloud.aws.api import ApiError, Caller
from localcloud.aws.emulator import Emulator
from localcloud.calls import Call

Documents = list[Mapping[str, Any]]
_READS = (b"Action=Get", b"Action=List")


class Identities:
    """Policies by role or user."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._kept: dict[tuple[str, str], Documents] = {}
        emulator.on_call.append(self._forget)

    async def documents_of(self, caller: Caller) -> Documents:
        """Every policy that is attached to the caller's role or user, or stands in it."""
        kind, name = ("Role", caller.role) if caller.role else ("User", caller.user)
        if name is None:
            return []
        return await self.documents(kind, name)

    async def documents(self, kind: str, name: str) -> Documents:
        """Those of a "Role" or "User". None when it is gone."""
        if (kind, name) not in self._kept:
            try:
                found = await self._inline(kind, name) + await self._attached(kind, name)
            except ApiError as error:
                if error.code != "NoSuchEntity":
                    raise
                found = []
            self._kept[kind, name] = found
        return self._kept[kind, name]

    async def _inline(self, kind: str, name: str) -> Documents:
        named = {f"{kind}Name": name}
        answer = await self._emulator.call("iam", f"List{kind}Policies", **named)
        found = [
            await self._emulator.call("iam", f"Get{kind}Policy", **named, PolicyName=it)
            for it in answer["PolicyNames"]
        ]
        return [it["PolicyDocument"] for it in found]

    async def _attached(self, kind: str, name: str) -> Documents:
        answer = await self._emulator.call("iam", f"ListAttached{kind}Policies", **{f"{kind}Name": name})
        return [await self._managed(it["PolicyArn"]) for it in answer["AttachedPolicies"]]

    async def _managed(self, arn: str) -> Mapping[str, Any]:
        about = await self._emulator.call("iam", "GetPolicy", PolicyArn=arn)
        version = about["Policy"]["DefaultVersionId"]
        held = await self._emulator.call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
        document: Mapping[str, Any] = held["PolicyVersion"]["Document"]
        return document

    def _forget(self, call: Call, service: str) -> None:
        if service == "iam" and not any(it in call.raw for it in _READS):
            self._kept.clear()
