"""DynamoDB: tables, without secondary indexes and replicas."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import FLAG, STRING, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused, ProviderError
from localcloud.providers.shapes import Field, Record, Scalar

_READY_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_TAGGING = Tagging(
    "TableArn",
    "ResourceArn",
    "list_tags_of_resource",
    "Tags",
    added="Tags",
    removed="TagKeys",
)
_TTL = Record("ttl", {"attributeName": Field(STRING), "enabled": Field(FLAG)})
_RECOVERY = Record("pointInTimeRecovery", {"enabled": Field(FLAG, required=True)})


@dataclass(frozen=True)
class Tables(Base):
    """Tables, which are made and changed in the background."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        to.ask("create_table", **_asked(to, wish))
        return str(wish["TableName"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """What a new table cannot be told at once."""
        self._extras(to, identity, wish, self._active(to, identity))

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["TableName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its description, with what is asked for separately."""
        found = missing_is_none(to, "describe_table", TableName=identity)
        if found is None:
            return None
        told: dict[str, Any] = found["Table"]
        keys = {it["KeyType"]: it["AttributeName"] for it in told.get("KeySchema") or ()}
        mode = (told.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
        throughput = told.get("ProvisionedThroughput") or {} if mode == "PROVISIONED" else {}
        stream = told.get("StreamSpecification") or {}
        return {
            **told,
            "hash": keys.get("HASH"),
            "range": keys.get("RANGE"),
            "BillingMode": mode,
            "read": throughput.get("ReadCapacityUnits"),
            "write": throughput.get("WriteCapacityUnits"),
            "streams": bool(stream.get("StreamEnabled")),
            "view": stream.get("StreamViewType"),
            "ttl": self._ttl(to, identity),
            "recovery": {"enabled": self._recovers(to, identity)},
            "protected": bool(told.get("DeletionProtectionEnabled")),
        }

    def _ttl(self, to: Context, identity: str) -> dict[str, Any] | None:
        told = to.ask("describe_time_to_live", TableName=identity).get("TimeToLiveDescription") or {}
        if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
            return None
        return {"attributeName": told["AttributeName"], "enabled": True}

    def _recovers(self, to: Context, identity: str) -> bool:
        told = to.ask("describe_continuous_backups", TableName=identity)["ContinuousBackupsDescription"]
        status = (told.get("PointInTimeRecoveryDescription") or {}).get("PointInTimeRecoveryStatus")
        return bool(status == "ENABLED")

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """How it is paid for, its stream, its protection; then the rest."""
        changed = {
            name: it
            for name, it in _asked(to, wish).items()
            if name in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")
            and it != _there(live).get(name)
        }
        if bool(wish.get("streams")) != bool(live.get("streams")):
            changed["StreamSpecification"] = _stream(wish)
        if changed:
            to.ask("update_table", TableName=identity, **changed)
            self._active(to, identity)
        self._extras(to, identity, wish, live)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call, and wait until it is gone: its name can be used again then."""
        to.ask("delete_table", TableName=identity)
        deadline = time.monotonic() + _READY_SECONDS
        while missing_is_none(to, "describe_table", TableName=identity) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)

    def _extras(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Items that expire, and recovery to any time."""
        wanted, there = wish.get("ttl") or {}, live.get("ttl") or {}
        if bool(wanted.get("enabled")) != bool(there.get("enabled")):
            name = wanted.get("attributeName") or there.get("attributeName")
            told = {"Enabled": bool(wanted.get("enabled")), "AttributeName": name}
            to.ask("update_time_to_live", TableName=identity, TimeToLiveSpecification=told)
        recovers = bool((wish.get("recovery") or {}).get("enabled"))
        if recovers != bool((live.get("recovery") or {}).get("enabled")):
            to.ask(
                "update_continuous_backups",
                TableName=identity,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": recovers},
            )

    def _active(self, to: Context, identity: str) -> dict[str, Any]:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            found = self.read(to, identity, {})
            if found is None or time.monotonic() > deadline:
                raise ProviderError(f"dynamodb table {identity} did not become active")
            if found.get("TableStatus") == "ACTIVE":
                return found
            time.sleep(_PAUSE_SECONDS)


def _asked(to: Context, wish: Wish) -> dict[str, Any]:
    """The parameters of the create."""
    keys = [("hash", "HASH"), ("range", "RANGE")]
    schema = [{"AttributeName": wish[name], "KeyType": kind} for name, kind in keys if wish.get(name)]
    throughput = {"ReadCapacityUnits": wish.get("read", 1), "WriteCapacityUnits": wish.get("write", 1)}
    provisioned = {"ProvisionedThroughput": throughput} if wish["BillingMode"] == "PROVISIONED" else {}
    stream = {"StreamSpecification": _stream(wish)} if wish.get("streams") else {}
    own_ = {name: it for name, it in to.taken("create_table", wish).items() if name != "SSESpecification"}
    protected = {"DeletionProtectionEnabled": bool(wish.get("protected"))}
    return {**own_, "KeySchema": schema, **provisioned, **stream, **protected}


def _there(live: Mapping[str, Any]) -> dict[str, Any]:
    throughput = {"ReadCapacityUnits": live.get("read"), "WriteCapacityUnits": live.get("write")}
    return {
        "BillingMode": live.get("BillingMode"),
        "ProvisionedThroughput": throughput,
        "DeletionProtectionEnabled": live.get("protected"),
    }


def _stream(wish: Wish) -> dict[str, Any]:
    if not wish.get("streams"):
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": wish.get("view", "NEW_AND_OLD_IMAGES")}


_NAME = Scalar(
    "string",
    pattern=r"^[A-Za-z0-9_.-]{3,255}$",
    rule="3 to 255 letters, digits, underscores, dots and hyphens",
)
"""The model has no such bound ("Naming rules", Amazon DynamoDB developer guide)."""
_UNITS = Scalar("integer", minimum=1)
KINDS = (
    Kind(
        "aws:dynamodb/table:Table",
        "dynamodb",
        "create_table",
        {
            "name": own("TableName", shape=_NAME),
            "attributes": Property("AttributeDefinitions", computed=True),
            "billingMode": Property("BillingMode", default="PROVISIONED"),
            "deletionProtectionEnabled": Property("protected", shape=FLAG),
            "hashKey": Property("hash", shape=STRING, fixed=True),
            "pointInTimeRecovery": Property("recovery", shape=_RECOVERY, computed=True),
            "rangeKey": Property("range", shape=STRING, fixed=True),
            "readCapacity": Property("read", shape=_UNITS, computed=True),
            "streamEnabled": Property("streams", shape=FLAG),
            "streamViewType": Property("view", model="StreamSpecification.StreamViewType", computed=True),
            "tags": Property("Tags", how=pairs()),
            "ttl": Property("ttl", shape=_TTL),
            "writeCapacity": Property("write", shape=_UNITS, computed=True),
        },
        {"arn": "TableArn", "streamArn": "LatestStreamArn", "streamLabel": "LatestStreamLabel"},
        Tables(),
        tagging=_TAGGING,
        late=frozenset({"pointInTimeRecovery", "ttl"}),
        renamed={
            "attributes[].AttributeName": "name",
            "attributes[].AttributeType": "type",
        },
        sets=frozenset({"attributes"}),
        unserved=frozenset(
            {
                "globalSecondaryIndexes",
                "globalTableWitness",
                "importTable",
                "localSecondaryIndexes",
                "onDemandThroughput",
                "pointInTimeRecovery.recoveryPeriodInDays",
                "replicas",
                "restoreBackupArn",
                "restoreDateTime",
                "restoreSourceName",
                "restoreSourceTableArn",
                "restoreToLatestTime",
                "serverSideEncryption",
                "tableClass",
                "warmThroughput",
            }
        ),
    ),
)
