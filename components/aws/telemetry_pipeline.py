"""Messages of devices to a queue or a stream; what cannot be delivered, to a queue of dead letters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, iot, kinesis, sqs

from components.aws.place import Place
from components.aws.roles import ReadyRole, ready_role
from components.aws.service_role import IOT, Statement, allow, document, tls_only

_FAMILY: Final = "telemetry"
_SQL_VERSION: Final = "2016-03-23"
_KEEP_SECONDS: Final = 14 * 24 * 3600
"""The longest that SQS keeps a message: time to look at dead letters."""
_RECEIVES: Final = 5
"""How often a message is handed out before it counts as dead."""
_RETENTION_HOURS: Final = 24
_STREAM_KEY: Final = "alias/aws/kinesis"
"""AWS' own key of Kinesis in the account; whoever may put records may use it by way of Kinesis."""


class TelemetryPipelineArgs(TypedDict):
    """Arguments of TelemetryPipeline."""

    place: Place
    topics: Sequence[str]
    """Names of topics below that: `telemetry`. A rule each."""
    shards: int | None
    """Of a Kinesis stream; None: an SQS queue."""
    alarm_topic_arn: NotRequired[pulumi.Input[str]]
    """A topic that is told when there are dead letters."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to delete queues and stream, with the messages in them."""
    tags: Mapping[str, str]


class TelemetryPipeline(pulumi.ComponentResource):
    """A topic rule for each topic of the fleet, of all its groups and things, to one queue or stream.

    A message arrives as the device wrote it (JSON), with `groupName`, `thingName` and `receivedAt` (in ms)
    beside its own fields. The names are of the topic, which a device's policy binds to the device, not
    of the message. What is no JSON, and what AWS cannot deliver, goes to the dead letters with AWS' own
    account of what went wrong; so does what a consumer of the queue gave back five times.

    Queues are encrypted with SQS' own keys, the stream with AWS' key for Kinesis; all take TLS only.
    The role may put messages to these and nothing else.
    """

    target_arn: pulumi.Output[str]
    dead_letters_url: pulumi.Output[str]

    def __init__(
        self, name: str, args: TelemetryPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:TelemetryPipeline", name, {}, opts)
        dead = self._queue(f"{name}-dead", args["place"].name("telemetry-dead"), args)
        if args["shards"] is None:
            queue = self._queue(f"{name}-queue", args["place"].name("telemetry"), args, dead)
            role = self._role(name, args, allow(["sqs:SendMessage"], [queue.arn, dead.arn]))
            target = _to_queue(queue, role)
            self.target_arn = queue.arn
        else:
            stream = self._stream(name, args, args["shards"])
            putting = allow(["kinesis:PutRecord"], stream.arn)
            role = self._role(name, args, putting, allow(["sqs:SendMessage"], dead.arn))
            target = _to_stream(stream, role)
            self.target_arn = stream.arn
        for topic in args["topics"]:
            self._rule(name, args, topic, target, dead, role)
        self._alarm(name, args, dead)
        self.dead_letters_url = dead.url
        self.register_outputs({"targetArn": self.target_arn, "deadLettersUrl": self.dead_letters_url})

    def _queue(
        self, name: str, queue_name: str, args: TelemetryPipelineArgs, dead: sqs.Queue | None = None
    ) -> sqs.Queue:
        redrive = None
        if dead is not None:
            redrive = pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead.arn, "maxReceiveCount": _RECEIVES}
            )
        return sqs.Queue(
            name,
            name=queue_name,
            sqs_managed_sse_enabled=True,
            message_retention_seconds=_KEEP_SECONDS,
            redrive_policy=redrive,
            # `*` is all that there is: denied, without TLS.
            policy=document([tls_only("sqs:*", args["place"].arn("sqs", queue_name))]),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, protect=args.get("protect")),
        )

    def _stream(self, name: str, args: TelemetryPipelineArgs, shards: int) -> kinesis.Stream:
        return kinesis.Stream(
            f"{name}-stream",
            name=args["place"].name("telemetry"),
            shard_count=shards,
            retention_period=_RETENTION_HOURS,
            encryption_type="KMS",
            kms_key_id=_STREAM_KEY,
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, protect=args.get("protect")),
        )

    def _role(self, name: str, args: TelemetryPipelineArgs, *statements: Statement) -> ReadyRole:
        place = args["place"]
        # `*` is the topics, a rule each, as many as are described: a trust policy has 2,048 letters at most.
        source = place.arn("iot", f"rule/{place.rules(_FAMILY)}_*")
        return ready_role(
            name,
            {
                "place": place,
                "role_name": place.name("telemetry"),
                "service": IOT,
                "source": source,
                "description": "AWS IoT delivers messages of devices.",
                "tags": args["tags"],
            },
            statements,
            pulumi.ResourceOptions(parent=self),
        )

    def _rule(
        self,
        name: str,
        args: TelemetryPipelineArgs,
        topic: str,
        target: Mapping[str, Any],
        dead: sqs.Queue,
        role: ReadyRole,
    ) -> None:
        failed = iot.TopicRuleErrorActionSqsArgs(queue_url=dead.url, role_arn=role.arn, use_base64=False)
        iot.TopicRule(
            f"{name}-{topic}",
            name=args["place"].rule([_FAMILY], topic),
            description=f"Messages of the fleet {args['place'].fleet} on its topics …/{topic}.",
            enabled=True,
            sql=sql(args["place"].fleet, topic),
            sql_version=_SQL_VERSION,
            error_action=iot.TopicRuleErrorActionArgs(sqs=failed),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role.rights]),
            **target,
        )

    def _alarm(self, name: str, args: TelemetryPipelineArgs, dead: sqs.Queue) -> None:
        if "alarm_topic_arn" not in args:
            return
        cloudwatch.MetricAlarm(
            f"{name}-alarm",
            name=args["place"].name("telemetry-dead"),
            alarm_description="There are messages of devices that could not be delivered.",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": dead.name},
            statistic="Maximum",
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            period=300,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[args["alarm_topic_arn"]],
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )


def sql(fleet: str, topic: str) -> str:
    """The statement for one topic of a fleet, of all its groups and things ("AWS IoT SQL reference")."""
    named = "topic(3) AS groupName, topic(4) AS thingName, timestamp() AS receivedAt"
    return f"SELECT *, {named} FROM 'dt/{fleet}/+/+/{topic}'"  # noqa: S608 - names of checked forms


def _to_queue(queue: sqs.Queue, role: ReadyRole) -> dict[str, Any]:
    return {"sqs": [iot.TopicRuleSqsArgs(queue_url=queue.url, role_arn=role.arn, use_base64=False)]}


def _to_stream(stream: kinesis.Stream, role: ReadyRole) -> dict[str, Any]:
    """The messages of one thing keep their order: they go to one shard."""
    action = iot.TopicRuleKinesisArgs(stream_name=stream.name, role_arn=role.arn, partition_key="${topic(4)}")
    return {"kineses": [action]}
