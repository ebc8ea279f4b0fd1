"""Roles, their policies, and policies of an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Attachment, Base, Wish, missing_is_none, pages
from localcloud.providers.boto.codecs import FLAG, document, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused, ProviderError

_PAGE = ("Marker", "Marker")
_MOST_VERSIONS = 5  # "IAM and AWS STS quotas": versions of a managed policy
_TAGS = Property("Tags", how=pairs())
_ROLE_TAGS = Tagging(
    "RoleName", "RoleName", "list_role_tags", "Tags", "tag_role", "Tags", "untag_role", "TagKeys"
)
_POLICY_TAGS = Tagging(
    "Arn", "PolicyArn", "list_policy_tags", "Tags", "tag_policy", "Tags", "untag_policy", "TagKeys"
)


@dataclass(frozen=True)
class Roles(Base):
    """Roles, of which each part changes by a call of its own."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        return str(to.do("create_role", **wish)["Role"]["RoleName"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["RoleName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        found = missing_is_none(to, "get_role", RoleName=identity)
        if found is None:
            return None
        role: dict[str, Any] = found["Role"]
        boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        return {**role, "PermissionsBoundary": boundary}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Who may take it, what it is called and how long it lasts, and its boundary."""
        trust = wish["AssumeRolePolicyDocument"]
        to.ask("update_assume_role_policy", RoleName=identity, PolicyDocument=trust)
        duration = wish["MaxSessionDuration"]
        to.ask(
            "update_role",
            RoleName=identity,
            Description=wish.get("Description", ""),
            MaxSessionDuration=duration,
        )
        boundary = wish.get("PermissionsBoundary")
        if boundary:
            to.ask("put_role_permissions_boundary", RoleName=identity, PermissionsBoundary=boundary)
        elif live.get("PermissionsBoundary"):
            to.ask("delete_role_permissions_boundary", RoleName=identity)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """With `forceDetachPolicies`, whatever hangs on it first."""
        if state.get("forceDetachPolicies"):
            held = pages(to, "list_attached_role_policies", "AttachedPolicies", {"RoleName": identity}, _PAGE)
            for it in list(held):
                to.ask("detach_role_policy", RoleName=identity, PolicyArn=it["PolicyArn"])
            for name in list(pages(to, "list_role_policies", "PolicyNames", {"RoleName": identity}, _PAGE)):
                to.ask("delete_role_policy", RoleName=identity, PolicyName=name)
        to.ask("delete_role", RoleName=identity)


@dataclass(frozen=True)
class RolePolicies(Base):
    """Policies inside a role; the id is role:name."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; one that is there is replaced, as the published provider does."""
        to.do("put_role_policy", **wish)
        return f"{wish['RoleName']}:{wish['PolicyName']}"

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        return missing_is_none(to, "get_role_policy", **_inside(identity))

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.do("put_role_policy", **wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_role_policy", **_inside(identity))


def _inside(identity: str) -> dict[str, str]:
    role, separator, name = identity.partition(":")
    if not separator:
        raise ProviderError(f"{identity!r} is no id of a role's policy; one looks like role:name")
    return {"RoleName": role, "PolicyName": name}


@dataclass(frozen=True)
class ManagedPolicies(Base):
    """Policies of an account: a change is a new version, and the oldest goes when there are five."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        return str(to.do("create_policy", **wish)["Policy"]["Arn"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """Its address, by its path and name."""
        return f"arn:aws:iam::{to.account}:policy{wish.get('Path', '/')}{wish['PolicyName']}"

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """With its default version's document."""
        found = missing_is_none(to, "get_policy", PolicyArn=identity)
        if found is None:
            return None
        version = found["Policy"]["DefaultVersionId"]
        told = to.ask("get_policy_version", PolicyArn=identity, VersionId=version)["PolicyVersion"]
        return {**found["Policy"], "PolicyDocument": told["Document"]}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """A new default version."""
        others = self._others(to, identity)
        if len(others) + 1 >= _MOST_VERSIONS:
            oldest = min(others, key=lambda it: int(it.removeprefix("v")))
            to.ask("delete_policy_version", PolicyArn=identity, VersionId=oldest)
        text = wish["PolicyDocument"]
        to.ask("create_policy_version", PolicyArn=identity, PolicyDocument=text, SetAsDefault=True)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The other versions first."""
        for version in self._others(to, identity):
            to.ask("delete_policy_version", PolicyArn=identity, VersionId=version)
        to.ask("delete_policy", PolicyArn=identity)

    def _others(self, to: Context, identity: str) -> list[str]:
        found = pages(to, "list_policy_versions", "Versions", {"PolicyArn": identity}, _PAGE)
        return [it["VersionId"] for it in found if not it["IsDefaultVersion"]]


KINDS = (
    Kind(
        "aws:iam/role:Role",
        "iam",
        "create_role",
        {
            "name": own("RoleName"),
            "assumeRolePolicy": Property("AssumeRolePolicyDocument", how=document, required=True),
            "description": Property("Description"),
            "forceDetachPolicies": Property("forceDetachPolicies", seen="-", shape=FLAG, default=False),
            "maxSessionDuration": Property("MaxSessionDuration", default=3600),
            "path": Property("Path", fixed=True, default="/"),
            "permissionsBoundary": Property("PermissionsBoundary"),
            "tags": _TAGS,
        },
        {"arn": "Arn", "createDate": "CreateDate", "uniqueId": "RoleId"},
        Roles(),
        tagging=_ROLE_TAGS,
        unserved=frozenset({"inlinePolicies", "managedPolicyArns", "namePrefix"}),
        is_regional=False,
    ),
    Kind(
        "aws:iam/rolePolicy:RolePolicy",
        "iam",
        "put_role_policy",
        {
            "name": own("PolicyName"),
            "role": Property("RoleName", fixed=True, required=True),
            "policy": Property("PolicyDocument", how=document, required=True),
        },
        {},
        RolePolicies(),
        unserved=frozenset({"namePrefix"}),
        is_regional=False,
    ),
    Kind(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "iam",
        "attach_role_policy",
        {
            "role": Property("RoleName", fixed=True, required=True),
            "policyArn": Property("PolicyArn", fixed=True, required=True),
        },
        {},
        Attachment(
            "RoleName",
            "PolicyArn",
            "attach_role_policy",
            "detach_role_policy",
            ("list_attached_role_policies", "RoleName"),
            "AttachedPolicies",
            "PolicyArn",
            "/",
            _PAGE,
        ),
        name="",
        is_regional=False,
    ),
    Kind(
        "aws:iam/policy:Policy",
        "iam",
        "create_policy",
        {
            "name": own("PolicyName"),
            "description": Property("Description", fixed=True),
            "path": Property("Path", fixed=True, default="/"),
            "policy": Property("PolicyDocument", how=document, required=True),
            "tags": _TAGS,
        },
        {"arn": "Arn", "attachmentCount": "AttachmentCount", "policyId": "PolicyId"},
        ManagedPolicies(),
        tagging=_POLICY_TAGS,
        unserved=frozenset({"namePrefix", "delayAfterPolicyCreationInMs"}),
        is_regional=False,
    ),
)
