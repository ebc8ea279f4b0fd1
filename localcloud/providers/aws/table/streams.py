"""Kinesis: streams, which are made and changed in the background."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import FLAG, STRING
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused, ProviderError
from localcloud.providers.shapes import Scalar

_READY_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_STREAM_TAGS = Tagging(
    "StreamName",
    "StreamName",
    "list_tags_for_stream",
    "Tags",
    "add_tags_to_stream",
    "Tags",
    "remove_tags_from_stream",
    "TagKeys",
    pair=(),
)


@dataclass(frozen=True)
class Streams(Base):
    """Streams, which are made and changed in the background; the id is the address."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        mode = (wish.get("StreamModeDetails") or {}).get("StreamMode")
        shards = {} if mode == "ON_DEMAND" else {"ShardCount": wish.get("ShardCount", 1)}
        given = {name: it for name, it in wish.items() if name not in ("ShardCount", "Tags")}
        to.do("create_stream", **given, **shards)
        found = to.ask("describe_stream_summary", StreamName=wish["StreamName"])
        return str(found["StreamDescriptionSummary"]["StreamARN"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The address, by its name."""
        found = to.ask("describe_stream_summary", StreamName=wish["StreamName"])
        return str(found["StreamDescriptionSummary"]["StreamARN"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """What a new stream cannot be told at once."""
        if wish.get("Tags"):
            _STREAM_TAGS.write(to.ask, wish["StreamName"], wish["Tags"])
        self.update(to, identity, wish, self._active(to, identity))

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its summary."""
        found = missing_is_none(to, "describe_stream_summary", StreamName=_stream_name(identity))
        if found is None:
            return None
        told: dict[str, Any] = found["StreamDescriptionSummary"]
        return {
            **told,
            "ShardCount": told.get("OpenShardCount"),
            "EncryptionType": told.get("EncryptionType") or "NONE",
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """How many shards, how long it keeps, and its encryption."""
        name = _stream_name(identity)
        wanted, there = wish["RetentionPeriodHours"], live.get("RetentionPeriodHours", 24)
        if wanted != there:
            way = "increase" if wanted > there else "decrease"
            to.ask(f"{way}_stream_retention_period", StreamName=name, RetentionPeriodHours=wanted)
            self._active(to, identity)
        shards = wish.get("ShardCount")
        if shards and shards != live.get("ShardCount"):
            to.ask(
                "update_shard_count", StreamName=name, TargetShardCount=shards, ScalingType="UNIFORM_SCALING"
            )
            self._active(to, identity)
        self._encrypt(to, name, wish, live)
        self._active(to, identity)

    def _encrypt(self, to: Context, name: str, wish: Wish, live: Mapping[str, Any]) -> None:
        kind, key = wish["EncryptionType"], wish.get("KeyId", "alias/aws/kinesis")
        if (kind, key if kind == "KMS" else "") == (live["EncryptionType"], live.get("KeyId") or ""):
            return
        if kind == "KMS":
            to.ask("start_stream_encryption", StreamName=name, EncryptionType=kind, KeyId=key)
        elif live["EncryptionType"] == "KMS":
            to.ask("stop_stream_encryption", StreamName=name, EncryptionType="KMS", KeyId=live["KeyId"])

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call, and wait until it is gone: its name can be used again then."""
        enforce = bool(state.get("enforceConsumerDeletion"))
        to.ask("delete_stream", StreamName=_stream_name(identity), EnforceConsumerDeletion=enforce)
        deadline = time.monotonic() + _READY_SECONDS
        while self.read(to, identity, {}) is not None and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)

    def _active(self, to: Context, identity: str) -> dict[str, Any]:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            found = self.read(to, identity, {})
            if found is None or time.monotonic() > deadline:
                raise ProviderError(f"kinesis stream {identity} did not become active")
            if found.get("StreamStatus") == "ACTIVE":
                return found
            time.sleep(_PAUSE_SECONDS)


def _stream_name(identity: str) -> str:
    return identity.rpartition("/")[2]


KINDS = (
    Kind(
        "aws:kinesis/stream:Stream",
        "kinesis",
        "create_stream",
        {
            "name": own("StreamName"),
            "encryptionType": Property(
                "EncryptionType",
                shape=Scalar("string", pattern="^(NONE|KMS)$", rule="NONE or KMS"),
                default="NONE",
            ),
            "enforceConsumerDeletion": Property("enforce", seen="-", shape=FLAG, default=False),
            "kmsKeyId": Property("KeyId", shape=STRING, computed=True),
            "retentionPeriod": Property(
                "RetentionPeriodHours", shape=Scalar("integer", minimum=24, maximum=8760), default=24
            ),
            "shardCount": Property("ShardCount", computed=True),
            "streamModeDetails": Property("StreamModeDetails", computed=True),
            "tags": Property("Tags"),
        },
        {"arn": "StreamARN"},
        Streams(),
        naming=Naming(longest=128),
        tagging=_STREAM_TAGS,
        late=frozenset({"encryptionType", "kmsKeyId", "retentionPeriod", "tags"}),
        unserved=frozenset({"arn", "maxRecordSizeInKib", "shardLevelMetrics", "warmThroughputMibPs"}),
    ),
)
