"""Rules on the services that stand around AWS IoT, and just-in-time registration with a real function."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cloud, Device, Identity

_ACCOUNT = "111122223333"
_IOT = f"arn:aws:iot:eu-west-1:{_ACCOUNT}"
_WAIT_SECONDS = 30.0


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(cloud: Cloud, name: str, service: str, *allowed: tuple[str, str]) -> Any:
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust(service))["Role"]["Arn"]
    statements = [{"Effect": "Allow", "Action": action, "Resource": it} for action, it in allowed]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    return arn


def _received(cloud: Cloud, url: str) -> Any:
    """The next message of a queue."""
    sqs, ends = cloud.client("sqs"), time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < ends:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
    raise AssertionError(f"nothing came to {url}")


def _rule(cloud: Cloud, name: str, sql: str, actions: list[Any], **more: Any) -> None:
    payload = {"sql": sql, "actions": actions, "awsIotSqlVersion": "2016-03-23", **more}
    cloud.client("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)


@pytest.fixture(scope="module")
def queue(cloud: Cloud) -> Any:
    return cloud.client("sqs").create_queue(QueueName="rules")["QueueUrl"]


def test_queue_topic_stream_and_bucket(cloud: Cloud, queue: str) -> None:
    sns, kinesis, s3 = cloud.client("sns"), cloud.client("kinesis"), cloud.client("s3")
    topic = sns.create_topic(Name="told")["TopicArn"]
    kinesis.create_stream(StreamName="told", ShardCount=1)
    s3.create_bucket(Bucket="told", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    queue_arn = f"arn:aws:sqs:eu-west-1:{_ACCOUNT}:told"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs = cloud.client("sqs")
    told = sqs.create_queue(QueueName="told", Attributes={"Policy": policy})["QueueUrl"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
    )
    role = _role(
        cloud,
        "rules",
        "iot.amazonaws.com",
        ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{_ACCOUNT}:rules"),
        ("sns:Publish", topic),
        ("kinesis:PutRecord", f"arn:aws:kinesis:eu-west-1:{_ACCOUNT}:stream/told"),
        ("s3:PutObject", "arn:aws:s3:::told/*"),
        ("iot:Publish", f"{_IOT}:topic/again/*"),
    )
    actions = [
        {"sqs": {"roleArn": role, "queueUrl": queue}},
        {"sns": {"roleArn": role, "targetArn": topic, "messageFormat": "RAW"}},
        {"kinesis": {"roleArn": role, "streamName": "told", "partitionKey": "${topic(2)}"}},
        {"s3": {"roleArn": role, "bucketName": "told", "key": "${topic(2)}.json"}},
        {"republish": {"roleArn": role, "topic": "again/${topic(2)}", "qos": 1}},
    ]
    _rule(cloud, "all", "SELECT *, topic(2) AS device FROM 'dt/+' WHERE t > 1", actions)
    _rule(cloud, "again", "SELECT * FROM 'again/+'", [{"sqs": {"roleArn": role, "queueUrl": queue}}])
    data, expected = cloud.client("iot-data"), {"t": 2, "device": "pump-1"}
    data.publish(topic="dt/pump-1", payload=b'{"t":1}')
    data.publish(topic="dt/pump-1", payload=b'{"t":2}', qos=1)
    assert [_received(cloud, queue), _received(cloud, queue), _received(cloud, told)] == [expected] * 3
    assert json.loads(s3.get_object(Bucket="told", Key="pump-1.json")["Body"].read()) == expected
    shard = kinesis.get_shard_iterator(
        StreamName="told", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    (record,) = kinesis.get_records(ShardIterator=shard["ShardIterator"])["Records"]
    assert (json.loads(record["Data"]), record["PartitionKey"]) == (expected, "pump-1")


def test_what_fails_goes_to_the_dead_letters(cloud: Cloud, queue: str) -> None:
    good = _role(
        cloud,
        "dead",
        "iot.amazonaws.com",
        ("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{_ACCOUNT}:rules"),
    )
    untrusted = _role(cloud, "untrusted", "lambda.amazonaws.com", ("sqs:SendMessage", "*"))
    missing = queue.replace("/rules", "/missing")
    _rule(
        cloud,
        "failing",
        "SELECT * FROM 'fail'",
        [
            {"sqs": {"roleArn": untrusted, "queueUrl": queue}},
            {"sqs": {"roleArn": good, "queueUrl": missing}},
            {"sqs": {"roleArn": f"arn:aws:iam::{_ACCOUNT}:role/none", "queueUrl": queue}},
        ],
        errorAction={"sqs": {"roleArn": good, "queueUrl": queue}},
    )
    cloud.client("iot-data").publish(topic="fail", payload=b"not json")
    told = _received(cloud, queue)
    assert (told["ruleName"], told["topic"]) == ("failing", "fail")
    words = [it["errorMessage"] for it in told["failures"]]
    assert "does not trust iot.amazonaws.com" in words[0]
    assert "not authorized to perform sqs:SendMessage" in words[1]
    assert "there is no role" in words[2]


_SOURCE = """
import boto3

def handler(event, context):
    iot = boto3.client("iot")
    arn = f"arn:aws:iot:eu-west-1:{event['awsAccountId']}:cert/{event['certificateId']}"
    iot.attach_policy(policyName="just-in-time", target=arn)
    iot.update_certificate(certificateId=event["certificateId"], newStatus="ACTIVE")
"""


def _function(cloud: Cloud, name: str, role: str) -> Any:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", _SOURCE)
    return cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )["FunctionArn"]


def test_just_in_time_registration_with_a_function(cloud: Cloud, tmp_path: Path) -> None:
    iot = cloud.client("iot")
    statements = [{"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{_IOT}:client/*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iot.create_policy(policyName="just-in-time", policyDocument=document)
    role = _role(
        cloud,
        "activate",
        "lambda.amazonaws.com",
        ("iot:UpdateCertificate", f"{_IOT}:cert/*"),
        ("iot:AttachPolicy", f"{_IOT}:cert/*"),
    )
    function = _function(cloud, "activate", role)
    factory = Identity(tmp_path, "factory", ca=True)
    code = iot.get_registration_code()["registrationCode"]
    proof = Identity(tmp_path, code, factory)
    authority = iot.register_ca_certificate(
        caCertificate=factory.pem,
        verificationCertificate=proof.pem,
        setAsActive=True,
        allowAutoRegistration=True,
    )["certificateId"]
    topic = f"$aws/events/certificates/registered/{authority}"
    _rule(cloud, "activate", f"SELECT * FROM '{topic}'", [{"lambda": {"functionArn": function}}])  # noqa: S608
    cloud.client("lambda").add_permission(
        FunctionName="activate",
        StatementId="iot",
        Action="lambda:InvokeFunction",
        Principal="iot.amazonaws.com",
        SourceArn=f"{_IOT}:rule/activate",
        SourceAccount=_ACCOUNT,
    )
    leaf = Identity(tmp_path, "jitr-1", factory)
    ends = time.monotonic() + _WAIT_SECONDS
    answers = [_attempt(cloud, leaf)]
    while answers[-1] != {"connack": 0} and time.monotonic() < ends:
        answers.append(_attempt(cloud, leaf))
    assert answers[0] == {"connack": 0x87}
    assert answers[-1] == {"connack": 0}


def _attempt(cloud: Cloud, leaf: Identity) -> Any:
    files = {"certificate": str(leaf.certificate), "key": str(leaf.key)}
    with Device(cloud, ("mqtt5",), {"name": "jitr-1", **files}) as device:
        return device.hear()
