"""SSM parameters, and keys of KMS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Base, Wish, missing_is_none, pages
from localcloud.providers.boto.codecs import FLAG, document, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Fault, Scalar

_PARAMETER_TAGS = Tagging(
    "Name",
    "ResourceId",
    listed="TagList",
    adder="add_tags_to_resource",
    added="Tags",
    remover="remove_tags_from_resource",
    removed="TagKeys",
    more=(("ResourceType", "Parameter"),),
)
_KEY_TAGS = Tagging(
    "KeyId",
    "KeyId",
    "list_resource_tags",
    "Tags",
    added="Tags",
    removed="TagKeys",
    pair=("TagKey", "TagValue"),
)
_NEXT = ("NextMarker", "Marker")


@dataclass(frozen=True)
class Parameters(Base):
    """Parameters: put once, then over what is there."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call, which refuses one that is there unless `overwrite` says otherwise."""
        name = wish["Name"]
        to.ask("put_parameter", **_said(to, wish))
        return str(name)

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["Name"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its value, and what only a listing tells."""
        found = missing_is_none(to, "get_parameter", Name=identity, WithDecryption=True)
        if found is None:
            return None
        told: dict[str, Any] = found["Parameter"]
        only = [{"Key": "Name", "Option": "Equals", "Values": [identity]}]
        listed = to.ask("describe_parameters", ParameterFilters=only).get("Parameters") or [{}]
        insecure = {"insecure": told.get("Value")} if "insecureValue" in inputs else {}
        return {**listed[0], **told, **insecure}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Over what is there; tags go by themselves."""
        said = {name: it for name, it in _said(to, wish).items() if name != "Tags"}
        to.ask("put_parameter", **{**said, "Overwrite": True})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_parameter", Name=identity)


def _said(to: Context, wish: Wish) -> dict[str, Any]:
    value = wish["insecure"] if "insecure" in wish else wish["Value"]
    return {**to.taken("put_parameter", wish), "Value": value}


def _has_a_value(inputs: Mapping[str, Any]) -> Iterator[Fault]:
    given = [name for name in ("value", "insecureValue") if name in inputs]
    if len(given) != 1:
        yield Fault(("value",), "exactly one of value and insecureValue is needed")
    if "insecureValue" in inputs and inputs.get("type") == "SecureString":
        yield Fault(("insecureValue",), "a SecureString takes value, which is kept secret")


@dataclass(frozen=True)
class Keys(Base):
    """Keys; they are deleted after days of waiting, and count as gone meanwhile."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        return str(to.do("create_key", **wish)["KeyMetadata"]["KeyId"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """Rotation, and being switched off."""
        if wish.get("rotates"):
            to.ask("enable_key_rotation", KeyId=identity)
        if not wish["enabled"]:
            to.ask("disable_key", KeyId=identity)

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its description, policy and rotation."""
        found = missing_is_none(to, "describe_key", KeyId=identity)
        if found is None or found["KeyMetadata"].get("KeyState") == "PendingDeletion":
            return None
        told: dict[str, Any] = found["KeyMetadata"]
        policy = to.ask("get_key_policy", KeyId=identity, PolicyName="default")["Policy"]
        rotates = to.ask("get_key_rotation_status", KeyId=identity).get("KeyRotationEnabled", False)
        return {**told, "Policy": policy, "rotates": rotates, "enabled": told.get("Enabled", True)}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """What differs."""
        if wish["enabled"] and not live["enabled"]:
            to.ask("enable_key", KeyId=identity)
        if wish.get("Description", "") != live.get("Description", ""):
            to.ask("update_key_description", KeyId=identity, Description=wish.get("Description", ""))
        if "Policy" in wish:
            to.ask("put_key_policy", KeyId=identity, PolicyName="default", Policy=wish["Policy"])
        if bool(wish.get("rotates")) != bool(live.get("rotates")):
            to.ask("enable_key_rotation" if wish.get("rotates") else "disable_key_rotation", KeyId=identity)
        if not wish["enabled"] and live["enabled"]:
            to.ask("disable_key", KeyId=identity)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """Schedule it."""
        days = int(state.get("deletionWindowInDays") or 30)
        to.ask("schedule_key_deletion", KeyId=identity, PendingWindowInDays=days)


@dataclass(frozen=True)
class Aliases(Base):
    """Names of keys; the id is the name."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        to.do("create_alias", **wish)
        return str(wish["AliasName"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["AliasName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Look for it in the list."""
        found = pages(to, "list_aliases", "Aliases", {}, _NEXT)
        told = next((it for it in found if it["AliasName"] == identity), None)
        if told is None:
            return None
        key = told.get("TargetKeyId", "")
        address = f"{told['AliasArn'].rpartition(':')[0]}:key/{key}"
        declared = str(inputs.get("targetKeyId", ""))
        return {**told, "TargetKeyId": address if declared.startswith("arn:") else key, "keyArn": address}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Another key."""
        to.do("update_alias", **wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_alias", AliasName=identity)


def _alias(name: str, _inputs: Mapping[str, Any]) -> str:
    return f"alias/{name}"


KINDS = (
    Kind(
        "aws:ssm/parameter:Parameter",
        "ssm",
        "put_parameter",
        {
            "name": own("Name"),
            "allowedPattern": Property("AllowedPattern"),
            "dataType": Property("DataType", computed=True),
            "description": Property("Description", cleared={"Description": ""}),
            "insecureValue": Property("insecure", model="Value", computed=True),
            "keyId": Property("KeyId", computed=True),
            "overwrite": Property("Overwrite", seen="-"),
            "tags": Property("Tags", how=pairs()),
            "tier": Property("Tier", computed=True),
            "type": Property("Type", required=True),
            "value": Property("Value", secret=True, computed=True),
        },
        {"arn": "ARN", "version": "Version"},
        Parameters(),
        tagging=_PARAMETER_TAGS,
        unserved=frozenset({"arn", "valueWo", "valueWoVersion"}),
        judge=_has_a_value,
    ),
    Kind(
        "aws:kms/key:Key",
        "kms",
        "create_key",
        {
            "customerMasterKeySpec": Property("KeySpec", fixed=True, default="SYMMETRIC_DEFAULT"),
            "deletionWindowInDays": Property(
                "days", seen="-", shape=Scalar("integer", minimum=7, maximum=30)
            ),
            "description": Property("Description", computed=True),
            "enableKeyRotation": Property("rotates", shape=FLAG, default=False),
            "isEnabled": Property("enabled", shape=FLAG, default=True),
            "keyUsage": Property("KeyUsage", fixed=True, default="ENCRYPT_DECRYPT"),
            "multiRegion": Property("MultiRegion", fixed=True, computed=True),
            "policy": Property("Policy", how=document, computed=True),
            "tags": Property("Tags", how=pairs("TagKey", "TagValue")),
        },
        {"arn": "Arn", "keyId": "KeyId"},
        Keys(),
        name="",
        tagging=_KEY_TAGS,
        unserved=frozenset(
            {"bypassPolicyLockoutSafetyCheck", "customKeyStoreId", "rotationPeriodInDays", "xksKeyId"}
        ),
    ),
    Kind(
        "aws:kms/alias:Alias",
        "kms",
        "create_alias",
        {
            "name": own("AliasName"),
            "targetKeyId": Property("TargetKeyId", required=True),
        },
        {"arn": "AliasArn", "targetKeyArn": "keyArn"},
        Aliases(),
        naming=Naming(longest=248, finish=_alias),
        unserved=frozenset({"namePrefix"}),
    ),
)
