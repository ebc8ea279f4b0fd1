"""Cloud-to-device messages and feedback, seen from the service.

The service itself takes messages over AMQP only (Azure/azure-iot-sdks#1051). The local cloud speaks no AMQP,
so it has a door of its own, `POST /_local/devices/{id}/messages/devicebound` at the hub's host, with the
rights that the AMQP link needs. Body: {"body": text, or "bodyBase64": base64, "messageId", "correlationId",
"userId", "contentType", "contentEncoding", "expiryTimeUtc": ISO 8601, "ack": none | positive | negative |
full, "properties": {name: text}}; answer: {"messageId"}.
"""

import base64
from datetime import UTC, datetime
from typing import Any

from localcloud.azure.hub.api.entry import Entry, checked
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.messages import ACKS, LONGEST_LIFE
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.shapes import Choice, MapOf, Member, Scalar, Shape
from localcloud.calls import Answer, Call, route

_TEXT = Scalar("str")
_NAMES = ("body", "messageId", "correlationId", "userId", "contentType", "contentEncoding", "expiryTimeUtc")
_MESSAGE = Shape(
    "CloudToDeviceMessage",
    {
        **{name: Member(_TEXT, limits={"max_length": 65536}) for name in _NAMES},
        "bodyBase64": Member(Scalar("bytes")),
        "ack": Member(Choice(ACKS)),
        "properties": Member(MapOf(_TEXT)),
    },
)


class MessageRoutes:
    """The operations on messages."""

    def __init__(self, hubs: HubRegistry) -> None:
        self._hubs = hubs
        self._messages = hubs.messages

    def entries(self) -> list[Entry]:
        """The operations."""
        feedback = "/messages/serviceBound/feedback"
        send = "/_local/devices/{device}/messages/devicebound"
        right = "ServiceConnect"
        return [
            Entry(route("POST", send, self._send), right),
            Entry(route("DELETE", "/devices/{device}/commands", self._purge), right),
            Entry(route("GET", feedback, self._feedback), right),
            Entry(route("DELETE", f"{feedback}/{{lock}}", self._complete), right),
            Entry(route("POST", f"{feedback}/{{lock}}/abandon", self._abandon), right),
        ]

    def _send(self, call: Call, device: str) -> Answer:
        sent: dict[str, Any] = checked(_MESSAGE, call.document())
        if "expiryTimeUtc" in sent:
            sent["expiryTimeUtc"] = self._expiry(sent["expiryTimeUtc"])
        text, encoded = sent.pop("body", ""), sent.pop("bodyBase64", None)
        body = base64.b64decode(encoded) if encoded is not None else text.encode()
        return Answer(201, {"messageId": self._messages.send(call.host, device, body, sent)})

    def _expiry(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise HubError(400, "InvalidMessageExpiryTime", f"'{text[:40]}' is no ISO 8601 time") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        now = self._hubs.clock.now()
        if not now < moment <= now + LONGEST_LIFE:
            text = f"expiryTimeUtc must be in the next two days, not {text[:40]}"
            raise HubError(400, "InvalidMessageExpiryTime", text)
        return moment

    def _purge(self, call: Call, device: str) -> Answer:
        count = self._messages.purge(call.host, device)
        return Answer(body={"totalMessagesPurged": count, "deviceId": device, "moduleId": None})

    def _feedback(self, call: Call) -> Answer:
        lock, records = self._messages.feedback(call.host)
        if not records:
            return Answer(204)
        headers = {"ETag": f'"{lock}"', "iothub-enqueuedtime": self._hubs.clock.text()}
        return Answer(body=records, headers=headers)

    def _complete(self, call: Call, lock: str) -> Answer:
        self._messages.settle_feedback(call.host, lock, "complete")
        return Answer(204)

    def _abandon(self, call: Call, lock: str) -> Answer:
        self._messages.settle_feedback(call.host, lock, "abandon")
        return Answer(204)
