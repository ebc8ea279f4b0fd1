"""What rules do with a message: lambda, sqs, sns, kinesis, s3, republish.

Source: "AWS IoT rule actions" (AWS IoT developer guide); botocore iot 2015-05-28, Action. An action with a
roleArn is done in that role's name: it must trust `iot.amazonaws.com` and its policies must allow the call.
Other kinds of action are refused when a rule is made.
"""

import base64
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from localcloud.aws.api import ApiError
from localcloud.aws.calls import Calls
from localcloud.aws.functions import FunctionRefused, Functions
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.rule_results import substituted
from localcloud.aws.iot.rule_sql import SqlError, parse_template
from localcloud.aws.iot.rule_values import Message
from localcloud.aws.place import Place
from localcloud.aws.roles import RoleRefused, Roles

Json = dict[str, Any]
Republish = Callable[[str, bytes, int], None]
_TEMPLATES = {"kinesis": ("partitionKey",), "s3": ("key",), "republish": ("topic",)}
_ENDPOINTS = {"lambda": "functionArn", "sqs": "queueUrl", "sns": "targetArn", "kinesis": "streamName"}
_ENDPOINTS |= {"s3": "bucketName", "republish": "topic"}


class ActionFailed(Exception):  # noqa: N818 - what happened, not a fault of this program
    """An action was not done: which one, on what, why."""

    def __init__(self, kind: str, resource: str, words: str) -> None:
        super().__init__(words)
        self.told = {
            "failedAction": f"{kind.title()}Action",
            "failedResource": resource,
            "errorMessage": words,
        }


class _Job(NamedTuple):
    """One action for one message. `settings` are the action's, `payload` what SELECT made."""

    rule_arn: str
    settings: Json
    payload: bytes
    message: Message


class Actions:
    """Does actions through the emulator; `republish` hands a message to the broker."""

    def __init__(self, place: Place, calls: Calls, roles: Roles, functions: Functions) -> None:
        self._place = place
        self._calls = calls
        self._roles = roles
        self._functions = functions
        self.republish: Republish = lambda _topic, _payload, _qos: None
        self._kinds: dict[str, Callable[[_Job], Awaitable[None]]] = {
            "lambda": self._lambda,
            "sqs": self._sqs,
            "sns": self._sns,
            "kinesis": self._kinesis,
            "s3": self._s3,
            "republish": self._republish,
        }

    def check(self, action: Json) -> None:
        """Whether an action can be served. Raises ApiError."""
        if len(action) != 1:
            raise invalid(f"An action has exactly one kind, not {len(action)}.")
        ((kind, settings),) = action.items()
        if kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise invalid(f"The local cloud serves the actions {known}; not {kind}.")
        if "roleArn" in settings:
            checked_role(settings["roleArn"])
        for name in _TEMPLATES.get(kind, ()):
            try:
                parse_template(settings.get(name, ""))
            except SqlError as error:
                raise invalid(f"{kind}.{name} is no substitution template: {error}.") from error

    async def do(self, rule_arn: str, action: Json, payload: bytes, message: Message) -> None:
        """Do one action. Raises ActionFailed."""
        ((kind, settings),) = action.items()
        try:
            await self._kinds[kind](_Job(rule_arn, settings, payload, message))
        except (ApiError, FunctionRefused, RoleRefused, SqlError) as error:
            raise ActionFailed(kind, str(settings[_ENDPOINTS[kind]]), str(error)) from error

    async def _lambda(self, job: _Job) -> None:
        """Asynchronously, as AWS IoT does: what the function makes of it is not the rule's business."""
        try:
            event: object = json.loads(job.payload)
        except ValueError:
            event = base64.b64encode(job.payload).decode()
        await self._functions.send(job.settings["functionArn"], event, job.rule_arn)

    async def _sqs(self, job: _Job) -> None:
        url = job.settings["queueUrl"]
        account, name = url.rstrip("/").split("/")[-2:]
        queue = f"arn:aws:sqs:{self._place.region}:{account}:{name}"
        await self._roles.require(job.settings["roleArn"], "sqs:SendMessage", queue, source_arn=job.rule_arn)
        if job.settings.get("useBase64"):
            body = base64.b64encode(job.payload).decode()
        else:
            body = job.payload.decode(errors="replace")
        await self._calls.call("sqs", "send_message", QueueUrl=url, MessageBody=body)

    async def _sns(self, job: _Job) -> None:
        topic = job.settings["targetArn"]
        await self._roles.require(job.settings["roleArn"], "sns:Publish", topic, source_arn=job.rule_arn)
        structure = {"MessageStructure": "json"} if job.settings.get("messageFormat") == "JSON" else {}
        text = job.payload.decode(errors="replace")
        await self._calls.call("sns", "publish", TargetArn=topic, Message=text, **structure)

    async def _kinesis(self, job: _Job) -> None:
        name = job.settings["streamName"]
        stream = self._place.arn(f"stream/{name}", "kinesis")
        await self._roles.require(
            job.settings["roleArn"], "kinesis:PutRecord", stream, source_arn=job.rule_arn
        )
        given = job.settings.get("partitionKey")
        key = substituted(given, job.message) if given else str(uuid.uuid4())
        await self._calls.call("kinesis", "put_record", StreamName=name, PartitionKey=key, Data=job.payload)

    async def _s3(self, job: _Job) -> None:
        bucket, key = job.settings["bucketName"], substituted(job.settings["key"], job.message)
        await self._roles.require(
            job.settings["roleArn"], "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", source_arn=job.rule_arn
        )
        acl = {"ACL": job.settings["cannedAcl"]} if job.settings.get("cannedAcl") else {}
        await self._calls.call("s3", "put_object", Bucket=bucket, Key=key, Body=job.payload, **acl)

    async def _republish(self, job: _Job) -> None:
        """`$$` stands for the `$` of a reserved topic."""
        given = job.settings["topic"]
        topic = substituted(given[1:] if given.startswith("$$") else given, job.message)
        await self._roles.require(
            job.settings["roleArn"], "iot:Publish", self._place.arn(f"topic/{topic}"), source_arn=job.rule_arn
        )
        self.republish(topic, job.payload, int(job.settings.get("qos", 0)))
