"""Calls to the services around AWS IoT, in AWS' own name."""

import json
from typing import Any, Protocol

from localcloud.calls import Call

_IAM_READS = (b"Action=Get", b"Action=List", b"Action=Simulate")


class Calls(Protocol):
    """Whoever carries them out: the emulator."""

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """A call as boto3 would make it, with the root's key. Raises ApiError with the service's code."""


class KeptCalls:
    """Answers of calls that read roles and functions' policies, kept until IAM or Lambda is told a change.

    `observe` has to hear of every call from outside that was answered well.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kept: dict[str, dict[str, Any]] = {}
        self._changes = 0

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """The answer, kept or fresh; only for operations that change nothing. Raises ApiError."""
        key = json.dumps([service, operation, params], sort_keys=True)
        known = self._kept.get(key)
        if known is not None:
            return known
        before = self._changes
        answer = await self._calls.call(service, operation, **params)
        if self._changes == before:
            self._kept[key] = answer
        return answer

    def observe(self, call: Call, service: str) -> None:
        """Forget everything when the call changed something."""
        is_iam = service == "iam" and not any(it in call.raw for it in _IAM_READS)
        is_function = service == "lambda" and call.method != "GET" and not call.path.endswith("/invocations")
        if is_iam or is_function:
            self._kept.clear()
            self._changes += 1
