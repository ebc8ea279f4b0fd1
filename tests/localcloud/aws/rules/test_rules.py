"""Rules: made and changed, what they do with messages, and what their error actions are told."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import pytest

from localcloud.aws.api import ApiError
from localcloud.aws.background import Background
from localcloud.aws.functions import Functions
from localcloud.aws.iot.rule_actions import Actions
from localcloud.aws.iot.rules import Rules
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.aws.roles import Roles
from localcloud.clock import Clock
from localcloud.store import Store

_ROLE = "arn:aws:iam::111122223333:role/rules"
_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/q"
_SQS = {"sqs": {"roleArn": _ROLE, "queueUrl": _URL}}
_DEAD = {"sqs": {"roleArn": _ROLE, "queueUrl": f"{_URL}-dead"}}
_FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:f"


class World:
    """Rules over services and roles that the test makes up."""

    def __init__(self, store: Store) -> None:
        place = Place(store, Clock())
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.republished: list[tuple[str, bytes, int]] = []
        self.allowed = ["sqs:*", "sns:*", "kinesis:*", "s3:*", "iot:Publish"]
        self.trusted = "iot.amazonaws.com"
        self.fails: dict[str, str] = {}
        self.background = Background()
        actions = Actions(place, self, Roles(self), Functions(self, self))
        actions.republish = lambda *given: self.republished.append(given)
        self.make: Callable[[], Rules] = lambda: Rules(place, Tags(place), actions, self.background)
        self.rules = self.make()

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        assert service
        if operation in self.fails:
            raise ApiError(self.fails[operation], "no", 400)
        self.made.append((operation, params))
        if operation == "get_policy":
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "iot.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": _FUNCTION,
                "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-west-1:111122223333:rule/r"}},
            }
            return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statement})}
        return {}

    async def trust_policy(self, role: str) -> Mapping[str, Any] | None:
        if role != "rules":
            return None
        statement = {"Effect": "Allow", "Principal": {"Service": self.trusted}, "Action": "sts:AssumeRole"}
        return {"Version": "2012-10-17", "Statement": statement}

    async def documents(self, kind: str, name: str) -> Sequence[Mapping[str, Any]]:
        assert (kind, name) == ("Role", "rules")
        statement = {"Effect": "Allow", "Action": self.allowed, "Resource": "*"}
        return [{"Version": "2012-10-17", "Statement": statement}]

    def rule(self, *actions: Any, sql: str = "SELECT * FROM 'dt/+'", name: str = "r", **more: Any) -> None:
        payload = {"sql": sql, "actions": list(actions), **more}
        self.ask("CreateTopicRule", ruleName=name, topicRulePayload=payload)

    def ask(self, operation: str, **params: Any) -> Any:
        return self.rules.operations()[operation](None, params)  # type: ignore[arg-type]

    def send(self, topic: str, payload: bytes = b'{"t":1}') -> None:
        async def work() -> None:
            self.rules.deliver(topic, payload, "pump-1", "ab")
            await self.background.settle()

        _run(work())

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.made if name == operation]


def _run(work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
    async def outer() -> None:
        await work

    asyncio.run(outer())


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_each_kind_of_action(world: World) -> None:
    world.rule(
        _SQS,
        {"sqs": {"roleArn": _ROLE, "queueUrl": _URL, "useBase64": True}},
        {"sns": {"roleArn": _ROLE, "targetArn": "arn:aws:sns:eu-west-1:111122223333:n"}},
        {"kinesis": {"roleArn": _ROLE, "streamName": "s", "partitionKey": "${topic(2)}"}},
        {"s3": {"roleArn": _ROLE, "bucketName": "b", "key": "${topic(2)}/${timestamp()}"}},
        {"republish": {"roleArn": _ROLE, "topic": "again/${topic(2)}", "qos": 1}},
        {"lambda": {"functionArn": _FUNCTION}},
        sql="SELECT *, clientid() AS who FROM 'dt/+'",
    )
    world.send("dt/pump-1")
    body = '{"t":1,"who":"pump-1"}'
    assert [it["MessageBody"] for it in world.of("send_message")] == [
        body,
        base64.b64encode(body.encode()).decode(),
    ]
    assert world.of("publish")[0]["Message"] == body
    assert world.of("put_record")[0]["PartitionKey"] == "pump-1"
    assert world.of("put_object")[0]["Key"].startswith("pump-1/")
    assert world.republished == [("again/pump-1", body.encode(), 1)]
    (invoked,) = world.of("invoke")
    assert (invoked["InvocationType"], json.loads(invoked["Payload"])["who"]) == ("Event", "pump-1")


def test_only_what_the_statement_takes(world: World) -> None:
    world.rule(_SQS, sql="SELECT t FROM 'dt/+' WHERE t > 1")
    for topic, payload in (("dt/a", b'{"t":1}'), ("cmd/a", b'{"t":2}'), ("dt/a", b'{"t":3}')):
        world.send(topic, payload)
    assert [it["MessageBody"] for it in world.of("send_message")] == ['{"t":3}']


def test_switching_replacing_and_a_restart(world: World) -> None:
    world.rule(_SQS, ruleDisabled=True)
    world.send("dt/a")
    world.ask("EnableTopicRule", ruleName="r")
    world.rules = world.make()
    world.send("dt/a")
    world.ask("DisableTopicRule", ruleName="r")
    world.send("dt/a")
    assert len(world.of("send_message")) == 1
    payload = {"sql": "SELECT * FROM 'x'", "actions": [], "description": "new"}
    world.ask("ReplaceTopicRule", ruleName="r", topicRulePayload=payload)
    rule = world.ask("GetTopicRule", ruleName="r")["rule"]
    assert (rule["description"], rule["ruleDisabled"], rule["actions"]) == ("new", False, [])
    assert [it["ruleName"] for it in world.ask("ListTopicRules", topic="x")["rules"]] == ["r"]
    assert world.ask("ListTopicRules", ruleDisabled=True)["rules"] == []
    world.ask("DeleteTopicRule", ruleName="r")
    for operation in ("GetTopicRule", "DeleteTopicRule", "EnableTopicRule"):
        with pytest.raises(ApiError, match="UnauthorizedException"):
            world.ask(operation, ruleName="r")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("trust", "does not trust iot.amazonaws.com"),
        ("policy", "not authorized to perform sqs:SendMessage"),
        ("service", "no"),
    ],
)
def test_what_fails_goes_to_the_error_action(world: World, fault: str, words: str) -> None:
    world.rule(_SQS, errorAction={"republish": {"roleArn": _ROLE, "topic": "errors"}})
    if fault == "trust":
        world.trusted = "lambda.amazonaws.com"
    elif fault == "policy":
        world.allowed.remove("sqs:*")
    else:
        world.fails["send_message"] = "AWS.SimpleQueueService.NonExistentQueue"
    world.send("dt/a")
    if fault == "trust":
        assert not world.republished
        return
    ((topic, payload, _),) = world.republished
    told = json.loads(payload)
    assert (topic, told["ruleName"], told["topic"], told["clientId"]) == ("errors", "r", "dt/a", "pump-1")
    assert base64.b64decode(told["base64OriginalPayload"]) == b'{"t":1}'
    (failure,) = told["failures"]
    assert (failure["failedAction"], failure["failedResource"]) == ("SqsAction", _URL)
    assert words in failure["errorMessage"]


def test_a_payload_that_is_no_json_is_a_failure_too(world: World) -> None:
    world.rule(_SQS, sql="SELECT t FROM 'dt/+'", errorAction=_DEAD)
    world.send("dt/a", b"\xff")
    (sent,) = world.of("send_message")
    assert sent["QueueUrl"].endswith("-dead")
    assert json.loads(sent["MessageBody"])["failures"][0]["failedAction"] == "SQL"


def test_a_function_must_let_the_rule_invoke_it(world: World) -> None:
    action = {"lambda": {"functionArn": _FUNCTION}}
    world.rule(action, name="other", errorAction=_DEAD)
    world.send("dt/a")
    assert not world.of("invoke")
    assert "does not let iot.amazonaws.com" in world.of("send_message")[0]["MessageBody"]


def test_basic_ingest(world: World) -> None:
    world.rule(_SQS, sql="SELECT topic() AS t FROM 'other'")

    async def work() -> None:
        world.rules.ingest("r", "dt/a", b"{}", "c", "p")
        world.rules.ingest("none", "dt/a", b"{}", "c", "p")
        await world.background.settle()

    _run(work())
    assert [it["MessageBody"] for it in world.of("send_message")] == ['{"t":"dt/a"}']


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sql": "SELECT"}, "SqlParseException"),
        ({"awsIotSqlVersion": "2020-01-01"}, "InvalidRequestException"),
        ({"actions": [{}]}, "InvalidRequestException"),
        ({"actions": [{**_SQS, "republish": {"roleArn": _ROLE, "topic": "t"}}]}, "InvalidRequestException"),
        ({"actions": [{"dynamoDB": {}}]}, "InvalidRequestException"),
        ({"actions": [{"sqs": {"roleArn": "none", "queueUrl": _URL}}]}, "InvalidRequestException"),
        (
            {
                "actions": [
                    {"republish": {"roleArn": _ROLE, "topic": "${topic("}},
                    {"republish": {"topic": "${a b}"}},
                ]
            },
            "InvalidRequestException",
        ),
        ({"errorAction": {"http": {}}}, "InvalidRequestException"),
    ],
)
def test_rules_that_are_refused(world: World, changes: dict[str, Any], code: str) -> None:
    payload = {"sql": "SELECT * FROM 'a'", "actions": [_SQS], **changes}
    with pytest.raises(ApiError) as caught:
        world.ask("CreateTopicRule", ruleName="r", topicRulePayload=payload)
    assert caught.value.code == code
    assert world.rules.get("r") is None


def test_a_name_that_is_taken_and_tags(world: World) -> None:
    payload = {"sql": "SELECT * FROM 'a'", "actions": []}
    world.ask("CreateTopicRule", ruleName="r", topicRulePayload=payload, tags="fleet=a%20b&stage=")
    rule = world.rules.get("r")
    assert rule is not None
    with pytest.raises(ApiError, match="ResourceAlreadyExistsException"):
        world.ask("CreateTopicRule", ruleName="r", topicRulePayload=payload)
