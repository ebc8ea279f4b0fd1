"""A function of ours in AWS Lambda, with the role that it runs as, its log, and who may call it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_aws import cloudwatch, lambda_, sqs

from components.aws import packages
from components.aws.place import Place
from components.aws.roles import ReadyRole, ready_role
from components.aws.service_role import LAMBDA, Statement, allow, document, tls_only

RUNTIME: Final = "python3.13"
_ARCHITECTURE: Final = "arm64"
_MEGABYTES: Final = 512
"""Lambda gives processor time by memory; boto3 starts slowly with less."""
_LOG_DAYS: Final = 90
_KEEP_SECONDS: Final = 14 * 24 * 3600
"""The longest that SQS keeps a message: time to look at dead letters."""
_EVENT_SECONDS: Final = 3600
_RETRIES: Final = 2


class FunctionArgs(TypedDict):
    """Arguments of `enrolment_function`."""

    place: Place
    function_name: str
    """At most 64 characters."""
    code: str
    """Which folder of components/aws/functions/."""
    settings: Mapping[str, Any]
    """What it is told, beside its code."""
    variables: Mapping[str, pulumi.Input[str]]
    """What is known only when other resources are there."""
    statements: Sequence[Statement]
    """What it may do, beside writing its log."""
    seconds: int
    """How long it may take."""
    description: str
    dead_letters: NotRequired[sqs.Queue]
    """Where events go that it failed at three times; for a function that is not waited for."""
    tags: Mapping[str, str]


def enrolment_function(name: str, args: FunctionArgs, opts: pulumi.ResourceOptions) -> lambda_.Function:
    """The function `{name}-function`, its role and its log group, which is kept for 90 days."""
    dead = args.get("dead_letters")
    log = cloudwatch.LogGroup(
        f"{name}-log",
        name=f"/aws/lambda/{args['function_name']}",
        retention_in_days=_LOG_DAYS,
        tags=args["tags"],
        opts=opts,
    )
    role = _role(name, args, opts)
    function = lambda_.Function(
        f"{name}-function",
        name=args["function_name"],
        description=args["description"],
        runtime=RUNTIME,
        architectures=[_ARCHITECTURE],
        handler=packages.entry(args["code"]),
        code=packages.package(args["code"], args["settings"]),
        memory_size=_MEGABYTES,
        timeout=args["seconds"],
        role=role.arn,
        environment=lambda_.FunctionEnvironmentArgs(variables=args["variables"]),
        dead_letter_config=None
        if dead is None
        else lambda_.FunctionDeadLetterConfigArgs(target_arn=dead.arn),
        tags=args["tags"],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[log, role.rights])),
    )
    if dead is not None:
        lambda_.FunctionEventInvokeConfig(
            f"{name}-retries",
            function_name=function.name,
            maximum_retry_attempts=_RETRIES,
            maximum_event_age_in_seconds=_EVENT_SECONDS,
            opts=opts,
        )
    return function


def called_by_iot(
    name: str,
    place: Place,
    function: pulumi.Input[str],
    source: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    *,
    statement: str = "iot",
) -> lambda_.Permission:
    """That AWS IoT may call a function (its name or ARN), on behalf of one thing (its ARN) of our own
    account. `statement` is the id of that permission, once in a function's policy."""
    return lambda_.Permission(
        f"{name}-caller",
        statement_id=statement,
        action="lambda:InvokeFunction",
        function=function,
        principal="iot.amazonaws.com",
        source_account=place.account,
        source_arn=source,
        opts=opts,
    )


def dead_letters(
    name: str, place: Place, queue_name: str, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> sqs.Queue:
    """A queue for what could not be done: encrypted, and over TLS alone."""
    return sqs.Queue(
        f"{name}-dead",
        name=queue_name,
        sqs_managed_sse_enabled=True,
        message_retention_seconds=_KEEP_SECONDS,
        # `*` is all that there is: denied, without TLS.
        policy=document([tls_only("sqs:*", place.arn("sqs", queue_name))]),
        tags=tags,
        opts=opts,
    )


def _role(name: str, args: FunctionArgs, opts: pulumi.ResourceOptions) -> ReadyRole:
    # `:*` is the streams in the log group, whose names Lambda makes.
    streams = args["place"].arn("logs", f"log-group:/aws/lambda/{args['function_name']}:*")
    dead = args.get("dead_letters")
    statements = [allow(["logs:CreateLogStream", "logs:PutLogEvents"], streams), *args["statements"]]
    if dead is not None:
        statements.append(allow(["sqs:SendMessage"], dead.arn))
    return ready_role(
        name,
        {
            "place": args["place"],
            "role_name": args["function_name"],
            "service": LAMBDA,
            "description": args["description"],
            "tags": args["tags"],
        },
        statements,
        opts,
    )
