"""SQS: queues and their policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws.table.attributes import COMPUTED, DOCUMENT, TEXT_FLAG, attribute, fifo, whole
from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import STRING
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Scalar

_QUEUE_NAME = Scalar(
    "string", pattern=r"^(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?$", rule="1 to 80 letters, digits, - and _"
)
_QUEUE_TAGS = Tagging(
    "QueueUrl", "QueueUrl", "list_queue_tags", "Tags", "tag_queue", "Tags", "untag_queue", "TagKeys", pair=()
)


@dataclass(frozen=True)
class Queues(Base):
    """Queues, whose properties are attributes; the id is the address."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; it answers with the queue that is there when its attributes are the same."""
        return str(to.do("create_queue", **wish)["QueueUrl"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The address, by its name."""
        return str(to.ask("get_queue_url", QueueName=wish["QueueName"])["QueueUrl"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its attributes."""
        found = missing_is_none(to, "get_queue_attributes", QueueUrl=identity, AttributeNames=["All"])
        if found is None:
            return None
        return {**found, "QueueUrl": identity, "QueueName": identity.rpartition("/")[2]}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """All that is declared; a document that is no longer declared is emptied."""
        emptied = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
        wanted = wish.get("Attributes", {})
        gone = {name: "" for name in emptied if live["Attributes"].get(name) and name not in wanted}
        fixed = {name: it for name, it in wanted.items() if name != "FifoQueue"}
        to.ask("set_queue_attributes", QueueUrl=identity, Attributes={**gone, **fixed})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_queue", QueueUrl=identity)


@dataclass(frozen=True)
class QueuePolicies(Base):
    """A queue's policy by itself; the id is the queue's."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; a policy that is there is replaced, as the published provider does."""
        to.do("set_queue_attributes", **wish)
        return str(wish["QueueUrl"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """The attribute; None when there is none."""
        found = missing_is_none(to, "get_queue_attributes", QueueUrl=identity, AttributeNames=["Policy"])
        has_one = found and (found.get("Attributes") or {}).get("Policy")
        return {**found, "QueueUrl": identity} if found and has_one else None

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.do("set_queue_attributes", **wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """An empty policy."""
        to.ask("set_queue_attributes", QueueUrl=identity, Attributes={"Policy": ""})


KINDS = (
    Kind(
        "aws:sqs/queue:Queue",
        "sqs",
        "create_queue",
        {
            # What attributes may be: "SetQueueAttributes", AWSSimpleQueueService API reference.
            "name": own("QueueName", shape=_QUEUE_NAME),
            "contentBasedDeduplication": attribute("ContentBasedDeduplication", TEXT_FLAG),
            "deduplicationScope": attribute("DeduplicationScope", STRING, COMPUTED),
            "delaySeconds": attribute("DelaySeconds", whole(0, 900), Property("", default=0)),
            "fifoQueue": attribute("FifoQueue", TEXT_FLAG, Property("", fixed=True)),
            "fifoThroughputLimit": attribute("FifoThroughputLimit", STRING, COMPUTED),
            "kmsDataKeyReusePeriodSeconds": attribute(
                "KmsDataKeyReusePeriodSeconds", whole(60, 86400), COMPUTED
            ),
            "kmsMasterKeyId": attribute("KmsMasterKeyId", STRING),
            "maxMessageSize": attribute("MaximumMessageSize", whole(1024, 1048576), COMPUTED),
            "messageRetentionSeconds": attribute(
                "MessageRetentionPeriod", whole(60, 1209600), Property("", default=345600)
            ),
            "policy": attribute("Policy", DOCUMENT, COMPUTED),
            "receiveWaitTimeSeconds": attribute(
                "ReceiveMessageWaitTimeSeconds", whole(0, 20), Property("", default=0)
            ),
            "redriveAllowPolicy": attribute("RedriveAllowPolicy", DOCUMENT, COMPUTED),
            "redrivePolicy": attribute("RedrivePolicy", DOCUMENT, COMPUTED),
            "sqsManagedSseEnabled": attribute("SqsManagedSseEnabled", TEXT_FLAG, COMPUTED),
            "tags": Property("tags"),
            "visibilityTimeoutSeconds": attribute(
                "VisibilityTimeout", whole(0, 43200), Property("", default=30)
            ),
        },
        {"arn": "Attributes.QueueArn", "url": "QueueUrl"},
        Queues(),
        naming=Naming(longest=75, finish=fifo),
        tagging=_QUEUE_TAGS,
        unserved=frozenset({"namePrefix"}),
    ),
    Kind(
        "aws:sqs/queuePolicy:QueuePolicy",
        "sqs",
        "set_queue_attributes",
        {
            "queueUrl": Property("QueueUrl", fixed=True, required=True),
            "policy": attribute("Policy", DOCUMENT, Property("", required=True)),
        },
        {},
        QueuePolicies(),
        name="",
    ),
)
