"""Custom allocation: what the webhook is asked, and what of its answer can be followed. Pure.

learn.microsoft.com/azure/iot-dps/concepts-custom-allocation. DPS posts an AllocationRequest and takes an
AllocationResponse: `iotHubHostName` (one of `linkedHubs`), and if it likes `initialTwin`, which "will
override any twin migration settings", and `payload` for the device. The webhook sees no keys, and its own
address with the query as `****` (logs shown in tutorial-custom-allocation-policies). The error code 400207
and the words "Custom allocation failed with status code: 400" are what devices get (tests of the Azure SDK
for Embedded C); for the other failures the same code is used with words of our own.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.azure.dps.bodies import TWIN
from localcloud.azure.dps.enrollments import shown
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import Document
from localcloud.azure.dps.records import Match, Record
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.twins import new_twin
from localcloud.azure.shapes import Fault

Webhook = Callable[[str, Document], Awaitable[tuple[int, bytes]]]
"""POSTs a body to a URL; gives status and answer, raises TimeoutError, or OSError without the address."""

ALLOCATION_FAILED = 400207
LARGEST_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True)
class Choice:
    """Where a device shall go. `initial_twin` is the webhook's, which outdoes the enrollment's."""

    host: str
    initial_twin: Document | None = None
    payload: Document | None = None


def failure(words: str) -> DpsError:
    """A registration that failed for its webhook's sake."""
    return DpsError(400, ALLOCATION_FAILED, f"Custom allocation failed{words}", "allocation-failed")


def request_body(
    match: Match, enrollment: Document, hosts: Sequence[str], record: Record | None, payload: Document | None
) -> Document:
    """The AllocationRequest."""
    context: Document = {"registrationId": match.registration_id}
    if record and record.get("assignedHub"):
        context["currentIotHubHostName"] = record["assignedHub"]
        context["currentDeviceId"] = record["deviceId"]
    context.update(match.context)
    if payload is not None:
        context["payload"] = payload
    member = "enrollmentGroup" if match.is_group else "individualEnrollment"
    definition = enrollment["customAllocationDefinition"]
    told = shown(enrollment, definition["apiVersion"])
    told["customAllocationDefinition"] = {
        **definition,
        "webhookUrl": _without_query(definition["webhookUrl"]),
    }
    return {member: told, "deviceRuntimeContext": context, "linkedHubs": list(hosts)}


def read_answer(status: int, raw: bytes, hosts: Sequence[str]) -> Choice:
    """The webhook's choice among `hosts`. Raises DpsError with what is wrong with its answer."""
    if status != 200:
        raise failure(f" with status code: {status}")
    body = _document(raw)
    host = body.get("iotHubHostName")
    if not isinstance(host, str) or not host:
        raise failure(": the webhook's answer lacks iotHubHostName")
    if host.lower() not in hosts:
        raise failure(f": the webhook chose the hub {host[:200]!r}; linked are {', '.join(hosts) or 'none'}")
    payload = body.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise failure(": the payload in the webhook's answer is no JSON object")
    return Choice(host.lower(), _twin(body.get("initialTwin")), payload)


def _document(raw: bytes) -> Document:
    if len(raw) > LARGEST_ANSWER_BYTES:
        raise failure(f": the webhook's answer is larger than {LARGEST_ANSWER_BYTES} bytes")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as fault:
        raise failure(": the webhook's answer is not JSON") from fault
    if not isinstance(body, dict):
        raise failure(": the webhook's answer is no JSON object")
    return body


def _twin(given: Any) -> Document | None:  # noqa: ANN401 - JSON
    if given is None:
        return None
    faults: list[Fault] = []
    cleaned = TWIN.check(given, "initialTwin", faults)
    if faults:
        raise failure(f": the webhook's answer has {'; '.join(str(it) for it in faults)}")
    try:
        new_twin("check", cleaned)
    except HubError as fault:
        raise failure(f": the initialTwin in the webhook's answer: {fault.message}") from fault
    return dict(cleaned)


def _without_query(url: str) -> str:
    address, mark, _ = url.partition("?")
    return f"{address}?****" if mark else address
