"""A role that an AWS service takes on for one thing of one account, and the parts of policies.

Whom AWS IoT works for is checked by `aws:SourceAccount`, and by `aws:SourceArn` where AWS publishes its
value ("Cross-service confused deputy prevention" in the developer guides of AWS IoT Core and of AWS IoT
Device Defender): else somebody else could have the service use our role. For the credential provider AWS
publishes neither key ("Authorizing direct calls to AWS services using AWS IoT Core credential provider"), nor
for Lambda ("Defining Lambda function permissions with an execution role"), and a condition on a key that is
not sent refuses everybody. There `iam:PassRole` guards: it works within one account only, so no other
account's role alias or function can name our role.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_aws import iam

from components.aws.place import Place

IOT: Final = "iot.amazonaws.com"
CREDENTIALS: Final = "credentials.iot.amazonaws.com"
LAMBDA: Final = "lambda.amazonaws.com"
_WITHOUT_SOURCE: Final = frozenset({CREDENTIALS, LAMBDA})
VERSION: Final = "2012-10-17"

_SHORTEST_SESSION = 3600
"""Least `MaxSessionDuration` of a role (botocore's model of IAM, roleMaxSessionDurationType)."""

Statement = Mapping[str, Any]
"""A statement of a policy; its values may be outputs."""


class ServiceRoleArgs(TypedDict):
    """Arguments of `service_role`."""

    place: Place
    role_name: str
    """At most 64 characters."""
    service: str
    """The service's principal."""
    source: NotRequired[pulumi.Input[str] | Sequence[pulumi.Input[str]]]
    """ARN of the one thing, several, or a pattern of ARNs, on whose behalf the service may take the role."""
    description: str
    session_seconds: NotRequired[int]
    """How long the service may have the role at a time."""
    tags: Mapping[str, str]


def service_role(name: str, args: ServiceRoleArgs, opts: pulumi.ResourceOptions) -> iam.Role:
    """The role `{name}-role`, which may do nothing by itself: see `components.aws.roles.ready_role`."""
    seconds = args.get("session_seconds")
    return iam.Role(
        f"{name}-role",
        name=args["role_name"],
        description=args["description"],
        assume_role_policy=document([_trust(args)]),
        max_session_duration=None if seconds is None else max(seconds, _SHORTEST_SESSION),
        tags=args["tags"],
        opts=opts,
    )


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """A policy document as JSON."""
    return pulumi.Output.json_dumps({"Version": VERSION, "Statement": [dict(each) for each in statements]})


def allow(
    actions: Sequence[str],
    resources: pulumi.Input[str] | Sequence[pulumi.Input[str]],
    **condition: Mapping[str, Any],
) -> Statement:
    """A statement that allows; `condition` by operator, such as `StringEquals={…}`."""
    made = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**made, "Condition": condition} if condition else made


def tls_only(action: str, resource: pulumi.Input[str]) -> Statement:
    """A statement of a resource's own policy: nobody, whoever it be (`*`), without TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _trust(args: ServiceRoleArgs) -> Statement:
    trusted = {"Effect": "Allow", "Principal": {"Service": args["service"]}, "Action": "sts:AssumeRole"}
    if args["service"] in _WITHOUT_SOURCE:
        return trusted
    conditions: dict[str, Any] = {"StringEquals": {"aws:SourceAccount": args["place"].account}}
    if "source" in args:
        conditions["ArnLike"] = {"aws:SourceArn": args["source"]}
    return {**trusted, "Condition": conditions}
