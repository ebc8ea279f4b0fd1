"""A topic whose messages go to people: encrypted, over TLS only, and one role that may publish."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import pulumi
from pulumi_aws import iam, sns

from components.aws.place import Place
from components.aws.roles import ReadyRole, ready_role
from components.aws.service_role import IOT, allow, document, tls_only

_KEY: Final = "alias/aws/sns"
"""AWS' own key of SNS in the account. Whoever in the account may publish may use it by way of SNS ("Managing
encryption keys and costs", Amazon SNS), so the role below needs no right on a key."""


class AlertTopicArgs(TypedDict):
    """Arguments of `alert_topic`."""

    place: Place
    topic_name: str
    role_name: str
    source: pulumi.Input[str]
    """On whose behalf AWS IoT may publish: an ARN, or a pattern."""
    emails: Sequence[str]
    tags: Mapping[str, str]


class AlertTopic:
    """The topic, the role that AWS IoT publishes to it by, and what must be there before it can: `rights`."""

    def __init__(self, topic: sns.Topic, role: ReadyRole) -> None:
        self.arn: pulumi.Output[str] = topic.arn
        self.role_arn: pulumi.Output[str] = role.arn
        self.rights: iam.RolePolicy = role.rights


def alert_topic(name: str, args: AlertTopicArgs, opts: pulumi.ResourceOptions) -> AlertTopic:
    """The topic `{name}-topic`, its role, and a subscription an address.

    Each address gets a message of AWS first and gets alarms only once it has confirmed; AWS lets nobody
    confirm for somebody else.
    """
    place, topic_name = args["place"], args["topic_name"]
    topic = sns.Topic(
        f"{name}-topic",
        name=topic_name,
        kms_master_key_id=_KEY,
        policy=document([tls_only("sns:Publish", place.arn("sns", topic_name))]),
        tags=args["tags"],
        opts=opts,
    )
    for address in args["emails"]:
        sns.TopicSubscription(
            f"{name}-to-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=opts
        )
    role = ready_role(
        f"{name}-publisher",
        {
            "place": place,
            "role_name": args["role_name"],
            "service": IOT,
            "source": args["source"],
            "description": "AWS IoT publishes alarms to one topic.",
            "tags": args["tags"],
        },
        [allow(["sns:Publish"], topic.arn)],
        opts,
    )
    return AlertTopic(topic, role)
