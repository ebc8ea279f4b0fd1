"""Topic rules: SQL over messages, and actions for what it lets through.

Operations of botocore's iot 2015-05-28. A rule that is not there is answered with UnauthorizedException, as
AWS does (the model has no ResourceNotFoundException for them). "Error handling (error action)" (developer
guide): the error action gets one message with all actions that failed.
"""

import base64
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.background import Background
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.rule_actions import ActionFailed, Actions
from localcloud.aws.iot.rule_results import selected, takes
from localcloud.aws.iot.rule_sql import SqlError, Statement, parse
from localcloud.aws.iot.rule_values import Message, NoJson
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.mqtt.payloads import write_object
from localcloud.mqtt.topics import fits

LOG = logging.getLogger("localcloud.aws.rules")
_KIND = "aws-topic-rule"
_VERSIONS = ("2015-10-08", "2016-03-23", "beta")
_SHOWN = ("sql", "description", "actions", "ruleDisabled", "awsIotSqlVersion", "errorAction")


@dataclass(frozen=True)
class Rule:
    """A rule, its statement read."""

    name: str
    arn: str
    payload: Params
    created: float
    statement: Statement

    @property
    def is_on(self) -> bool:
        """Whether it takes messages."""
        return not self.payload.get("ruleDisabled", False)


