"""SNS: topics, their policies and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws.table.attributes import COMPUTED, DOCUMENT, TEXT_FLAG, attribute, fifo, whole
from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import STRING, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.shapes import Scalar

_TOPIC_NAME = Scalar(
    "string", pattern=r"^(?=.{1,256}$)[A-Za-z0-9_-]+(\.fifo)?$", rule="1 to 256 letters, digits, - and _"
)
_PROTOCOL = Scalar(
    "string",
    pattern=r"^(application|email|email-json|firehose|http|https|lambda|sms|sqs)$",
    rule="application, email, email-json, firehose, http, https, lambda, sms or sqs",
)
_TOPIC_TAGS = Tagging("Attributes.TopicArn", "ResourceArn", listed="Tags", added="Tags", removed="TagKeys")


@dataclass(frozen=True)
class Topics(Base):
    """Topics; each attribute changes by a call of its own. The id is the address."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; it answers with the topic that is there when its attributes are the same."""
        return str(to.do("create_topic", **wish)["TopicArn"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its attributes."""
        found = missing_is_none(to, "get_topic_attributes", TopicArn=identity)
        return found and {**found, "Name": identity.rpartition(":")[2]}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """What differs."""
        wanted, there = wish.get("Attributes", {}), live["Attributes"]
        emptied = ("DisplayName", "KmsMasterKeyId", "DeliveryPolicy")
        gone = {name: "" for name in emptied if there.get(name) and name not in wanted}
        for name, value in {**gone, **wanted}.items():
            if there.get(name) != value and name != "FifoTopic":
                _set_topic(to, identity, name, value)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_topic", TopicArn=identity)


def _set_topic(to: Context, identity: str, name: str, value: str) -> None:
    to.ask("set_topic_attributes", TopicArn=identity, AttributeName=name, AttributeValue=value)


@dataclass(frozen=True)
class TopicPolicies(Base):
    """A topic's policy by itself; the id is the topic's."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; a policy that is there is replaced, as the published provider does."""
        _set_topic(to, wish["TopicArn"], "Policy", wish["Policy"])
        return str(wish["TopicArn"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """The attribute."""
        found = missing_is_none(to, "get_topic_attributes", TopicArn=identity)
        return found and {**found["Attributes"], "TopicArn": identity}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        _set_topic(to, identity, "Policy", wish["Policy"])

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The topic goes back to what its owner's account may do, as the published provider leaves it."""
        owner = identity.split(":")[4]
        text = _OWNER_POLICY % {"topic": identity, "owner": owner}
        _set_topic(to, identity, "Policy", text)


_OWNER_POLICY = (
    '{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID",'
    '"Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes",'
    '"SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe",'
    '"SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"%(topic)s",'
    '"Condition":{"StringEquals":{"AWS:SourceOwner":"%(owner)s"}}}]}'
)
"""What SNS gives a new topic; its principal is everybody, held to the owner's account by the condition."""


@dataclass(frozen=True)
class Subscriptions(Base):
    """Subscriptions; the id is the address, which one that waits for confirmation has, too."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; subscribing again answers with what is there."""
        return str(to.do("subscribe", **wish, ReturnSubscriptionArn=True)["SubscriptionArn"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its attributes."""
        found = missing_is_none(to, "get_subscription_attributes", SubscriptionArn=identity)
        if found is None:
            return None
        told: dict[str, Any] = found["Attributes"]
        return {**told, "Attributes": told}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """What differs."""
        wanted, there = wish.get("Attributes", {}), live["Attributes"]
        emptied = {"FilterPolicy": "{}", "RedrivePolicy": "{}", "DeliveryPolicy": "{}"}
        gone = {name: it for name, it in emptied.items() if there.get(name) and name not in wanted}
        for name, value in {**gone, **wanted}.items():
            if there.get(name) != value:
                to.ask(
                    "set_subscription_attributes",
                    SubscriptionArn=identity,
                    AttributeName=name,
                    AttributeValue=value,
                )

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("unsubscribe", SubscriptionArn=identity)


KINDS = (
    Kind(
        "aws:sns/topic:Topic",
        "sns",
        "create_topic",
        {
            "name": own("Name", shape=_TOPIC_NAME),
            "contentBasedDeduplication": attribute("ContentBasedDeduplication", TEXT_FLAG),
            "deliveryPolicy": attribute("DeliveryPolicy", DOCUMENT),
            "displayName": attribute("DisplayName", STRING),
            "fifoTopic": attribute("FifoTopic", TEXT_FLAG, Property("", fixed=True)),
            "kmsMasterKeyId": attribute("KmsMasterKeyId", STRING),
            "policy": attribute("Policy", DOCUMENT, COMPUTED),
            "signatureVersion": attribute("SignatureVersion", whole(1, 2), COMPUTED),
            "tags": Property("Tags", how=pairs()),
            "tracingConfig": attribute("TracingConfig", STRING, COMPUTED),
        },
        {
            "arn": "Attributes.TopicArn",
            "beginningArchiveTime": "Attributes.BeginningArchiveTime",
            "owner": "Attributes.Owner",
        },
        Topics(),
        naming=Naming(longest=251, finish=fifo),
        tagging=_TOPIC_TAGS,
        unserved=frozenset(
            {
                "archivePolicy",
                "fifoThroughputScope",
                "maximumMessageSize",
                "namePrefix",
                *(
                    f"{protocol}{outcome}"
                    for protocol in ("application", "firehose", "http", "lambda", "sqs")
                    for outcome in (
                        "FailureFeedbackRoleArn",
                        "SuccessFeedbackRoleArn",
                        "SuccessFeedbackSampleRate",
                    )
                ),
            }
        ),
    ),
    Kind(
        "aws:sns/topicPolicy:TopicPolicy",
        "sns",
        "set_topic_attributes",
        {
            "arn": Property("TopicArn", fixed=True, required=True),
            "policy": Property("Policy", shape=DOCUMENT, required=True),
        },
        {"owner": "Owner"},
        TopicPolicies(),
        name="",
    ),
    Kind(
        "aws:sns/topicSubscription:TopicSubscription",
        "sns",
        "subscribe",
        {
            "topic": Property("TopicArn", fixed=True, required=True),
            "protocol": Property("Protocol", fixed=True, required=True, shape=_PROTOCOL),
            "endpoint": Property("Endpoint", fixed=True, required=True),
            "deliveryPolicy": attribute("DeliveryPolicy", DOCUMENT),
            "filterPolicy": attribute("FilterPolicy", DOCUMENT),
            "filterPolicyScope": attribute("FilterPolicyScope", STRING, COMPUTED),
            "rawMessageDelivery": attribute("RawMessageDelivery", TEXT_FLAG, Property("", default=False)),
            "redrivePolicy": attribute("RedrivePolicy", DOCUMENT),
            "subscriptionRoleArn": attribute("SubscriptionRoleArn", STRING),
        },
        {
            "arn": "SubscriptionArn",
            "confirmationWasAuthenticated": "ConfirmationWasAuthenticated",
            "ownerId": "Owner",
            "pendingConfirmation": "PendingConfirmation",
        },
        Subscriptions(),
        name="",
        unserved=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms", "replayPolicy"}),
    ),
)
