"""A declaration of every type around AWS IoT, in an order in which they can be made, and changes."""

from __future__ import annotations

from .aws_material import (
    ACCOUNT,
    ARN,
    QUEUE,
    REGION,
    ROLE,
    TAGS,
    TOPIC,
    Case,
    archive,
    asset,
    policy,
    trust,
)


def around() -> list[Case]:
    """What stands around AWS IoT."""
    return [*_roles(), *_functions(), *_queues_and_topics(), *_streams_and_tables(), *_stores()]


def _roles() -> list[Case]:
    return [
        Case(
            "aws:iam/role:Role",
            {
                "name": "live",
                "assumeRolePolicy": trust("iot", "lambda", "credentials.iot"),
                "description": "for tests",
                "tags": TAGS,
            },
            {"description": "for all tests", "tags": {"a": "c"}},
            {"path": "/other/"},
        ),
        Case(
            "aws:iam/rolePolicy:RolePolicy",
            {"name": "send", "role": "live", "policy": policy("sqs:SendMessage", QUEUE)},
            {"policy": policy("sqs:SendMessage", f"{QUEUE}-dead")},
            {"role": "other"},
        ),
        Case(
            "aws:iam/policy:Policy",
            {"name": "read", "policy": policy("iot:DescribeThing", f"{ARN}:thing/one"), "tags": TAGS},
            {"policy": policy("iot:DescribeThing", f"{ARN}:thing/two"), "tags": {}},
            {"description": "other"},
        ),
        Case(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "live", "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/read"},
            fixed={"role": "other"},
        ),
    ]


def _functions() -> list[Case]:
    return [
        Case(
            "aws:lambda/function:Function",
            {
                "name": "hook",
                "role": ROLE,
                "handler": "main.handler",
                "runtime": "python3.12",
                "code": archive("def handler(event, context): return {}"),
                "environment": {"variables": {"TABLE": "allowed"}},
                "tags": TAGS,
            },
            {"timeout": 5, "code": archive("def handler(event, context): return event")},
            {"packageType": "Image"},
        ),
        Case(
            "aws:lambda/permission:Permission",
            {
                "statementId": "iot",
                "action": "lambda:InvokeFunction",
                "function": "hook",
                "principal": "iot.amazonaws.com",
                "sourceArn": f"{ARN}:rule/live",
                "sourceAccount": ACCOUNT,
            },
            fixed={"principal": "sns.amazonaws.com"},
        ),
        Case(
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            {"functionName": "hook", "maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
            {"maximumRetryAttempts": 1},
            {"functionName": "other"},
        ),
    ]


def _queues_and_topics() -> list[Case]:
    return [
        Case(
            "aws:sqs/queue:Queue",
            {"name": "telemetry", "sqsManagedSseEnabled": True, "tags": TAGS},
            {"visibilityTimeoutSeconds": 60, "messageRetentionSeconds": 1209600},
            {"fifoQueue": True},
        ),
        Case(
            "aws:sqs/queuePolicy:QueuePolicy",
            {
                "queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/telemetry",
                "policy": policy("sqs:SendMessage", QUEUE),
            },
            {"policy": policy("sqs:ReceiveMessage", QUEUE)},
        ),
        Case(
            "aws:sns/topic:Topic",
            {"name": "alerts", "displayName": "Alerts", "tags": TAGS},
            {"displayName": "Alarms"},
            {"name": "other"},
        ),
        Case(
            "aws:sns/topicPolicy:TopicPolicy",
            {"arn": TOPIC, "policy": policy("sns:Publish", TOPIC)},
            {"policy": policy("sns:Subscribe", TOPIC)},
            {"arn": f"{TOPIC}-2"},
        ),
        Case(
            "aws:sns/topicSubscription:TopicSubscription",
            {"topic": TOPIC, "protocol": "sqs", "endpoint": QUEUE},
            {"rawMessageDelivery": True},
            {"protocol": "lambda"},
        ),
    ]


def _streams_and_tables() -> list[Case]:
    return [
        Case(
            "aws:kinesis/stream:Stream",
            {"name": "telemetry", "shardCount": 1, "tags": TAGS},
            {"retentionPeriod": 48},
            {"name": "other"},
        ),
        Case(
            "aws:cloudwatch/logGroup:LogGroup",
            {"name": "/live/iot", "retentionInDays": 14, "tags": TAGS},
            {"retentionInDays": 30},
            {"name": "other"},
        ),
        Case(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {
                "name": "few",
                "comparisonOperator": "LessThanThreshold",
                "evaluationPeriods": 2,
                "metricName": "Connect.Success",
                "namespace": "AWS/IoT",
                "period": 300,
                "statistic": "Sum",
                "threshold": 1,
                "dimensions": {"Protocol": "MQTT"},
                "alarmActions": [TOPIC],
            },
            {"threshold": 2},
            {"name": "other"},
        ),
        Case(
            "aws:dynamodb/table:Table",
            {
                "name": "allowed",
                "billingMode": "PAY_PER_REQUEST",
                "hashKey": "id",
                "attributes": [{"name": "id", "type": "S"}],
                "tags": TAGS,
            },
            {"ttl": {"attributeName": "until", "enabled": True}},
            {"hashKey": "other"},
        ),
    ]


def _stores() -> list[Case]:
    bucket = {"bucket": "live-bucket"}
    default = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    return [
        Case("aws:s3/bucket:Bucket", {**bucket, "forceDestroy": True, "tags": TAGS}, {"tags": {"a": "c"}}),
        Case(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {**bucket, "blockPublicAcls": True, "blockPublicPolicy": True},
            {"ignorePublicAcls": True},
            {"bucket": "other"},
        ),
        Case(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {**bucket, "rules": [{**default, "bucketKeyEnabled": False}]},
            {"rules": [{**default, "bucketKeyEnabled": True}]},
            {"bucket": "other"},
        ),
        Case(
            "aws:s3/bucketVersioning:BucketVersioning",
            {**bucket, "versioningConfiguration": {"status": "Enabled"}},
            {"versioningConfiguration": {"status": "Suspended"}},
            {"bucket": "other"},
        ),
        *(
            Case(
                token,
                {**bucket, "key": key, "source": asset("hello"), "contentType": "text/plain"},
                {"source": asset("good day")},
                {"key": "other"},
            )
            for token, key in (
                ("aws:s3/bucketObject:BucketObject", "some/one.txt"),
                ("aws:s3/bucketObjectv2:BucketObjectv2", "some/two.txt"),
            )
        ),
        Case(
            "aws:ssm/parameter:Parameter",
            {"name": "/live/owner", "type": "String", "value": "one", "tags": TAGS},
            {"value": "two"},
            {"name": "/live/other"},
        ),
        Case(
            "aws:kms/key:Key",
            {"description": "live", "deletionWindowInDays": 7, "tags": TAGS},
            {"description": "alive", "enableKeyRotation": True},
            {"keyUsage": "SIGN_VERIFY"},
        ),
    ]
