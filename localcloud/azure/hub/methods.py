"""Direct methods: a question to a connected device, and its answer.

"Understand and invoke direct methods from IoT Hub" (learn.microsoft.com/azure/iot-hub/
iot-hub-devguide-direct-methods): 404 when the device is not online, which means connected and subscribed,
within the connect time-out; 504 when it does not answer within the response time-out. Time-outs are of the
wall's time.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.azure.hub.errors import HubError

LARGEST_PAYLOAD_BYTES = 128 * 1024
RESPONSE_SECONDS, SHORTEST_RESPONSE_SECONDS, LONGEST_SECONDS = 30, 5, 300


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is asked: `payload` is JSON as bytes, empty for none."""

    name: str
    payload: bytes
    response_seconds: float
    connect_seconds: float


class Line(Protocol):
    """A connected device or module."""

    def ask(self, name: str, request_id: str, payload: bytes) -> bool:
        """Send it a method request; False when it has not subscribed to methods."""


class Methods:
    """Invocations under way. `find` gives the connection of an identity by its key, `{host}/{subject}`."""

    def __init__(self) -> None:
        self.find: Callable[[str], Line | None] = lambda _: None
        self._ids = itertools.count(1)
        self._answers: dict[tuple[str, str], asyncio.Future[tuple[int, bytes]]] = {}
        self._arrivals: dict[str, asyncio.Event] = {}

    async def invoke(self, key: str, wanted: Invocation) -> dict[str, Any]:
        """`{"status", "payload"}` from the device. HubError 404, 504, 502."""
        request_id = str(next(self._ids))
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._answers[key, request_id] = answer
        try:
            await self._reach(key, wanted, request_id)
            status, payload = await asyncio.wait_for(answer, wanted.response_seconds)
        except TimeoutError as error:
            text = "Timed out waiting for the response from device."
            raise HubError(504, "GatewayTimeout", text) from error
        finally:
            del self._answers[key, request_id]
        return {"status": status, "payload": _payload(payload)}

    def answered(self, key: str, request_id: str, status: int, payload: bytes) -> None:
        """A device has answered; late and invented answers are let be."""
        answer = self._answers.get((key, request_id))
        if answer is not None and not answer.done():
            answer.set_result((status, payload))

    def arrived(self, key: str) -> None:
        """A device can be asked now."""
        event = self._arrivals.pop(key, None)
        if event is not None:
            event.set()

    async def _reach(self, key: str, wanted: Invocation, request_id: str) -> None:
        if self._ask(key, wanted, request_id):
            return
        event = self._arrivals.setdefault(key, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), wanted.connect_seconds)
        except TimeoutError as error:
            raise _offline() from error
        if not self._ask(key, wanted, request_id):
            raise _offline()

    def _ask(self, key: str, wanted: Invocation, request_id: str) -> bool:
        line = self.find(key)
        return line is not None and line.ask(wanted.name, request_id, wanted.payload)


def _offline() -> HubError:
    return HubError(404, "DeviceNotOnline", "Timed out waiting for device to connect.")


def _payload(payload: bytes) -> Any:  # noqa: ANN401 - JSON
    if not payload:
        return None
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise HubError(
            502, "InvalidResponseWhileProxying", "The device answered with no valid JSON."
        ) from error
