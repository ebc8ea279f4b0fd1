"""Topic rules, and destinations in a network of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from localcloud.providers.boto.calls import Base, Plain, Wish, missing_is_none, pages
from localcloud.providers.boto.codecs import FLAG, STRING, many, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Field, Record, Shape

_ACTION = "topicRulePayload.actions.[]"
_ACTIONS = {
    "cloudwatchAlarms": "cloudwatchAlarm",
    "cloudwatchLogs": "cloudwatchLogs",
    "cloudwatchMetrics": "cloudwatchMetric",
    "dynamodbs": "dynamoDB",
    "dynamodbv2s": "dynamoDBv2",
    "elasticsearch": "elasticsearch",
    "firehoses": "firehose",
    "https": "http",
    "iotAnalytics": "iotAnalytics",
    "iotEvents": "iotEvents",
    "kineses": "kinesis",
    "lambdas": "lambda",
    "republishes": "republish",
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "stepFunctions": "stepFunctions",
}
"""Pulumi's lists of actions, by the kinds of action of the API."""
_ON_ERROR = {
    "cloudwatchAlarm": "cloudwatchAlarm",
    "cloudwatchLogs": "cloudwatchLogs",
    "cloudwatchMetric": "cloudwatchMetric",
    "dynamodb": "dynamoDB",
    "dynamodbv2": "dynamoDBv2",
    "elasticsearch": "elasticsearch",
    "firehose": "firehose",
    "http": "http",
    "iotAnalytics": "iotAnalytics",
    "iotEvents": "iotEvents",
    "kinesis": "kinesis",
    "lambda": "lambda",
    "republish": "republish",
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "stepFunctions": "stepFunctions",
}


@dataclass(frozen=True)
class Rules(Base):
    """Topic rules: their actions are one list in the API, and a list a kind in Pulumi."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; the tags go as the text of a query."""
        named = {it["Key"]: it["Value"] for it in wish.get("tags") or ()}
        tags = {"tags": urlencode(named)} if named else {}
        to.ask("create_topic_rule", ruleName=wish["ruleName"], topicRulePayload=_payload(wish), **tags)
        return str(wish["ruleName"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["ruleName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Its payload, with the actions by kind."""
        found = _found(to, identity)
        if found is None:
            return None
        rule: dict[str, Any] = found["rule"]
        by_kind: dict[str, list[Any]] = {}
        for action in rule.get("actions") or ():
            for name, it in action.items():
                by_kind.setdefault(name, []).append(it)
        return {
            **rule,
            "ruleArn": found["ruleArn"],
            "enabled": not rule.get("ruleDisabled", False),
            "actions": by_kind,
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """All of it."""
        to.ask("replace_topic_rule", ruleName=identity, topicRulePayload=_payload(wish))

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        try:
            to.ask("delete_topic_rule", ruleName=identity)
        except CloudRefused as refused:
            if _is_forbidden(to, identity, refused):
                raise


def _found(to: Context, name: str) -> dict[str, Any] | None:
    """A rule; None when there is none."""
    try:
        return missing_is_none(to, "get_topic_rule", ruleName=name)
    except CloudRefused as refused:
        if _is_forbidden(to, name, refused):
            raise
        return None


def _is_forbidden(to: Context, name: str, refused: CloudRefused) -> bool:
    """Whether a refusal is one. AWS refuses a rule that is not there likewise, so the list has to tell."""
    if refused.code != "UnauthorizedException":
        return True
    return name in [it["ruleName"] for it in pages(to, "list_topic_rules", "rules", {})]


def _payload(wish: Wish) -> dict[str, Any]:
    actions = [{name: it} for name, items in (wish.get("actions") or {}).items() for it in items]
    told = {name: wish[name] for name in ("sql", "awsIotSqlVersion", "description") if name in wish}
    on_error = {"errorAction": wish["errorAction"]} if wish.get("errorAction") else {}
    return {**told, "actions": actions, "ruleDisabled": not wish["enabled"], **on_error}


@dataclass(frozen=True)
class Destinations(Plain):
    """Destinations are enabled once the network answers, and changed by their status alone."""

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Its status."""
        to.ask(self.changer, arn=identity, status="ENABLED" if wish["enabled"] else "DISABLED")

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """With its status as a flag."""
        found = super().read(to, identity, inputs)
        return found and {**found, "enabled": found.get("status") == "ENABLED"}


def _spelt(model: Shape) -> Shape:
    """An action that fails as Pulumi spells the kinds: all in small letters."""
    assert isinstance(model, Record)
    by_member = {(it.wire or (name,))[0]: it for name, it in model.fields.items()}
    fields = {name: Field(by_member[member].shape, wire=(member,)) for name, member in _ON_ERROR.items()}
    return Record(model.name, fields, frozenset({"kafka", "timestream"}))


KINDS = (
    Kind(
        "aws:iot/topicRule:TopicRule",
        "iot",
        "create_topic_rule",
        {
            "name": own("ruleName"),
            "description": Property("description", model="topicRulePayload.description"),
            "enabled": Property("enabled", shape=FLAG, required=True),
            "sql": Property("sql", model="topicRulePayload.sql", required=True),
            "sqlVersion": Property(
                "awsIotSqlVersion", model="topicRulePayload.awsIotSqlVersion", required=True
            ),
            "errorAction": Property("errorAction", model="topicRulePayload.errorAction", how=_spelt),
            "tags": Property("tags", shape=pairs()(STRING)),
            **{
                name: Property(f"actions.{member}", model=f"{_ACTION}.{member}", how=many)
                for name, member in _ACTIONS.items()
            },
        },
        {"arn": "ruleArn"},
        Rules(),
        naming=Naming(separator="_"),
        tagging=Tagging("ruleArn"),
        renamed={"https.headers": "httpHeaders", "errorAction.http.headers": "httpHeaders"},
        absent=frozenset(
            {
                "errorAction.republish.headers",
                "republishes.headers",
                *(f"{place}.channelArn" for place in ("iotAnalytics", "errorAction.iotAnalytics")),
                *(
                    f"{place}.{name}"
                    for place in ("https", "errorAction.http")
                    for name in ("auth", "batchConfig", "enableBatching")
                ),
            }
        ),
        unserved=frozenset({"kafkas", "timestreams", "errorAction.kafka", "errorAction.timestream"}),
        demanded=frozenset(
            f"{above}{name}"
            for above in ("", "errorAction.")
            for name in ("iotAnalytics.channelName", "iotAnalytics.roleArn", "sqs.useBase64")
        ),
    ),
    Kind(
        "aws:iot/topicRuleDestination:TopicRuleDestination",
        "iot",
        "create_topic_rule_destination",
        {
            "vpcConfiguration": Property(
                "destinationConfiguration.vpcConfiguration", seen="vpcProperties", fixed=True, required=True
            ),
            "enabled": Property("enabled", shape=FLAG, default=True),
        },
        {"arn": "arn"},
        Destinations(
            "arn",
            "create_topic_rule_destination",
            "get_topic_rule_destination",
            "update_topic_rule_destination",
            "delete_topic_rule_destination",
            inside="topicRuleDestination",
            identity="topicRuleDestination.arn",
        ),
        name="",
        sets=frozenset({"vpcConfiguration.subnetIds", "vpcConfiguration.securityGroups"}),
    ),
)
