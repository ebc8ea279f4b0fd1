"""Jobs over MQTT: what a device asks for and reports; notifications when something changed for it.

Source: "AWS IoT Jobs device MQTT API operations" (AWS IoT developer guide). Over MQTT a job's document is an
object, over HTTPS a text; `expectedVersion` comes as a text too. The errors' codes are that page's. A request
is held to the model of the same operation over HTTPS (botocore iot-jobs-data 2017-09-29): unknown members,
of which the page says nothing, are refused.
"""

import json
import re
from typing import Any

from localcloud.aws.api import ApiError
from localcloud.aws.broker.connection import Connection
from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.iot.job_executions import Executions
from localcloud.aws.model import BadRequest, Model
from localcloud.aws.place import Place
from localcloud.mqtt.payloads import BadPayload, read_object, write_object

_TOPIC = re.compile(r"\$aws/things/([^/]+)/jobs/(?:(get|start-next)|([^/]+)/(get|update))")
_CODES = {
    "ResourceNotFoundException": "ResourceNotFound",
    "InvalidRequestException": "InvalidRequest",
    "InvalidStateTransitionException": "InvalidStateTransition",
    "VersionConflictException": "VersionMismatch",
    "TerminalStateException": "TerminalStateReached",
    "ThrottlingException": "RequestThrottled",
}
_STATUSES = {"inProgressJobs": "IN_PROGRESS", "queuedJobs": "QUEUED"}
_OPERATIONS = {
    "get": "DescribeJobExecution",
    "update": "UpdateJobExecution",
    "start-next": "StartNextPendingJobExecution",
}
Json = dict[str, Any]


class JobTopics:
    """Requests of devices, and what devices are told unasked."""

    def __init__(self, place: Place, executions: Executions, exchange: Exchange) -> None:
        self._place = place
        self._executions = executions
        self._exchange = exchange
        self._told: dict[str, bytes] = {}
        executions.on_change(self._changed)

    def handle(self, _: Connection | None, message: Posted) -> bool:
        """Answer; False when the topic is none of jobs'."""
        found = _TOPIC.fullmatch(message.topic)
        if found is None:
            return False
        thing, job_id, operation = found[1], found[3], found[2] or found[4]
        answer: Json = {"timestamp": int(self._place.now())}
        try:
            body = _body(message.payload)
            answer |= {"clientToken": body["clientToken"]} if "clientToken" in body else {}
            answer |= _shown(self._done(operation, thing, job_id, body))
        except BadPayload as error:
            self._answer(message, "rejected", {**answer, "code": "InvalidJson", "message": str(error)})
        except ApiError as error:
            code = _CODES.get(error.code, "InternalError")
            self._answer(message, "rejected", {**answer, "code": code, "message": error.message})
        else:
            self._answer(message, "accepted", answer)
        return True

    def _done(self, operation: str, thing: str, job_id: str | None, body: Json) -> Json:
        if job_id is None and operation == "get":
            _checked("GetPendingJobExecutions", thing, None, body)
            return self._executions.pending(thing)
        params = _checked(_OPERATIONS[operation], thing, job_id, body)
        if job_id is None:
            return self._executions.start_next(thing, params)
        if operation == "get":
            return self._executions.describe(thing, job_id, params)
        return self._executions.update(thing, job_id, params)

    def _answer(self, message: Posted, outcome: str, body: Json) -> None:
        self._exchange.tell(f"{message.topic}/{outcome}", write_object(body))

    def _changed(self, thing: str) -> None:
        """Tell the pending executions; and the next one, when it is another than was told last."""
        base, now = f"$aws/things/{thing}/jobs", int(self._place.now())
        pending = self._executions.pending(thing)
        jobs = {status: pending[name] for name, status in _STATUSES.items() if pending[name]}
        self._exchange.tell(f"{base}/notify", write_object({"timestamp": now, "jobs": jobs}))
        execution = _shown({"execution": self._executions.next(thing) or {}})["execution"]
        known = write_object([execution.get("jobId"), execution.get("executionNumber")])
        if self._told.get(thing) != known:
            self._told[thing] = known
            told = {"timestamp": now, "execution": execution}
            self._exchange.tell(f"{base}/notify-next", write_object(told))


def _body(payload: bytes) -> Json:
    """A request's members. Raises BadPayload, ApiError."""
    body = {name: value for name, value in read_object(payload or b"{}").items() if value is not None}
    if not isinstance(body.get("clientToken", ""), str):
        raise ApiError("InvalidRequestException", "clientToken is no text")
    return body


def _checked(operation: str, thing: str, job_id: str | None, body: Json) -> Json:
    """The operation's parameters; thing and job are those of the topic. Raises ApiError."""
    told = {name: value for name, value in body.items() if name != "clientToken"}
    version = told.get("expectedVersion")
    if isinstance(version, str) and re.fullmatch(r"[0-9]{1,18}", version):
        told["expectedVersion"] = int(version)
    where = {"thingName": thing} if job_id is None else {"thingName": thing, "jobId": job_id}
    try:
        return Model.of("iot-jobs-data").check(operation, {**told, **where}).params
    except BadRequest as bad:
        raise ApiError("InvalidRequestException", str(bad)) from bad


def _shown(answer: Json) -> Json:
    """With documents as objects."""
    execution = answer.get("execution")
    if execution and "jobDocument" in execution:
        return {**answer, "execution": {**execution, "jobDocument": json.loads(execution["jobDocument"])}}
    if "jobDocument" in answer:
        return {**answer, "jobDocument": json.loads(answer["jobDocument"])}
    return answer
