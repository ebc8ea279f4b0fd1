"""Lambda functions that AWS IoT invokes in its own name: only those whose policy lets it.

Source: "Lambda rule action" and "Pre-provisioning hooks" (AWS IoT developer guide): the function's resource
policy allows `lambda:InvokeFunction` to the service principal `iot.amazonaws.com`, best for one
`aws:SourceArn` and `aws:SourceAccount`.
"""

import json
from typing import Any

from localcloud.aws import policy
from localcloud.aws.api import ApiError
from localcloud.aws.calls import Calls
from localcloud.aws.policy import MalformedPolicy, Request
from localcloud.aws.roles import IOT


class FunctionRefused(Exception):  # noqa: N818 - a decision, not a fault
    """The function may not be invoked, or failed; says why."""


class Functions:
    """Functions of the emulator. `reads` is for calls that change nothing."""

    def __init__(self, calls: Calls, reads: Calls) -> None:
        self._calls = calls
        self._reads = reads

    async def send(self, arn: str, event: object, source: str) -> None:
        """Invoke and do not wait; `source` as for `invoke`. Raises FunctionRefused, ApiError."""
        await self._check(arn, source)
        body = json.dumps(event).encode()
        await self._calls.call("lambda", "invoke", FunctionName=arn, InvocationType="Event", Payload=body)

    async def invoke(self, arn: str, event: object, source: str) -> bytes:
        """Invoke and wait; `source` is the ARN of the rule or template. Raises FunctionRefused, ApiError."""
        await self._check(arn, source)
        body = json.dumps(event).encode()
        answer = await self._calls.call("lambda", "invoke", FunctionName=arn, Payload=body)
        payload = _read(answer["Payload"])
        if answer.get("FunctionError"):
            raise FunctionRefused(f"{arn} failed ({answer['FunctionError']})")
        return payload

    async def _check(self, arn: str, source: str) -> None:
        try:
            held = await self._reads.call("lambda", "get_policy", FunctionName=arn)
            document = policy.check(json.loads(held["Policy"]), trust=True)
        except (ApiError, MalformedPolicy, ValueError) as error:
            raise FunctionRefused(f"{arn} has no policy that lets {IOT} invoke it: {error}") from error
        context = {"aws:SourceArn": source, "aws:SourceAccount": source.split(":")[4]}
        asked = Request("lambda:InvokeFunction", arn, context, ("Service", IOT))
        if not policy.allows([document], asked):
            raise FunctionRefused(f"the policy of {arn} does not let {IOT} invoke it for {source}")


def _read(payload: Any) -> bytes:  # noqa: ANN401 - botocore's StreamingBody, or bytes
    return payload if isinstance(payload, bytes) else bytes(payload.read())