class Rules:
    """Rules by name."""

    def __init__(self, place: Place, tags: Tags, actions: Actions, background: Background) -> None:
        self._place = place
        self._tags = tags
        self._background = background
        self.actions = actions
        self._rules = {name: self._loaded(name, it) for name, it in place.store.list(_KIND)}

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateTopicRule": self._create,
                "ReplaceTopicRule": self._replace,
                "GetTopicRule": self._get,
                "ListTopicRules": self._list,
                "EnableTopicRule": lambda params: self._switch(params, is_off=False),
                "DisableTopicRule": lambda params: self._switch(params, is_off=True),
                "DeleteTopicRule": self._delete,
            }
        )

    def get(self, name: str) -> Rule | None:
        """A rule, or None."""
        return self._rules.get(name)

    def deliver(self, topic: str, payload: bytes, client_id: str = "N/A", principal: str = "N/A") -> None:
        """A message that went through the broker, for whichever rules take it."""
        for rule in list(self._rules.values()):
            if rule.is_on and fits(rule.statement.topic_filter, topic):
                self._background.start(self._run(rule, self._message(topic, payload, client_id, principal)))

    def ingest(self, name: str, topic: str, payload: bytes, client_id: str, principal: str) -> None:
        """Basic Ingest: for one rule, whatever its FROM says. A rule that is not there takes nothing."""
        rule = self._rules.get(name)
        if rule is not None and rule.is_on:
            message = self._message(topic, payload, client_id, principal)
            self._background.start(self._run(rule, message, is_ingested=True))

    async def _run(self, rule: Rule, message: Message, *, is_ingested: bool = False) -> None:
        failures: list[dict[str, str]] = []
        try:
            if not is_ingested and not takes(rule.statement, message):
                return
            payload = selected(rule.statement, message)
        except NoJson as error:
            failures.append({"failedAction": "SQL", "failedResource": rule.name, "errorMessage": str(error)})
            await self._report(rule, message, failures)
            return
        for action in rule.payload["actions"]:
            try:
                await self.actions.do(rule.arn, action, payload, message)
            except ActionFailed as failed:
                failures.append(failed.told)
        if failures:
            await self._report(rule, message, failures)

    async def _report(self, rule: Rule, message: Message, failures: list[dict[str, str]]) -> None:
        LOG.warning("rule failed", extra={"fields": {"rule": rule.name, "failures": failures}})
        action = rule.payload.get("errorAction")
        if not action:
            return
        told = {
            "ruleName": rule.name,
            "topic": message.topic,
            "cloudwatchTraceId": message.trace_id,
            "clientId": message.client_id,
            "base64OriginalPayload": base64.b64encode(message.payload).decode(),
            "failures": failures,
        }
        try:
            await self.actions.do(rule.arn, action, write_object(told), message)
        except ActionFailed as failed:
            LOG.warning("error action failed", extra={"fields": {"rule": rule.name, **failed.told}})

    def _message(self, topic: str, payload: bytes, client_id: str, principal: str) -> Message:
        now = int(self._place.now() * 1000)
        return Message(topic, payload, self._place.account, now, client_id, principal)

    # the control plane

    def _create(self, params: Params) -> Params:
        name = params["ruleName"]
        if name in self._rules:
            arn = self._rules[name].arn
            words = f"Rule {name} already exists."
            raise ApiError("ResourceAlreadyExistsException", words, resourceId=name, resourceArn=arn)
        rule = self._checked(name, params["topicRulePayload"], self._place.now())
        pairs = parse_qsl(params.get("tags", ""), keep_blank_values=True)
        self._tags.put(rule.arn, [{"Key": key, "Value": value} for key, value in pairs])
        self._save(rule)
        return {}

    def _replace(self, params: Params) -> Params:
        known = self._require(params["ruleName"])
        self._save(self._checked(known.name, params["topicRulePayload"], known.created))
        return {}

    def _get(self, params: Params) -> Params:
        known = self._require(params["ruleName"])
        shown = {name: known.payload[name] for name in _SHOWN if name in known.payload}
        shown |= {"ruleName": known.name, "createdAt": known.created, "ruleDisabled": not known.is_on}
        shown.setdefault("awsIotSqlVersion", _VERSIONS[0])
        return {"ruleArn": known.arn, "rule": shown}

    def _list(self, params: Params) -> Params:
        topic, is_off = params.get("topic"), params.get("ruleDisabled")
        found = [
            _listed(it)
            for it in sorted(self._rules.values(), key=lambda it: it.name)
            if (topic is None or fits(it.statement.topic_filter, topic)) and is_off in (None, not it.is_on)
        ]
        return page("rules", found, lambda it: str(it["ruleName"]), params)

    def _switch(self, params: Params, *, is_off: bool) -> Params:
        known = self._require(params["ruleName"])
        payload = {**known.payload, "ruleDisabled": is_off}
        self._save(Rule(known.name, known.arn, payload, known.created, known.statement))
        return {}

    def _delete(self, params: Params) -> Params:
        known = self._require(params["ruleName"])
        del self._rules[known.name]
        self._place.store.delete(_KIND, known.name)
        self._tags.forget(known.arn)
        return {}

    def _require(self, name: str) -> Rule:
        found = self._rules.get(name)
        if found is None:
            raise ApiError("UnauthorizedException", f"Access to topic rule '{name}' was denied", 401)
        return found

    def _checked(self, name: str, payload: Params, created: float) -> Rule:
        """A rule as it is asked for. Raises ApiError."""
        if payload.get("awsIotSqlVersion", _VERSIONS[0]) not in _VERSIONS:
            raise invalid(f"awsIotSqlVersion must be one of {', '.join(_VERSIONS)}.")
        for action in [
            *payload["actions"],
            *([payload["errorAction"]] if payload.get("errorAction") else []),
        ]:
            self.actions.check(action)
        return self._loaded(name, {"payload": payload, "created": created})

    def _loaded(self, name: str, kept: Params) -> Rule:
        try:
            statement = parse(kept["payload"]["sql"])
        except SqlError as error:
            raise ApiError("SqlParseException", f"The rule's SQL does not parse: {error}.") from error
        return Rule(name, self._place.arn(f"rule/{name}"), kept["payload"], kept["created"], statement)

    def _save(self, rule: Rule) -> None:
        self._place.store.put(_KIND, rule.name, {"payload": rule.payload, "created": rule.created})
        self._rules[rule.name] = rule


def _listed(rule: Rule) -> dict[str, Any]:
    return {
        "ruleArn": rule.arn,
        "ruleName": rule.name,
        "topicPattern": rule.statement.topic_filter,
        "createdAt": rule.created,
        "ruleDisabled": not rule.is_on,
    }
