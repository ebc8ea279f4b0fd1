"""Telemetry: rules over the fleet's own topics, to one encrypted queue or stream; dead letters always."""

import json
from typing import Any

import pytest

from components.aws.telemetry_pipeline import TelemetryPipeline, TelemetryPipelineArgs, sql
from tests.components.aws.engine import IOT, PLACE, Engine, run

QUEUE = "aws:sqs/queue:Queue"
RULE = "aws:iot/topicRule:TopicRule"
SQS = "arn:aws:sqs:eu-west-1:111122223333"


def declared(**changes: Any) -> Engine:
    args: TelemetryPipelineArgs = {
        "place": PLACE,
        "topics": ["telemetry"],
        "shards": None,
        "tags": {"muster-fleet": "coldchain"},
        **changes,  # type: ignore[typeddict-item]  # keys of the same
    }
    return run(lambda: TelemetryPipeline("coldchain-telemetry", args))


def queued() -> Engine:
    return declared()


def streamed() -> Engine:
    return declared(shards=3)


def test_a_rule_takes_the_fleets_own_topics_to_the_queue() -> None:
    engine = queued()
    rule = engine.one(RULE).inputs
    assert rule["name"] == "coldchain_prod_telemetry_telemetry"
    assert rule["sql"] == sql("coldchain", "telemetry")
    assert rule["sql"].endswith(" FROM 'dt/coldchain/+/+/telemetry'")
    assert rule["sqlVersion"] == "2016-03-23"
    (action,) = rule["sqs"]
    assert action["queueUrl"].endswith("/coldchain-prod-telemetry")
    assert rule["errorAction"]["sqs"]["queueUrl"].endswith("/coldchain-prod-telemetry-dead")
    assert action["roleArn"] == rule["errorAction"]["sqs"]["roleArn"]


def test_queues_are_encrypted_and_what_nobody_takes_is_dead() -> None:
    engine = queued()
    for queue in engine.of(QUEUE):
        assert queue.inputs["sqsManagedSseEnabled"] is True
        (refusal,) = queue.document("policy")
        assert refusal["Effect"] == "Deny"
        assert refusal["Resource"] == f"{SQS}:{queue.inputs['name']}"
    redrive = json.loads(engine.named("coldchain-telemetry-queue").inputs["redrivePolicy"])
    assert redrive == {"deadLetterTargetArn": f"{SQS}:coldchain-prod-telemetry-dead", "maxReceiveCount": 5}
    assert "redrivePolicy" not in engine.named("coldchain-telemetry-dead").inputs


def test_the_role_may_put_messages_there_and_nothing_else() -> None:
    engine = queued()
    policy = engine.one("aws:iam/rolePolicy:RolePolicy")
    assert policy.urn in engine.one(RULE).depends_on, "no rule before its role may deliver"
    (right,) = policy.document("policy")
    assert right["Action"] == ["sqs:SendMessage"]
    assert right["Resource"] == [f"{SQS}:coldchain-prod-telemetry", f"{SQS}:coldchain-prod-telemetry-dead"]
    (trust,) = engine.one("aws:iam/role:Role").document("assumeRolePolicy")
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": f"{IOT}:rule/coldchain_prod_telemetry_*"}


def test_a_stream_keeps_the_order_of_a_thing_and_has_dead_letters_too() -> None:
    engine = streamed()
    stream = engine.one("aws:kinesis/stream:Stream").inputs
    assert (stream["shardCount"], stream["encryptionType"], stream["kmsKeyId"]) == (
        3,
        "KMS",
        "alias/aws/kinesis",
    )
    rule = engine.one(RULE).inputs
    (action,) = rule["kineses"]
    assert (action["streamName"], action["partitionKey"]) == ("coldchain-prod-telemetry", "${topic(4)}")
    assert "sqs" in rule["errorAction"]
    assert engine.one(QUEUE).inputs["name"] == "coldchain-prod-telemetry-dead"
    put, dead = engine.one("aws:iam/rolePolicy:RolePolicy").document("policy")
    assert put["Action"] == ["kinesis:PutRecord"]
    assert put["Resource"].endswith(":stream/coldchain-prod-telemetry")
    assert dead["Resource"] == f"{SQS}:coldchain-prod-telemetry-dead"


def test_a_rule_a_topic_each_with_a_name_of_its_own() -> None:
    rules = declared(topics=["telemetry", "door/state", "door.state", "door_state"]).of(RULE)
    assert len({rule.inputs["name"] for rule in rules}) == 4
    assert all(rule.inputs["name"].replace("_", "").isalnum() for rule in rules)
    assert {rule.inputs["sql"].rpartition("/+/+/")[2] for rule in rules} == {
        "telemetry'",
        "door/state'",
        "door.state'",
        "door_state'",
    }


@pytest.mark.parametrize("told", [True, False])
def test_somebody_is_told_of_dead_letters_where_there_is_somebody(told: bool) -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:ops"
    engine = declared(**({"alarm_topic_arn": topic} if told else {}))
    alarms = engine.of("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert len(alarms) == told
    for alarm in alarms:
        assert alarm.inputs["dimensions"] == {"QueueName": "coldchain-prod-telemetry-dead"}
        assert alarm.inputs["alarmActions"] == [topic]
